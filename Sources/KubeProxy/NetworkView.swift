// What the network's parts of a node keep of the objects they share.

package import KubeWire

package enum NetworkView {
    /// Pods are kept without what only a kubelet needs, everything without the history of its fields: a node watches
    /// the pods of the whole cluster once there is a policy.
    package static func trimmed(_ object: JSON) -> JSON {
        var o: JSON = object
        o.metadata.managedFields = .null
        guard object.spec.containers.exists else { return o }
        o.spec = ["nodeName": object.spec.nodeName, "hostNetwork": object.spec.hostNetwork]
        for field in ["containers", "initContainers"] where object.spec[field].exists {
            o.spec[field] = .array(
                object.spec[field].elements.map { c in ["name": c.name, "ports": c.ports] })
        }
        o.status = ["phase": object.status.phase, "podIP": object.status.podIP, "podIPs": object.status.podIPs]
        return o
    }
}
