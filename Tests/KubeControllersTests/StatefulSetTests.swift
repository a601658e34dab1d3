// Ordinals in order, stable names and claims, updates from the top.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire
import Testing

@testable import KubeControllers

@Suite struct StatefulSetTests {
    private func set(_ replicas: Int, _ image: String) -> JSON {
        [
            "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": ["name": "db"],
            "spec": [
                "replicas": JSON(replicas), "serviceName": "db", "selector": ["matchLabels": ["app": "db"]],
                "template": podTemplate("db", image), "revisionHistoryLimit": 10,
                "updateStrategy": ["type": "RollingUpdate", "rollingUpdate": ["partition": 0]],
                "volumeClaimTemplates": [
                    ["metadata": ["name": "data"], "spec": ["resources": ["requests": ["storage": "1Gi"]]]]
                ],
            ],
        ]
    }
    private func isDone(_ api: FakeAPI, _ n: Int, _ image: String) -> Bool {
        guard let s = api.get(API.statefulSets, "db")?.status else { return false }
        return s.readyReplicas.asInt == n && s.updatedReplicas.asInt == n && s.currentRevision == s.updateRevision
            && api.list(API.pods).count == n
            && api.list(API.pods).allSatisfy { $0.spec.containers[0].image.text == image }
    }

    @Test func ordinalsComeAndGoInOrder() async throws {
        try await withCluster { api, client in
            try await client.create(API.statefulSets, namespace: "default", set(3, "v1"))
            try await api.wait { isDone(api, 3, "v1") }
            #expect(api.list(API.pods).map { $0.metadata.name.text }.sorted() == ["db-0", "db-1", "db-2"])
            #expect(
                api.list(API.persistentVolumeClaims).map { $0.metadata.name.text }.sorted()
                    == ["data-db-0", "data-db-1", "data-db-2"])
            let pod: JSON = api.get(API.pods, "db-1")!
            #expect(pod.spec.hostname.text == "db-1")
            #expect(pod.spec.subdomain.text == "db")
            #expect(pod.spec.volumes[0].persistentVolumeClaim.claimName.text == "data-db-1")
            try await client.patch(
                API.statefulSets, namespace: "default", "db", .merge, ["spec": ["template": podTemplate("db", "v2")]])
            try await api.wait { isDone(api, 3, "v2") }
            let deletes: [String] = api.writes.filter { $0.hasPrefix("delete pods ") }
            #expect(deletes.first == "delete pods db-2")
            try await client.patch(API.statefulSets, namespace: "default", "db", .merge, ["spec": ["replicas": 1]])
            try await api.wait { isDone(api, 1, "v2") }
            #expect(api.list(API.persistentVolumeClaims).count == 3)
        }
    }

    private func pod(_ s: JSON, _ n: Int, revision: String, ready: Bool = true) -> JSON {
        var p: JSON = StatefulPods.pod(s, n, template: s.spec.template, revision: revision)
        p.status = [
            "phase": "Running",
            "conditions": [
                ["type": "Ready", "status": ready ? "True" : "False", "lastTransitionTime": "2024-01-01T00:00:00Z"]
            ],
        ]
        return p
    }

    private func names(_ plan: StatefulSetPlan) -> [String] {
        plan.actions.map {
            switch $0 {
            case .create(let p, _): "create \(p.metadata.name.text)"
            case .delete(let p): "delete \(p.metadata.name.text)"
            case .recycle(let p): "recycle \(p.metadata.name.text)"
            case .mend(let p, _): "mend \(p.metadata.name.text)"
            }
        }
    }

    @Test func stepsWaitForReadiness() {
        var s: JSON = set(3, "v1")
        s.metadata.uid = "u"
        let old: JSON = ["metadata": ["name": "r1"]]
        let new: JSON = ["metadata": ["name": "r2"]]
        func plan(_ pods: [JSON], replicas: Int = 3) -> [String] {
            var set: JSON = s
            set.spec.replicas = JSON(replicas)
            return names(
                StatefulSetPlan.make(
                    StatefulSetView(
                        set: set, pods: pods, current: old, update: new, now: Timestamp(seconds: 1_800_000_000))))
        }
        #expect(plan([]) == ["create db-0"])
        #expect(plan([pod(s, 0, revision: "r2", ready: false)]) == [])
        #expect(plan([pod(s, 0, revision: "r2")]) == ["create db-1"])
        let three: [JSON] = (0..<3).map { pod(s, $0, revision: "r1") }
        #expect(plan(three) == ["delete db-2"])
        let mixed: [JSON] = [three[0], three[1], pod(s, 2, revision: "r2", ready: false)]
        #expect(plan(mixed) == [])
        #expect(plan([three[0], three[1], pod(s, 2, revision: "r2")]) == ["delete db-1"])
        #expect(plan(three, replicas: 1) == ["delete db-2"])
        var failed: JSON = three[0]
        failed.status.phase = "Failed"
        #expect(plan([failed]) == ["recycle db-0"])
        s.spec.updateStrategy.rollingUpdate.partition = 2
        #expect(plan([three[0], three[1], pod(s, 2, revision: "r2")]) == [])
    }
}
