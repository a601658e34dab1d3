// All controllers and a fake kubelet around the API in memory.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire

@testable import KubeControllers

func withCluster(
    nodes: [String] = ["n1"], rejects: @escaping @Sendable (String) -> Bool = { _ in false },
    _ body: (FakeAPI, Client) async throws -> Void
) async throws {
    let api: FakeAPI = FakeAPI()
    let client: Client = Client(transport: api, fieldManager: "test")
    let informers: InformerSet = InformerSet(client)
    let controllers: Controllers = Controllers(
        client: { _ in client }, informers: informers, time: SystemTime(), options: ControllerOptions())
    let kubelet: FakeKubelet = FakeKubelet(client, informers, rejects: rejects)
    for node in nodes {
        try await client.create(
            API.nodes,
            [
                "metadata": ["name": .string(node), "labels": ["kubernetes.io/hostname": .string(node)]],
                "status": [
                    "conditions": [["type": "Ready", "status": "True"]],
                    "allocatable": ["cpu": "4", "memory": "8Gi", "pods": "110"],
                ],
            ])
    }
    try await withComponents([informers, controllers, kubelet]) { try await body(api, client) }
}

func podTemplate(_ app: String, _ image: String, restartPolicy: String? = nil) -> JSON {
    var t: JSON = [
        "metadata": ["labels": ["app": .string(app)]],
        "spec": ["containers": [["name": "c", "image": .string(image)]]],
    ]
    if let restartPolicy { t.spec.restartPolicy = .string(restartPolicy) }
    return t
}
