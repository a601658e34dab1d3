// The real API server in memory, with every controller under its own account and a fake kubelet.

import KubeAPI
import KubeBase
import KubeClient
import KubeControllers
import KubeCrypto
import KubeModel
import KubeResources
import KubeServer
import KubeStore
import KubeWire
import Synchronization

struct TimedOut: Error {
    var what: String
}

struct ServedCluster: Sendable {
    let client: Client
    let informers: InformerSet
    let kubelet: ServedKubelet

    static func run(
        nodes: Int = 2, options: ControllerOptions = ControllerOptions(), without: Set<String> = [],
        _ body: (ServedCluster) async throws -> Void
    ) async throws {
        let settings: ClusterSettings = ClusterSettings(
            signingKeys: [try SigningKey.create()], clientCAPEM: "-", advertiseAddress: "192.0.2.1", advertisePort: 6443
        )
        var server: APIServerOptions = APIServerOptions(
            store: LogStore.memory(), definitions: KubeResources.Catalogue.definitions(settings),
            authorizer: ClusterSecurity.authorizer(settings))
        server.authenticators = ClusterSecurity.authenticators(settings)
        server.admission = AdmissionPlugins.all()
        let api: APIServer = try await APIServer.open(server)
        try await BootstrapObjects(settings, api.registry).apply()
        api.markReady()
        let admin: Client = Client(transport: api.transport(user: .loopback), fieldManager: "test")
        let informers: InformerSet = InformerSet(admin)
        let controllers: Controllers = Controllers(
            client: { name in
                Client(
                    transport: api.transport(
                        user: UserInfo(
                            name: "system:serviceaccount:kube-system:\(name)",
                            groups: [
                                UserInfo.Group.serviceAccounts, "\(UserInfo.Group.serviceAccounts):kube-system",
                                UserInfo.Group.authenticated,
                            ])),
                    fieldManager: "kube-controller-manager")
            }, informers: informers, time: SystemTime(), options: options, without: without)
        let kubelet: ServedKubelet = ServedKubelet(admin, informers, nodes: nodes)
        let cluster: ServedCluster = ServedCluster(client: admin, informers: informers, kubelet: kubelet)
        let parts: [any Component] = [api, informers, controllers, kubelet]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for part in parts { group.addTask { try await part.run() } }
            for n in 1...nodes { try await cluster.addNode("n\(n)") }
            try await body(cluster)
            group.cancelAll()
        }
        await api.close()
    }

    func addNode(_ name: String) async throws {
        try await client.create(
            API.nodes,
            [
                "apiVersion": "v1", "kind": "Node",
                "metadata": ["name": .string(name), "labels": ["kubernetes.io/hostname": .string(name)]],
            ])
        try await client.patch(
            API.nodes, name, .merge,
            [
                "status": [
                    "conditions": [
                        [
                            "type": "Ready", "status": "True", "reason": "KubeletReady", "message": "ok",
                            "lastHeartbeatTime": .string(Timestamp.now.rfc3339),
                            "lastTransitionTime": .string(Timestamp.now.rfc3339),
                        ]
                    ],
                    "capacity": ["cpu": "4", "memory": "8Gi", "pods": "110"],
                    "allocatable": ["cpu": "4", "memory": "8Gi", "pods": "110"],
                ]
            ], subresource: "status")
    }

    func get(_ r: GroupVersionResource, _ name: String, _ namespace: String = "default") async throws -> JSON? {
        do throws(StatusError) {
            return try await client.get(r, namespace: namespace, name)
        } catch {
            if error.isNotFound { return nil }
            throw error
        }
    }

    func list(_ r: GroupVersionResource, _ namespace: String = "default") async throws -> [JSON] {
        try await client.list(r, namespace: namespace)["items"].elements
    }

    /// Asks again until it holds. Cheap: the server is in this process.
    func wait(_ what: String, seconds: Int = 15, _ holds: () async throws -> Bool) async throws {
        let end: Timestamp = .now + .seconds(seconds)
        while try await !holds() {
            if Timestamp.now > end { throw TimedOut(what: what) }
            try await Task.sleep(for: .milliseconds(10))
        }
    }

    static func template(_ app: String, _ image: String, restartPolicy: String = "Always") -> JSON {
        [
            "metadata": ["labels": ["app": .string(app)]],
            "spec": ["restartPolicy": .string(restartPolicy), "containers": [["name": "c", "image": .string(image)]]],
        ]
    }
}

