// Controllers and API server together: defaults, validation, permissions and propagation as they really are.

import KubeAPI
import KubeBase
import KubeClient
import KubeControllers
import KubeModel
import KubeWire
import Testing

@Suite(.serialized) struct ControllersOnServerTests {
    private func deployment(_ name: String, _ replicas: Int, _ image: String) -> JSON {
        [
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": .string(name)],
            "spec": [
                "replicas": JSON(replicas), "selector": ["matchLabels": ["app": .string(name)]],
                "template": ServedCluster.template(name, image),
            ],
        ]
    }

    private func isRolledOut(_ c: ServedCluster, _ name: String, _ n: Int) async throws -> Bool {
        guard let d = try await c.get(API.deployments, name) else { return false }
        return d.status.availableReplicas.asInt == n && d.status.updatedReplicas.asInt == n
            && d.status.replicas.asInt == n && d.status.observedGeneration == d.metadata.generation
    }

    @Test func deploymentLifeCycle() async throws {
        try await ServedCluster.run { c in
            try await c.client.create(API.deployments, namespace: "default", deployment("web", 3, "v1"))
            try await c.wait("first rollout") { try await isRolledOut(c, "web", 3) }
            let patch: JSON = ["spec": ["template": ["spec": ["containers": [["name": "c", "image": "v2"]]]]]]
            try await c.client.patch(API.deployments, namespace: "default", "web", .strategicMerge, patch)
            try await c.wait("update") {
                let pods: [JSON] = try await c.list(API.pods)
                return try await isRolledOut(c, "web", 3)
                    && pods.filter { !$0.metadata.deletionTimestamp.exists }.allSatisfy {
                        $0.spec.containers[0].image.text == "v2"
                    }
            }
            let sets: [JSON] = try await c.list(API.replicaSets)
            #expect(sets.count == 2)
            #expect(
                sets.compactMap { Int($0.metadata.annotations["deployment.kubernetes.io/revision"].text) }.sorted() == [
                    1, 2,
                ])
            try await c.wait("events") {
                let reasons: Set<String> = Set(try await c.list(API.events).map { $0.reason.text })
                return reasons.isSuperset(of: ["ScalingReplicaSet", "SuccessfulCreate", "SuccessfulDelete"])
            }
            try await c.wait("the end of the old pods and the news of it") {
                let status: JSON = try await c.get(API.deployments, "web")?.status ?? .null
                let pods: Int = try await c.list(API.pods).count
                return pods == 3 && (status.terminatingReplicas.asInt ?? 0) == 0
                    && status.conditions.elements.contains { $0.reason.text == "NewReplicaSetAvailable" }
            }
            // Settled: nothing writes any more.
            let before: JSON? = try await c.get(API.deployments, "web")
            try await Task.sleep(for: .milliseconds(300))
            #expect(
                try await c.get(API.deployments, "web")?.metadata.resourceVersion == before?.metadata.resourceVersion)
            try await c.client.delete(API.deployments, namespace: "default", "web")
            try await c.wait("collection") {
                let left: Int = try await c.list(API.replicaSets).count
                let pods: Int = try await c.list(API.pods).count
                return left == 0 && pods == 0
            }
        }
    }

    @Test func foregroundAndOrphan() async throws {
        try await ServedCluster.run { c in
            try await c.client.create(API.deployments, namespace: "default", deployment("a", 2, "v1"))
            try await c.client.create(API.deployments, namespace: "default", deployment("b", 2, "v1"))
            try await c.wait("rollout") {
                let (a, b): (Bool, Bool) = (try await isRolledOut(c, "a", 2), try await isRolledOut(c, "b", 2))
                return a && b
            }
            try await c.client.delete(
                API.deployments, namespace: "default", "a", options: ["propagationPolicy": "Foreground"])
            try await c.wait("foreground") { try await c.get(API.deployments, "a") == nil }
            #expect(try await c.list(API.pods).allSatisfy { $0.metadata.labels.app.text == "b" })
            try await c.client.delete(
                API.deployments, namespace: "default", "b", options: ["propagationPolicy": "Orphan"])
            try await c.wait("orphan") { try await c.get(API.deployments, "b") == nil }
            let sets: [JSON] = try await c.list(API.replicaSets)
            #expect(sets.count == 1)
            #expect(sets.allSatisfy { $0.metadata.ownerReferences.elements.isEmpty })
            #expect(try await c.list(API.pods).count == 2)
        }
    }

    @Test func servicesHaveEndpoints() async throws {
        try await ServedCluster.run { c in
            try await c.client.create(
                API.services, namespace: "default",
                [
                    "apiVersion": "v1", "kind": "Service", "metadata": ["name": "web"],
                    "spec": ["selector": ["app": "web"], "ports": [["port": 80, "targetPort": 8080]]],
                ])
            try await c.client.create(API.deployments, namespace: "default", deployment("web", 3, "v1"))
            try await c.wait("slices") {
                let slices: [JSON] = try await c.list(API.endpointSlices).filter {
                    $0.metadata.labels["kubernetes.io/service-name"].text == "web"
                }
                return slices.count == 1
                    && slices[0].endpoints.elements.filter { $0.conditions.ready.isTrue }.count == 3
            }
            try await c.wait("endpoints") {
                try await c.get(API.endpoints, "web")?.subsets[0].addresses.elements.count == 3
            }
            try await c.client.delete(API.services, namespace: "default", "web")
            try await c.wait("gone") {
                let left: Bool = try await c.list(API.endpointSlices).contains {
                    $0.metadata.labels["kubernetes.io/service-name"].text == "web"
                }
                let endpoints: JSON? = try await c.get(API.endpoints, "web")
                return !left && endpoints == nil
            }
            // The API's own endpoints are none of our business.
            #expect(try await c.get(API.services, "kubernetes") != nil)
        }
    }

    @Test func namespaceGoesWithEverythingInIt() async throws {
        try await ServedCluster.run { c in
            try await c.client.create(
                API.namespaces, ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": "team"]])
            try await c.wait("account") { try await c.get(API.serviceAccounts, "default", "team") != nil }
            try await c.wait("root certificate") { try await c.get(API.configMaps, "kube-root-ca.crt", "team") != nil }
            try await c.client.create(API.deployments, namespace: "team", deployment("web", 3, "v1"))
            try await c.client.create(
                API.configMaps, namespace: "team",
                [
                    "apiVersion": "v1", "kind": "ConfigMap",
                    "metadata": ["name": "x", "finalizers": ["example.com/hold"]],
                ])
            try await c.wait("pods") { try await c.list(API.pods, "team").count == 3 }
            try await c.client.delete(API.namespaces, "team")
            try await c.wait("held by the finalizer") {
                let n: JSON? = try await c.get(API.namespaces, "team", "")
                return n?.status.conditions.elements.contains {
                    $0.type.text == "NamespaceFinalizersRemaining" && $0.status.text == "True"
                } ?? false
            }
            try await c.client.patch(
                API.configMaps, namespace: "team", "x", .merge, ["metadata": ["finalizers": []]])
            try await c.wait("gone") { try await c.get(API.namespaces, "team", "") == nil }
        }
    }

    @Test func jobsFinishAndAreCleanedUp() async throws {
        try await ServedCluster.run { c in
            try await c.client.create(
                API.jobs, namespace: "default",
                [
                    "apiVersion": "batch/v1", "kind": "Job", "metadata": ["name": "pi"],
                    "spec": [
                        "completions": 4, "parallelism": 2, "ttlSecondsAfterFinished": 1,
                        "template": [
                            "spec": ["restartPolicy": "Never", "containers": [["name": "c", "image": "succeeds"]]]
                        ],
                    ],
                ])
            try await c.wait("complete") {
                let job: JSON? = try await c.get(API.jobs, "pi")
                return job?.status.succeeded.asInt == 4
                    && job?.status.conditions.elements.contains { $0.type.text == "Complete" } ?? false
            }
            try await c.wait("time to live") {
                let (job, pods): (JSON?, [JSON]) = (try await c.get(API.jobs, "pi"), try await c.list(API.pods))
                return job == nil && pods.isEmpty
            }
        }
    }

    @Test func otherWorkloads() async throws {
        try await ServedCluster.run { c in
            try await c.client.create(
                API.daemonSets, namespace: "default",
                [
                    "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": ["name": "agent"],
                    "spec": [
                        "selector": ["matchLabels": ["app": "agent"]],
                        "template": ServedCluster.template("agent", "v1"),
                    ],
                ])
            try await c.client.create(
                API.statefulSets, namespace: "default",
                [
                    "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": ["name": "db"],
                    "spec": [
                        "replicas": 3, "serviceName": "db", "selector": ["matchLabels": ["app": "db"]],
                        "template": ServedCluster.template("db", "v1"),
                        "volumeClaimTemplates": [
                            [
                                "metadata": ["name": "data"],
                                "spec": [
                                    "accessModes": ["ReadWriteOnce"], "resources": ["requests": ["storage": "1Gi"]],
                                ],
                            ]
                        ],
                    ],
                ])
            try await c.client.create(
                API.replicationControllers, namespace: "default",
                [
                    "apiVersion": "v1", "kind": "ReplicationController", "metadata": ["name": "old"],
                    "spec": [
                        "replicas": 2, "selector": ["app": "old"], "template": ServedCluster.template("old", "v1"),
                    ],
                ])
            try await c.wait("daemon set") {
                try await c.get(API.daemonSets, "agent")?.status.numberAvailable.asInt == 2
            }
            try await c.wait("replication controller") {
                try await c.get(API.replicationControllers, "old")?.status.readyReplicas.asInt == 2
            }
            try await c.wait("stateful set") {
                let s: JSON? = try await c.get(API.statefulSets, "db")
                return s?.status.readyReplicas.asInt == 3 && s?.status.currentRevision == s?.status.updateRevision
            }
            #expect(
                try await c.list(API.persistentVolumeClaims).map { $0.metadata.name.text }.sorted()
                    == ["data-db-0", "data-db-1", "data-db-2"])
            try await c.client.patch(
                API.statefulSets, namespace: "default", "db", .strategicMerge,
                ["spec": ["template": ["spec": ["containers": [["name": "c", "image": "v2"]]]]]])
            try await c.wait("stateful update") {
                let s: JSON? = try await c.get(API.statefulSets, "db")
                return s?.status.updatedReplicas.asInt == 3 && s?.status.readyReplicas.asInt == 3
                    && s?.status.currentRevision == s?.status.updateRevision
            }
            try await c.client.patch(
                API.daemonSets, namespace: "default", "agent", .strategicMerge,
                ["spec": ["template": ["spec": ["containers": [["name": "c", "image": "v2"]]]]]])
            try await c.wait("daemon update") {
                let s: JSON? = try await c.get(API.daemonSets, "agent")
                return s?.status.updatedNumberScheduled.asInt == 2 && s?.status.numberAvailable.asInt == 2
            }
        }
    }

    @Test func silentNodeLosesItsPods() async throws {
        var options: ControllerOptions = ControllerOptions()
        options.nodeMonitorGracePeriod = .seconds(1)
        try await ServedCluster.run(nodes: 2, options: options) { c in
            try await c.wait("pod ranges") {
                try await c.list(API.nodes, "").allSatisfy { !$0.spec.podCIDR.text.isEmpty }
            }
            #expect(
                Set(try await c.list(API.nodes, "").map { $0.spec.podCIDR.text }) == ["10.244.0.0/24", "10.244.1.0/24"])
            var d: JSON = deployment("web", 4, "v1")
            d.spec.template.spec.tolerations = [
                [
                    "key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute",
                    "tolerationSeconds": 1,
                ]
            ]
            try await c.client.create(API.deployments, namespace: "default", d)
            try await c.client.create(
                API.leases, namespace: "kube-node-lease",
                ["apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": ["name": "n1"]])
            try await c.wait("pods") {
                try await c.list(API.pods).filter { $0.status.phase.text == "Running" }.count == 4
            }
            // n1 renews, n2 falls silent.
            c.kubelet.kill("n2")
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    while !Task.isCancelled {
                        try await c.client.patch(
                            API.leases, namespace: "kube-node-lease", "n1", .merge,
                            ["spec": ["renewTime": .string(Timestamp.now.rfc3339Micro)]])
                        try await Task.sleep(for: .milliseconds(200))
                    }
                }
                try await c.wait("unknown") {
                    let n: JSON? = try await c.get(API.nodes, "n2", "")
                    let keys: [String] = n?.spec.taints.elements.map { $0.key.text + ":" + $0.effect.text } ?? []
                    return n?.status.conditions.elements.first { $0.type.text == "Ready" }?.status.text == "Unknown"
                        && keys.contains("node.kubernetes.io/unreachable:NoExecute")
                }
                let n1: JSON? = try await c.get(API.nodes, "n1", "")
                #expect(n1?.spec.taints.exists == false)
                try await c.wait("identical pods elsewhere") {
                    let pods: [JSON] = try await c.list(API.pods)
                    let running: [JSON] = pods.filter {
                        !$0.metadata.deletionTimestamp.exists && $0.status.phase.text == "Running"
                    }
                    let left: [JSON] = pods.filter { $0.spec.nodeName.text == "n2" }
                    return running.count == 4 && running.allSatisfy { $0.spec.nodeName.text == "n1" }
                        && left.allSatisfy { pod in
                            let conditions: [JSON] = pod.status.conditions.elements
                            let ready: JSON? = conditions.first { $0.type.text == "Ready" }
                            let target: JSON? = conditions.first { $0.type.text == "DisruptionTarget" }
                            return ready?.status.text == "False" && target?.reason.text == "DeletionByTaintManager"
                        }
                }
                group.cancelAll()
            }
        }
    }

    @Test func handMadeEndpointsAndEphemeralClaims() async throws {
        try await ServedCluster.run { c in
            try await c.client.create(
                API.services, namespace: "default",
                [
                    "apiVersion": "v1", "kind": "Service", "metadata": ["name": "db"],
                    "spec": ["ports": [["port": 5432]]],
                ])
            try await c.client.create(
                API.endpoints, namespace: "default",
                [
                    "apiVersion": "v1", "kind": "Endpoints", "metadata": ["name": "db"],
                    "subsets": [["addresses": [["ip": "192.0.2.7"]], "ports": [["port": 5432]]]],
                ])
            try await c.wait("mirror") {
                try await c.list(API.endpointSlices).contains {
                    $0.metadata.labels["kubernetes.io/service-name"].text == "db"
                        && $0.endpoints[0].addresses[0].text == "192.0.2.7"
                }
            }
            var pod: JSON = ["apiVersion": "v1", "kind": "Pod", "metadata": ["name": "p"]]
            pod.spec = ServedCluster.template("p", "v1").spec
            pod.spec.volumes = [
                [
                    "name": "scratch",
                    "ephemeral": [
                        "volumeClaimTemplate": [
                            "spec": ["accessModes": ["ReadWriteOnce"], "resources": ["requests": ["storage": "1Gi"]]]
                        ]
                    ],
                ]
            ]
            try await c.wait("account") { try await c.get(API.serviceAccounts, "default") != nil }
            try await c.client.create(API.pods, namespace: "default", pod)
            try await c.wait("protected claim") {
                try await c.get(API.persistentVolumeClaims, "p-scratch")?.metadata.finalizers.strings
                    == ["kubernetes.io/pvc-protection"]
            }
            try await c.client.delete(API.persistentVolumeClaims, namespace: "default", "p-scratch")
            try await Task.sleep(for: .milliseconds(200))
            #expect(try await c.get(API.persistentVolumeClaims, "p-scratch") != nil)
            try await c.client.delete(API.pods, namespace: "default", "p")
            try await c.wait("released") { try await c.get(API.persistentVolumeClaims, "p-scratch") == nil }
        }
    }

    @Test func deletedNodesLoseTheirPods() async throws {
        try await ServedCluster.run(nodes: 1) { c in
            try await c.client.create(
                API.persistentVolumes,
                [
                    "apiVersion": "v1", "kind": "PersistentVolume", "metadata": ["name": "disk"],
                    "spec": [
                        "capacity": ["storage": "2Gi"], "accessModes": ["ReadWriteOnce"], "storageClassName": "manual",
                        "hostPath": ["path": "/tmp/none"],
                    ],
                ])
            try await c.client.create(
                API.persistentVolumeClaims, namespace: "default",
                [
                    "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": ["name": "data"],
                    "spec": [
                        "accessModes": ["ReadWriteOnce"], "storageClassName": "manual",
                        "resources": ["requests": ["storage": "1Gi"]],
                    ],
                ])
            try await c.wait("bound") {
                let claim: JSON? = try await c.get(API.persistentVolumeClaims, "data")
                let volume: JSON? = try await c.get(API.persistentVolumes, "disk", "")
                return claim?.status.phase.text == "Bound" && volume?.status.phase.text == "Bound"
                    && claim?.spec.volumeName.text == "disk"
            }
            try await c.client.create(
                API.podDisruptionBudgets, namespace: "default",
                [
                    "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": ["name": "web"],
                    "spec": ["minAvailable": "50%", "selector": ["matchLabels": ["app": "web"]]],
                ])
            try await c.client.create(
                API.resourceQuotas, namespace: "default",
                [
                    "apiVersion": "v1", "kind": "ResourceQuota", "metadata": ["name": "q"],
                    "spec": ["hard": ["pods": "10", "count/deployments.apps": "5"]],
                ])
            try await c.client.create(API.deployments, namespace: "default", deployment("web", 4, "v1"))
            try await c.wait("budget") {
                try await c.get(API.podDisruptionBudgets, "web")?.status.disruptionsAllowed.asInt == 2
            }
            try await c.wait("quota") {
                let used: JSON = try await c.get(API.resourceQuotas, "q")?.status.used ?? .null
                return used.pods.text == "4" && used["count/deployments.apps"].text == "1"
            }
            try await c.wait("aggregated roles") {
                try await c.get(API.clusterRoles, "admin", "")?.rules.elements.isEmpty == false
            }
        }
    }
}
