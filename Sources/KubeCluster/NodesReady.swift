// Waiting until the API says that the nodes are Ready.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire
import Synchronization

enum NodesReady {
    static let timeout: Duration = .seconds(60)

    /// Returns when each node of the cluster has the condition Ready=True, as a watch tells.
    static func wait(_ cluster: LocalCluster) async throws {
        let client: Client = try AdminAccess.client(cluster.paths)
        let wanted: Set<String> = Set(cluster.configuration.nodes.map { $0.name })
        let missing: MissingNodes = MissingNodes(wanted)
        try await withThrowingTaskGroup(of: Bool.self) { tasks in
            tasks.addTask {
                let nodes: Informer = Informer(client, API.nodes)
                let done: Gate = Gate()
                nodes.onChange { _, new in
                    guard let new else { return }
                    let isEmpty: Bool = missing.names.withLock {
                        if isReady(new) {
                            $0.remove(new.meta.name)
                        } else if wanted.contains(new.meta.name) {
                            $0.insert(new.meta.name)
                        }
                        return $0.isEmpty
                    }
                    if isEmpty { done.open() }
                }
                await withTaskGroup(of: Void.self) { inner in
                    inner.addTask { try? await nodes.run() }
                    await withTaskCancellationHandler {
                        await done.wait()
                    } onCancel: {
                        done.open()
                    }
                    inner.cancelAll()
                }
                return true
            }
            tasks.addTask {
                try await Task.sleep(for: timeout)
                return false
            }
            let isDone: Bool = try await tasks.next() ?? false
            tasks.cancelAll()
            if !isDone {
                let names: String = missing.names.withLock { $0.sorted().joined(separator: ", ") }
                throw ClusterError("not Ready after \(timeout): \(names); see \(cluster.paths.logs)")
            }
        }
    }

    static func isReady(_ node: JSON) -> Bool {
        node.status.conditions.elements.contains { $0["type"].text == "Ready" && $0.status.text == "True" }
    }
}

/// The nodes still waited for, shared by the watch and the time-out.
private final class MissingNodes: Sendable {
    let names: Mutex<Set<String>>
    init(_ names: Set<String>) { self.names = Mutex(names) }
}
