// Rollouts: the plan as a table, and whole rollouts against the API in memory.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire
import Testing

@testable import KubeControllers

@Suite struct DeploymentPlanTests {
    private let now: Timestamp = Timestamp(seconds: 1_700_000_000)

    private func deployment(_ replicas: Int, image: String = "v1", surge: JSON = "25%", unavailable: JSON = "25%")
        -> JSON
    {
        var d: JSON = ["apiVersion": "apps/v1", "kind": "Deployment"]
        d.metadata = ["name": "web", "namespace": "default", "uid": "d", "generation": 1]
        d.spec.replicas = JSON(replicas)
        d.spec.selector.matchLabels.app = "web"
        d.spec.strategy = [
            "type": "RollingUpdate", "rollingUpdate": ["maxSurge": surge, "maxUnavailable": unavailable],
        ]
        d.spec.template = template(image)
        d.spec.progressDeadlineSeconds = 600
        d.spec.revisionHistoryLimit = 10
        return d
    }
    private func template(_ image: String) -> JSON {
        ["metadata": ["labels": ["app": "web"]], "spec": ["containers": [["name": "c", "image": .string(image)]]]]
    }
    private func set(
        _ name: String, image: String, _ replicas: Int, available: Int? = nil, revision: Int, desired: Int, age: Int = 0
    ) -> JSON {
        var s: JSON = ["apiVersion": "apps/v1", "kind": "ReplicaSet"]
        s.metadata = [
            "name": .string(name), "namespace": "default", "uid": .string(name),
            "creationTimestamp": .string(Timestamp(seconds: 1_600_000_000 - Int64(age)).rfc3339),
            "annotations": [
                "deployment.kubernetes.io/revision": .string(String(revision)),
                "deployment.kubernetes.io/desired-replicas": .string(String(desired)),
                "deployment.kubernetes.io/max-replicas": .string(String(desired + (desired + 3) / 4)),
            ],
        ]
        s.spec.replicas = JSON(replicas)
        s.spec.template = template(image)
        s.spec.template.metadata.labels["pod-template-hash"] = .string(name)
        s.status.replicas = JSON(replicas)
        s.status.readyReplicas = JSON(available ?? replicas)
        s.status.availableReplicas = JSON(available ?? replicas)
        return s
    }
    private func scales(_ actions: [DeploymentAction]) -> [String] {
        actions.compactMap {
            switch $0 {
            case .scale(let s, let from): "\(s.metadata.name.text) \(from)->\(s.spec.replicas.asInt ?? -1)"
            case .create(let s): "create \(s.spec.replicas.asInt ?? -1)"
            case .delete(let s): "delete \(s.metadata.name.text)"
            default: nil
            }
        }
    }
    private func plan(_ d: JSON, _ sets: [JSON]) -> [DeploymentAction] {
        DeploymentPlan.make(DeploymentView(deployment: d, sets: sets, pods: [:], now: now))
    }

    @Test func firstSetIsCreatedWhole() {
        let actions: [DeploymentAction] = plan(deployment(3), [])
        #expect(scales(actions) == ["create 3"])
        guard case .create(let s) = actions[0] else {
            Issue.record("no create")
            return
        }
        #expect(s.metadata.name.text.hasPrefix("web-"))
        #expect(s.metadata.annotations["deployment.kubernetes.io/revision"].text == "1")
        #expect(s.metadata.annotations["deployment.kubernetes.io/max-replicas"].text == "4")
        let hash: JSON = s.metadata.labels["pod-template-hash"]
        #expect(s.spec.selector.matchLabels["pod-template-hash"] == hash)
        #expect(s.spec.template.metadata.labels["pod-template-hash"] == hash)
        #expect(actions.contains(.setRevision("1")))
        guard case .status(let status)? = actions.first(where: { if case .status = $0 { true } else { false } }) else {
            Issue.record("no status")
            return
        }
        let progressing: JSON? = Conditions.find(status.conditions.elements, "Progressing")
        #expect(progressing?.reason.text == "NewReplicaSetCreated")
        let available: JSON? = Conditions.find(status.conditions.elements, "Available")
        #expect(available?.message.text == "Deployment does not have minimum availability.")
    }

    @Test func rollStartsWithSurge() {
        let old: JSON = set("old", image: "v1", 4, revision: 1, desired: 4)
        // 4 + 25% = 5 pods at most: one new one.
        #expect(scales(plan(deployment(4, image: "v2"), [old])).first == "create 1")
    }