/// Places every pod, runs it at once and removes it when deleted. Image `succeeds` ends well, `fails` badly.
final class ServedKubelet: Component {
    let name: String = "fake kubelet"
    private let client: Client
    private let pods: Informer
    private let nodes: Int
    /// Nodes whose kubelet does nothing any more.
    private let dead: Mutex<Set<String>> = Mutex([])
    private let queue: WorkQueue<ObjectKey> = WorkQueue(time: SystemTime())

    init(_ client: Client, _ informers: InformerSet, nodes: Int) {
        self.client = client
        self.nodes = nodes
        pods = informers[API.pods]
        let queue: WorkQueue<ObjectKey> = queue
        pods.onChange { _, new in if let new { queue.add(ObjectKey(of: new)) } }
    }

    func kill(_ node: String) { _ = dead.withLock { $0.insert(node) } }

    func run() async throws {
        try await ReconcileLoop<ObjectKey>(name, workers: 2, queue: queue) { key in
            guard let pod = self.pods.get(key) else { return .done }
            if self.dead.withLock({ $0.contains(pod.spec.nodeName.text) }) { return .done }
            if pod.metadata.deletionTimestamp.exists {
                guard !pod.spec.nodeName.text.isEmpty else { return .done }
                do throws(StatusError) {
                    try await self.client.delete(
                        API.pods, namespace: key.namespace, key.name,
                        options: ["gracePeriodSeconds": 0, "preconditions": ["uid": pod.metadata.uid]])
                } catch {}
                return .done
            }
            if pod.spec.nodeName.text.isEmpty { return try await self.bind(pod) }
            if !pod.status.phase.text.isEmpty, pod.status.phase.text != "Pending" { return .done }
            try await self.client.patch(
                API.pods, namespace: key.namespace, key.name, .merge, ["status": Self.status(pod)],
                subresource: "status")
            return .done
        }.run()
    }

    private func bind(_ pod: JSON) async throws -> ReconcileResult {
        let required: JSON = pod.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution
        let tied: String = required.nodeSelectorTerms[0].matchFields[0].values[0].text
        let alive: [String] = (1...nodes).map { "n\($0)" }.filter { n in !dead.withLock { $0.contains(n) } }
        let node: String = tied.isEmpty ? alive[abs(pod.metadata.uid.text.hashValue) % alive.count] : tied
        do throws(StatusError) {
            try await client.create(
                API.pods, namespace: pod.metadata.namespace.text,
                [
                    "apiVersion": "v1", "kind": "Binding", "metadata": ["name": pod.metadata.name],
                    "target": ["apiVersion": "v1", "kind": "Node", "name": .string(node)],
                ], name: pod.metadata.name.text, subresource: "binding")
        } catch {
            if !error.isConflict && !error.isNotFound { throw error }
        }
        return .done
    }

    private static func status(_ pod: JSON) -> JSON {
        let image: String = pod.spec.containers[0].image.text
        let now: JSON = .string(Timestamp.now.rfc3339)
        if image == "succeeds" || image == "fails" {
            let code: JSON = image == "fails" ? 3 : 0
            return [
                "phase": image == "fails" ? "Failed" : "Succeeded",
                "containerStatuses": [
                    [
                        "name": "c", "ready": false, "restartCount": 0, "image": .string(image), "imageID": "",
                        "state": [
                            "terminated": [
                                "exitCode": code, "finishedAt": .string((Timestamp.now - .seconds(3600)).rfc3339),
                            ]
                        ],
                    ]
                ],
            ]
        }
        let octet: Int = abs(pod.metadata.uid.text.hashValue) % 60_000
        let ip: JSON = .string("10.244.\(octet / 250).\(octet % 250 + 1)")
        return [
            "phase": "Running", "podIP": ip, "podIPs": [["ip": ip]], "startTime": now,
            "conditions": [
                ["type": "Ready", "status": image == "bad" ? "False" : "True", "lastTransitionTime": now]
            ],
        ]
    }
}
