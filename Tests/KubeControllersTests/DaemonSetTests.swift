// One pod per fitting node, replaced a few at a time.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire
import Testing

@testable import KubeControllers

@Suite struct DaemonSetTests {
    private func set(_ image: String) -> JSON {
        [
            "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": ["name": "agent"],
            "spec": [
                "selector": ["matchLabels": ["app": "agent"]], "template": podTemplate("agent", image),
                "updateStrategy": ["type": "RollingUpdate", "rollingUpdate": ["maxUnavailable": 1, "maxSurge": 0]],
                "revisionHistoryLimit": 10,
            ],
        ]
    }
    private func isDone(_ api: FakeAPI, _ n: Int) -> Bool {
        guard let s = api.get(API.daemonSets, "agent")?.status else { return false }
        return s.desiredNumberScheduled.asInt == n && s.numberAvailable.asInt == n
            && s.updatedNumberScheduled.asInt == n
            && api.list(API.pods).count == n
    }

    @Test func followsNodesAndTemplate() async throws {
        try await withCluster(nodes: ["n1", "n2", "n3"]) { api, client in
            try await client.create(API.daemonSets, namespace: "default", set("v1"))
            try await api.wait { isDone(api, 3) }
            #expect(Set(api.list(API.pods).map { $0.spec.nodeName.text }) == ["n1", "n2", "n3"])
            try await client.create(
                API.nodes,
                ["metadata": ["name": "n4"], "status": ["conditions": [["type": "Ready", "status": "True"]]]])
            try await api.wait { isDone(api, 4) }
            try await client.patch(
                API.daemonSets, namespace: "default", "agent", .merge,
                ["spec": ["template": podTemplate("agent", "v2")]])
            try await api.wait {
                isDone(api, 4) && api.list(API.pods).allSatisfy { $0.spec.containers[0].image.text == "v2" }
            }
            #expect(api.list(API.controllerRevisions).count == 2)
            try await client.patch(
                API.daemonSets, namespace: "default", "agent", .merge,
                ["spec": ["template": ["spec": ["nodeSelector": ["disk": "ssd"]]]]])
            try await api.wait { api.list(API.pods).isEmpty }
        }
    }

    @Test func taintsAndSelectorsDecide() {
        var node: JSON = ["metadata": ["name": "n", "labels": ["disk": "ssd"]]]
        var s: JSON = set("v1")
        #expect(DaemonSetPlan.fits(s, node) == (true, true))
        node.spec.taints = [["key": "dedicated", "value": "x", "effect": "NoSchedule"]]
        #expect(DaemonSetPlan.fits(s, node) == (false, true))
        node.spec.taints = [["key": "dedicated", "value": "x", "effect": "NoExecute"]]
        #expect(DaemonSetPlan.fits(s, node) == (false, false))
        s.spec.template.spec.tolerations = [["operator": "Exists"]]
        #expect(DaemonSetPlan.fits(s, node) == (true, true))
        s.spec.template.spec.nodeSelector.disk = "hdd"
        #expect(DaemonSetPlan.fits(s, node) == (false, false))
        node.spec.taints = [["key": "node.kubernetes.io/unreachable", "effect": "NoExecute"]]
        #expect(DaemonSetPlan.fits(set("v1"), node) == (true, true))
    }
}