    @Test func oldShrinksAsFarAsAvailabilityAllows() {
        let old: JSON = set("old", image: "v1", 4, revision: 1, desired: 4, age: 10)
        let new: JSON = set("new", image: "v2", 1, available: 0, revision: 2, desired: 4)
        #expect(scales(plan(deployment(4, image: "v2"), [old, new])) == ["old 4->3"])
        let ready: JSON = set("new", image: "v2", 1, available: 1, revision: 2, desired: 4)
        #expect(scales(plan(deployment(4, image: "v2"), [old, ready])) == ["old 4->2"])
    }

    @Test func noUnavailabilityMeansSurgeFirst() {
        let d: JSON = deployment(2, image: "v2", surge: 1, unavailable: 0)
        let old: JSON = set("old", image: "v1", 2, revision: 1, desired: 2, age: 10)
        let starting: JSON = set("new", image: "v2", 1, available: 0, revision: 2, desired: 2)
        #expect(scales(plan(d, [old, starting])).isEmpty)
        let ready: JSON = set("new", image: "v2", 1, available: 1, revision: 2, desired: 2)
        #expect(scales(plan(d, [old, ready])) == ["old 2->1"])
    }

    @Test func unhealthyOldPodsGoFirst() {
        let bad: JSON = set("bad", image: "v2", 2, available: 0, revision: 2, desired: 4, age: 5)
        let good: JSON = set("good", image: "v1", 3, revision: 1, desired: 4, age: 10)
        let new: JSON = set("new", image: "v3", 0, revision: 3, desired: 4)
        #expect(scales(plan(deployment(4, image: "v3"), [bad, good, new])) == ["bad 2->0"])
    }

    @Test func scalingInTheMiddleIsProportional() {
        let old: JSON = set("old", image: "v1", 8, revision: 1, desired: 10, age: 10)
        let new: JSON = set("new", image: "v2", 5, revision: 2, desired: 10)
        // 10 + 3 surge became 15 + 4 = 19: six more, shared 8:5 and the rest to the larger.
        #expect(scales(plan(deployment(15, image: "v2"), [old, new])).sorted() == ["new 5->7", "old 8->12"])
    }

    @Test func rollbackTakesTheOldSetUpAgain() {
        let one: JSON = set("one", image: "v1", 0, revision: 1, desired: 3, age: 10)
        let two: JSON = set("two", image: "v2", 3, revision: 2, desired: 3)
        let actions: [DeploymentAction] = plan(deployment(3, image: "v1"), [one, two])
        #expect(actions.contains(.setRevision("3")))
        #expect(scales(actions) == ["one 0->1"])
        guard case .update(let s) = actions[0] else {
            Issue.record("no update first")
            return
        }
        #expect(s.metadata.annotations["deployment.kubernetes.io/revision-history"].text == "1")
    }

    @Test func pausedOnlyScales() {
        var d: JSON = deployment(6, image: "v2")
        d.spec.paused = true
        let old: JSON = set("old", image: "v1", 3, revision: 1, desired: 3)
        let actions: [DeploymentAction] = plan(d, [old])
        #expect(scales(actions) == ["old 3->6"])
        guard case .status(let status)? = actions.last else {
            Issue.record("no status")
            return
        }
        #expect(Conditions.find(status.conditions.elements, "Progressing")?.reason.text == "DeploymentPaused")
    }

    @Test func recreateWaitsForTheLastPod() {
        var d: JSON = deployment(2, image: "v2")
        d.spec.strategy = ["type": "Recreate"]
        let old: JSON = set("old", image: "v1", 2, revision: 1, desired: 2)
        #expect(scales(plan(d, [old])) == ["old 2->0"])
        var gone: JSON = set("old", image: "v1", 0, revision: 1, desired: 2)
        gone.status = ["replicas": 0]
        let pod: JSON = ["status": ["phase": "Running"]]
        let waiting: [DeploymentAction] = DeploymentPlan.make(
            DeploymentView(deployment: d, sets: [gone], pods: ["old": [pod]], now: now))
        #expect(scales(waiting).isEmpty)
        #expect(scales(plan(d, [gone])) == ["create 2"])
    }

