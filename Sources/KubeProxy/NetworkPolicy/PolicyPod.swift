// What NetworkPolicies must know of a pod.

package import KubeModel
package import KubeWire

package struct PolicyPod: Sendable, Equatable {
    package struct Port: Sendable, Equatable {
        package var name: String
        package var transport: String
        package var number: Int
    }
    package var key: ObjectKey
    package var uid: String
    package var address: String
    package var node: String
    package var labels: [String: String]
    package var ports: [Port]

    /// Nil for pods that have no address of their own: not yet, no longer, or the node's.
    package init?(_ pod: JSON) {
        let address: String = pod.status.podIP.text
        guard ServicePort.isIPv4(address), !pod.spec.hostNetwork.isTrue,
            !["Succeeded", "Failed"].contains(pod.status.phase.text)
        else { return nil }
        key = ObjectKey(of: pod)
        uid = pod.metadata.uid.text
        self.address = address
        node = pod.spec.nodeName.text
        labels = pod.metadata.labels.stringMap
        ports = []
        for c in pod.spec.containers.elements + pod.spec.initContainers.elements {
            for p in c.ports.elements where p.name.exists {
                ports.append(
                    Port(
                        name: p.name.text, transport: (p["protocol"].asString ?? "TCP").lowercased(),
                        number: p.containerPort.asInt ?? 0))
            }
        }
    }

    package func port(named name: String, _ transport: String) -> Int? {
        ports.first { $0.name == name && $0.transport == transport }?.number
    }
}
