// Which pods a node turns away, and in which words.

import KubeWire
import Testing

@testable import KubeNode

@Suite struct PodAdmissionTests {
    private func pod(_ name: String, _ spec: JSON = [:], cpu: String = "") -> JSON {
        var pod: JSON = ["metadata": ["name": .string(name)], "spec": spec]
        var container: JSON = ["name": "c"]
        if !cpu.isEmpty { container.resources.requests.cpu = .string(cpu) }
        if spec.ports.exists { container.ports = spec.ports }
        pod.spec.containers = [container]
        return pod
    }

    private func refusal(_ new: JSON, _ others: [JSON] = [], node: JSON = ["metadata": ["name": "n"]]) -> PodRefusal? {
        PodAdmission(node: node, allocatable: ["cpu": "2", "pods": "3"], others: others).refusal(of: new)
    }

    @Test func takesWhatFits() {
        #expect(refusal(pod("a", cpu: "2")) == nil)
        #expect(refusal(pod("a", cpu: "1"), [pod("b", cpu: "1")]) == nil)
    }

    @Test func namesTheResourceThatIsShort() {
        let r: PodRefusal? = refusal(pod("a", cpu: "1500m"), [pod("b", cpu: "1")])
        #expect(r?.reason == "OutOfcpu")
        #expect(r?.message == "Node didn't have enough resource: cpu, requested: 1500, used: 1000, capacity: 2000")
        #expect(refusal(pod("a"), [pod("b"), pod("c"), pod("d")])?.reason == "OutOfpods")
    }

    @Test func refusesTakenHostPorts() {
        let web: JSON = ["ports": [["containerPort": 80, "hostPort": 8080]]]
        let local: JSON = ["ports": [["containerPort": 80, "hostPort": 8080, "hostIP": "127.0.0.1"]]]
        let udp: JSON = ["ports": [["containerPort": 80, "hostPort": 8080, "protocol": "UDP"]]]
        #expect(
            refusal(pod("a", web), [pod("b", local)])?.message
                == "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports")
        #expect(refusal(pod("a", web), [pod("b", udp)]) == nil)
    }

    @Test func refusesWhatItsLabelsAndTaintsForbid() {
        let node: JSON = [
            "metadata": ["name": "n", "labels": ["disk": "hdd"]],
            "spec": ["taints": [["key": "k", "effect": "NoExecute"]]],
        ]
        #expect(refusal(pod("a", ["nodeSelector": ["disk": "ssd"]]), node: node)?.reason == "NodeAffinity")
        #expect(refusal(pod("a"), node: node)?.reason == "TaintToleration")
        #expect(refusal(pod("a", ["tolerations": [["operator": "Exists"]]]), node: node) == nil)
    }
}
