// Makes every pod run and be ready at once, and removes it when it is deleted.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire

@testable import KubeControllers

final class FakeKubelet: Component {
    private let client: Client
    private let pods: Informer
    private let queue: WorkQueue<ObjectKey> = WorkQueue(time: SystemTime())
    let name: String = "fake kubelet"
    /// Pods whose image this rejects never become ready.
    private let rejects: @Sendable (String) -> Bool

    init(_ client: Client, _ informers: InformerSet, rejects: @escaping @Sendable (String) -> Bool = { _ in false }) {
        self.client = client
        self.rejects = rejects
        pods = informers[API.pods]
        let queue: WorkQueue<ObjectKey> = queue
        pods.onChange { _, new in if let new { queue.add(ObjectKey(of: new)) } }
    }

    func run() async throws {
        try await ReconcileLoop<ObjectKey>(name, workers: 2, queue: queue) { key in
            guard var pod = self.pods.get(key) else { return .done }
            if pod.metadata.deletionTimestamp.exists {
                if pod.spec.nodeName.text.isEmpty { return .done }
                _ = try? await self.client.delete(
                    API.pods, namespace: key.namespace, key.name, options: ["gracePeriodSeconds": 0])
                return .done
            }
            if pod.spec.nodeName.text.isEmpty {
                let target: String = DaemonSetPlan.targetNode(pod)
                pod.spec.nodeName = .string(target.isEmpty ? "n1" : target)
                try await self.client.update(API.pods, pod)
                return .done
            }
            let image: String = pod.spec.containers[0].image.text
            if image == "succeeds" || image == "fails", !Pods.isTerminal(pod) {
                let code: Int = image == "fails" ? 3 : 0
                pod.status = [
                    "phase": code == 0 ? "Succeeded" : "Failed",
                    "containerStatuses": [
                        [
                            "name": "c",
                            "state": [
                                "terminated": [
                                    "exitCode": JSON(code),
                                    "finishedAt": .string((Timestamp.now - .seconds(3600)).rfc3339),
                                ]
                            ],
                        ]
                    ],
                ]
                try await self.client.update(API.pods, pod, subresource: "status")
                return .done
            }
            if pod.status.phase.text == "Running" || Pods.isTerminal(pod) { return .done }
            let isBad: Bool = self.rejects(pod.spec.containers[0].image.text)
            pod.status = [
                "phase": "Running", "podIP": .string("10.0.0.\(abs(key.name.hashValue) % 250)"),
                "conditions": [
                    [
                        "type": "Ready", "status": isBad ? "False" : "True",
                        "lastTransitionTime": .string(Timestamp.now.rfc3339),
                    ]
                ],
            ]
            try await self.client.update(API.pods, pod, subresource: "status")
            return .done
        }.run()
    }
}

enum Pods {
    static func isTerminal(_ pod: JSON) -> Bool { ["Succeeded", "Failed"].contains(pod.status.phase.text) }
}