    @Test func historyIsCleanedAfterCompletion() {
        var d: JSON = deployment(1, image: "v4")
        d.spec.revisionHistoryLimit = 1
        let sets: [JSON] = [
            set("r1", image: "v1", 0, revision: 1, desired: 1), set("r2", image: "v2", 0, revision: 2, desired: 1),
            set("r3", image: "v3", 0, revision: 3, desired: 1), set("r4", image: "v4", 1, revision: 4, desired: 1),
        ]
        #expect(scales(plan(d, sets)) == ["delete r1", "delete r2"])
    }

    @Test func deadlinePasses() {
        var d: JSON = deployment(1, image: "v1")
        d.status = [
            "observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "unavailableReplicas": 1,
            "conditions": [
                [
                    "type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated",
                    "lastUpdateTime": .string((now - .seconds(601)).rfc3339),
                    "lastTransitionTime": .string((now - .seconds(601)).rfc3339),
                ]
            ],
        ]
        let new: JSON = set("new", image: "v1", 1, available: 0, revision: 1, desired: 1)
        guard case .status(let status)? = plan(d, [new]).last else {
            Issue.record("no status")
            return
        }
        let c: JSON? = Conditions.find(status.conditions.elements, "Progressing")
        #expect(c?.reason.text == "ProgressDeadlineExceeded")
        #expect(c?.message.text == "ReplicaSet \"new\" has timed out progressing.")
    }
}

@Suite struct RolloutTests {
    private func deployment(_ name: String, _ replicas: Int, _ image: String) -> JSON {
        [
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": .string(name)],
            "spec": [
                "replicas": JSON(replicas), "selector": ["matchLabels": ["app": .string(name)]],
                "progressDeadlineSeconds": 600, "revisionHistoryLimit": 10,
                "template": [
                    "metadata": ["labels": ["app": .string(name)]],
                    "spec": ["containers": [["name": "c", "image": .string(image)]]],
                ],
            ],
        ]
    }

    private func isDone(_ api: FakeAPI, _ name: String, _ replicas: Int) -> Bool {
        guard let d = api.get(API.deployments, name) else { return false }
        return d.status.availableReplicas.asInt == replicas && d.status.updatedReplicas.asInt == replicas
            && d.status.replicas.asInt == replicas && d.status.observedGeneration == d.metadata.generation
            && Conditions.find(d.status.conditions.elements, "Progressing")?.reason.text == "NewReplicaSetAvailable"
    }

