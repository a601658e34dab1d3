// Whether a node takes a pod that was bound to it: the kubelet's admission, which sees pods that no scheduler placed. Pure.

import KubeAPI
import KubeModel
import KubeWire

/// Why a pod is turned away; it becomes the Failed pod's reason and message.
struct PodRefusal: Sendable, Equatable {
    var reason: String
    var message: String
}

struct PodAdmission {
    /// The Node object.
    var node: JSON
    /// Resource name to quantity.
    var allocatable: [String: String]
    /// Those on the node that are not over, without the new one.
    var others: [JSON]

    func refusal(of pod: JSON) -> PodRefusal? {
        SysctlRules.refusal(of: pod) ?? lack(pod) ?? fault(pod).map { PodRefusal(reason: $0.name, message: "Predicate \($0.name) failed: \($0.why)") }
    }

    private func fault(_ pod: JSON) -> (name: String, why: String)? {
        if node.exists, !NodeFit.matches(pod.spec, node) {
            return ("NodeAffinity", "node(s) didn't match Pod's node affinity/selector")
        }
        let taken: [JSON] = others.flatMap { ports($0) }
        if ports(pod).contains(where: { port in taken.contains { clashes($0, port) } }) {
            return ("NodePorts", "node(s) didn't have free ports for the requested pod ports")
        }
        let taints: [JSON] = node.spec.taints.elements
        if NodeFit.untolerated(taints, pod.spec.tolerations.elements, effects: ["NoExecute"]) != nil {
            return ("TaintToleration", "node(s) had taints that the pod didn't tolerate")
        }
        return nil
    }

    /// The first resource of which too little is left, in upstream's InsufficientResourceError words.
    func lack(_ pod: JSON) -> PodRefusal? {
        func refuse(_ name: String, _ requested: Int64, _ used: Int64, _ capacity: Int64) -> PodRefusal {
            PodRefusal(
                reason: "OutOf\(name)",
                message: "Node didn't have enough resource: \(name), requested: \(requested), used: \(used), "
                    + "capacity: \(capacity)")
        }
        if let most = Quantity(allocatable["pods"] ?? "")?.value, Int64(others.count) >= most {
            return refuse("pods", 1, Int64(others.count), most)
        }
        var used: [String: Quantity] = [:]
        for other in others {
            for (name, q) in PodResources.sum(other, "requests") { used[name] = (used[name] ?? .zero) + q }
        }
        for (name, q) in PodResources.sum(pod, "requests").sorted(by: { $0.key < $1.key }) where q.milliValue > 0 {
            // A device that the node does not report (yet) is nobody's to refuse.
            guard let have = Quantity(allocatable[name] ?? node.status.allocatable[name].text) else { continue }
            let before: Quantity = used[name] ?? .zero
            guard have < before + q else { continue }
            let isCPU: Bool = name == "cpu"
            return refuse(
                name, isCPU ? q.milliValue : q.value, isCPU ? before.milliValue : before.value,
                isCPU ? have.milliValue : have.value)
        }
        return nil
    }

    private func ports(_ pod: JSON) -> [JSON] {
        let sidecars: [JSON] = pod.spec.initContainers.elements.filter { $0.restartPolicy.text == "Always" }
        return (pod.spec.containers.elements + sidecars).flatMap { $0.ports.elements }
            .filter { $0.hostPort.asInt ?? 0 > 0 }
    }

    private func clashes(_ a: JSON, _ b: JSON) -> Bool {
        func ip(_ port: JSON) -> String { port.hostIP.text.isEmpty ? "0.0.0.0" : port.hostIP.text }
        guard a.hostPort.asInt == b.hostPort.asInt, a.protocol.asString ?? "TCP" == b.protocol.asString ?? "TCP" else {
            return false
        }
        return ip(a) == ip(b) || ip(a) == "0.0.0.0" || ip(b) == "0.0.0.0"
    }
}
