// `pods/binding` and `bindings`: the scheduler gives a pod its node.

import KubeAPI
import KubeBase
package import KubeModel
package import KubeServer
import KubeWire

package struct PodBinding: SubresourceHandler {
    package init() {}
    private static let resource: GroupResource = GroupResource(group: "", resource: "pods/binding")

    package func handle(_ call: SubresourceCall) async throws(StatusError) -> SubresourceAnswer {
        let body: JSON = call.body
        let name: String = call.context.name.isEmpty ? body.metadata.name.text : call.context.name
        let context: RequestContext = call.context
        try check(body, name: name, context)
        let node: JSON? = context.registry.get(API.nodes, namespace: "", name: body.target.name.text)
        if context.isDryRun { return Self.success }
        try await context.registry.update(API.pods, namespace: context.namespace, name: name) {
            (pod: inout JSON) throws(StatusError) -> Bool in
            try Self.assign(&pod, name: name, body, node: node, context)
            return true
        }
        return Self.success
    }

    package static let success: SubresourceAnswer = .object(
        ["kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Success", "code": 201], status: 201)

    private func check(_ body: JSON, name: String, _ context: RequestContext) throws(StatusError) {
        var out: Faults = Faults()
        if !["", "Node"].contains(body.target.kind.text) {
            out.notSupported("target.kind", body.target.kind, ["Node", "<empty>"])
        }
        if body.target.name.text.isEmpty { out.required("target.name") }
        if !out.list.isEmpty {
            throw .invalid(kind: GroupKind(group: "", kind: "Binding"), name: name, out.list)
        }
        guard body.metadata.name.text.isEmpty || body.metadata.name.text == name else {
            throw .badRequest("name in URL does not match name in Binding object")
        }
    }

    private static func assign(
        _ pod: inout JSON, name: String, _ body: JSON, node: JSON?, _ context: RequestContext
    ) throws(StatusError) {
        let uid: String = body.metadata.uid.text
        if !uid.isEmpty, uid != pod.meta.uid {
            throw .conflict(
                resource, name,
                "Precondition failed: UID in precondition: \(uid), UID in object meta: \(pod.meta.uid)")
        }
        if pod.meta.isDeleting {
            throw .conflict(resource, name, "pod \(name) is being deleted, cannot be assigned to a host")
        }
        if !pod.spec.nodeName.text.isEmpty {
            throw .conflict(
                resource, name, "pod \(name) is already assigned to node \"\(pod.spec.nodeName.text)\"")
        }
        if !pod.spec.schedulingGates.elements.isEmpty {
            throw .conflict(resource, name, "pod \(name) has non-empty .spec.schedulingGates")
        }
        pod.spec.nodeName = body.target.name
        for (key, value) in body.metadata.annotations.stringMap { pod.metadata.annotations[key] = .string(value) }
        for key in ["topology.kubernetes.io/zone", "topology.kubernetes.io/region"] {
            if let value = node?.metadata.labels[key], value.exists, !pod.metadata.labels[key].exists {
                pod.metadata.labels[key] = value
            }
        }
        var list: [JSON] = pod.status.conditions.elements.filter { $0.type.text != "PodScheduled" }
        var condition: JSON = [
            "type": "PodScheduled", "status": "True", "lastTransitionTime": .string(context.now.rfc3339),
        ]
        if let generation = pod.metadata.generation.asInt { condition.observedGeneration = JSON(generation) }
        list.append(condition)
        pod.status.conditions = .array(list)
    }
}