    @Test func rollOutUpdateAndDelete() async throws {
        try await withCluster { api, client in
            try await client.create(API.deployments, namespace: "default", deployment("web", 5, "v1"))
            try await api.wait { isDone(api, "web", 5) }
            #expect(api.list(API.pods).count == 5)
            let patch: JSON = ["spec": ["template": ["spec": ["containers": [["name": "c", "image": "v2"]]]]]]
            try await client.patch(API.deployments, namespace: "default", "web", .merge, patch)
            try await api.wait {
                isDone(api, "web", 5) && api.list(API.pods).count == 5
                    && api.list(API.pods).allSatisfy { $0.spec.containers[0].image.text == "v2" }
            }
            #expect(api.list(API.replicaSets).count == 2)
            #expect(
                api.get(API.deployments, "web")?.metadata.annotations["deployment.kubernetes.io/revision"].text == "2")
            // Every pod was made once: nothing was created in excess and removed.
            #expect(api.writes.filter { $0.hasPrefix("create pods") }.count == 10)
            try await client.delete(API.deployments, namespace: "default", "web")
            try await api.wait { api.list(API.replicaSets).isEmpty && api.list(API.pods).isEmpty }
        }
    }

    @Test func brokenImageKeepsOldPods() async throws {
        try await withCluster(rejects: { $0 == "bad" }) { api, client in
            try await client.create(API.deployments, namespace: "default", deployment("web", 4, "v1"))
            try await api.wait { isDone(api, "web", 4) }
            let patch: JSON = ["spec": ["template": ["spec": ["containers": [["name": "c", "image": "bad"]]]]]]
            try await client.patch(API.deployments, namespace: "default", "web", .merge, patch)
            try await api.wait { api.get(API.deployments, "web")?.status.updatedReplicas.asInt == 2 }
            #expect((api.get(API.deployments, "web")?.status.availableReplicas.asInt ?? 0) >= 3)
            let back: JSON = ["spec": ["template": ["spec": ["containers": [["name": "c", "image": "v1"]]]]]]
            try await client.patch(API.deployments, namespace: "default", "web", .merge, back)
            try await api.wait { isDone(api, "web", 4) }
        }
    }

    @Test func scaleUpAndDown() async throws {
        try await withCluster { api, client in
            try await client.create(API.deployments, namespace: "default", deployment("web", 1, "v1"))
            try await api.wait { isDone(api, "web", 1) }
            try await client.patch(API.deployments, namespace: "default", "web", .merge, ["spec": ["replicas": 40]])
            try await api.wait { isDone(api, "web", 40) }
            try await client.patch(API.deployments, namespace: "default", "web", .merge, ["spec": ["replicas": 0]])
            try await api.wait {
                api.list(API.pods).isEmpty && api.get(API.deployments, "web")?.status.replicas.exists == false
            }
        }
    }

    @Test func foregroundDeletionWaitsForDependents() async throws {
        try await withCluster { api, client in
            try await client.create(API.deployments, namespace: "default", deployment("web", 2, "v1"))
            try await api.wait { isDone(api, "web", 2) }
            try await client.delete(
                API.deployments, namespace: "default", "web", options: ["propagationPolicy": "Foreground"])
            try await api.wait { api.get(API.deployments, "web") == nil }
            #expect(api.list(API.replicaSets).isEmpty)
            #expect(api.list(API.pods).isEmpty)
        }
    }

    @Test func orphanedReplicaSetsStayAndAreAdopted() async throws {
        try await withCluster { api, client in
            try await client.create(API.deployments, namespace: "default", deployment("web", 2, "v1"))
            try await api.wait { isDone(api, "web", 2) }
            let pods: Set<String> = Set(api.list(API.pods).map { $0.metadata.name.text })
            try await client.delete(
                API.deployments, namespace: "default", "web", options: ["propagationPolicy": "Orphan"])
            try await api.wait { api.get(API.deployments, "web") == nil }
            #expect(api.list(API.replicaSets).allSatisfy { $0.metadata.ownerReferences.elements.isEmpty })
            try await client.create(API.deployments, namespace: "default", deployment("web", 2, "v1"))
            try await api.wait { isDone(api, "web", 2) }
            #expect(Set(api.list(API.pods).map { $0.metadata.name.text }) == pods)
        }
    }

    @Test func endpointsFollowPods() async throws {
        try await withCluster { api, client in
            try await client.create(
                API.services, namespace: "default",
                [
                    "metadata": ["name": "web"],
                    "spec": [
                        "selector": ["app": "web"], "clusterIP": "10.96.0.9",
                        "ports": [["port": 80, "targetPort": 8080]],
                    ],
                ])
            try await api.wait { api.list(API.endpointSlices).count == 1 }
            try await client.create(API.deployments, namespace: "default", deployment("web", 3, "v1"))
            try await api.wait {
                api.list(API.endpointSlices).first?.endpoints.elements.filter { $0.conditions.ready.isTrue }.count == 3
                    && api.get(API.endpoints, "web")?.subsets[0].addresses.elements.count == 3
            }
            let slice: JSON = api.list(API.endpointSlices)[0]
            #expect(slice.ports[0].port.asInt == 8080)
            #expect(slice.metadata.labels["kubernetes.io/service-name"].text == "web")
            try await client.delete(API.deployments, namespace: "default", "web")
            try await api.wait { api.list(API.endpointSlices).first?.endpoints.elements.isEmpty == true }
            #expect(api.list(API.endpointSlices).count == 1)
            try await client.delete(API.services, namespace: "default", "web")
            try await api.wait { api.list(API.endpointSlices).isEmpty && api.get(API.endpoints, "web") == nil }
        }
    }

    @Test func namespacesGoWithTheirContents() async throws {
        try await withCluster { api, client in
            try await client.create(
                API.namespaces,
                ["metadata": ["name": "team"], "spec": ["finalizers": ["kubernetes"]], "status": ["phase": "Active"]])
            try await api.wait {
                api.get(API.serviceAccounts, "default", namespace: "team") != nil
                    && api.get(API.configMaps, "kube-root-ca.crt", namespace: "team") != nil
            }
            try await client.create(API.deployments, namespace: "team", deployment("web", 2, "v1"))
            try await api.wait { api.list(API.pods).count == 2 }
            try await client.delete(API.namespaces, "team")
            try await api.wait { api.get(API.namespaces, "team", namespace: "") == nil }
            #expect(api.list(API.pods).isEmpty)
            #expect(api.get(API.configMaps, "kube-root-ca.crt", namespace: "team") == nil)
        }
    }
}
