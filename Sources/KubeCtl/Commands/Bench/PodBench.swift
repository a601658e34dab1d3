// Deployments one after the other: the time from asking for one to the watch telling that its pod is Running.

import KubeModel
import KubeNet
import KubeWire

struct PodBench: Sendable {
    let namespace: BenchNamespace
    let count: Int
    let image: String
    let limit: Duration

    /// Prints the figures; throws when `limit` passes before all pods ran.
    func run(_ i: Invocation) async throws {
        try await namespace.awaitServiceAccount()
        let figures: Figures? = try await withThrowingTaskGroup(of: Figures?.self) { group in
            group.addTask { try await measure() }
            group.addTask {
                try await Task.sleep(for: limit)
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
        guard let figures else { throw UsageError("timed out waiting for \(count) pods to run") }
        i.console.line(figures.line("pods"))
    }

    private func measure() async throws -> Figures {
        let connection: Connection = namespace.connection
        let path: String = "/api/v1/namespaces/\(namespace.name)/pods"
        let list: JSON = try await connection.get(path)
        var events: EventLines = try await EventLines.open(
            connection, path, query: [], from: list.metadata.resourceVersion.text)
        var figures: Figures = Figures()
        for k in 0..<count {
            let seconds: Double = try await start(k, &events)
            figures.latencies.append(seconds)
            figures.wall += seconds
        }
        return figures
    }

    private func start(_ k: Int, _ events: inout EventLines) async throws -> Double {
        let began: ContinuousClock.Instant = .now
        _ = try await namespace.connection.send(
            "POST", "/apis/apps/v1/namespaces/\(namespace.name)/deployments", deployment("d-\(k)"))
        while let event = try await events.next() {
            if event.object.metadata.labels["app"].text == "d-\(k)", event.object.status.phase.text == "Running" {
                return (ContinuousClock.now - began) / .seconds(1)
            }
        }
        throw UsageError("the watch of pods ended")
    }

    private func deployment(_ name: String) -> JSON {
        let labels: JSON = ["app": JSON(name)]
        let container: JSON = ["name": "c", "image": JSON(image), "imagePullPolicy": "IfNotPresent"]
        let podSpec: JSON = ["terminationGracePeriodSeconds": 1, "containers": [container]]
        let template: JSON = ["metadata": ["labels": labels], "spec": podSpec]
        return [
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": JSON(name), "labels": labels],
            "spec": ["replicas": 1, "selector": ["matchLabels": labels], "template": template],
        ]
    }
}
