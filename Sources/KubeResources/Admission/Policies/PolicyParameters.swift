// The objects that a binding names as `params`: paramKind of the policy, paramRef of the binding.

import KubeModel
import KubeServer
import KubeWire

struct PolicyParameters: Sendable {
    private let apiVersion: String
    private let kind: String

    /// Nil: the policy has no params.
    init?(_ paramKind: JSON) {
        guard paramKind.exists else { return nil }
        apiVersion = paramKind.apiVersion.text
        kind = paramKind.kind.text
    }

    /// The objects, `[.null]` when the binding uses none, `[]` when there are none and that is allowed.
    func find(_ reference: JSON, _ request: AdmissionRequest) throws(PolicyFault) -> [JSON] {
        guard reference.exists else { return [.null] }
        let registry: any ObjectRegistry = request.context.registry
        guard let definition = registry.definitions.first(where: { $0.kind == kind && $0.apiVersion == apiVersion })
        else {
            throw PolicyFault(
                description: "failed to find resource referenced by paramKind: '\(apiVersion), Kind=\(kind)'")
        }
        var namespace: String = ""
        if definition.isNamespaced {
            namespace = reference.namespace.text.isEmpty ? request.namespace : reference.namespace.text
            if namespace.isEmpty {
                throw PolicyFault(
                    description:
                        "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources")
            }
        } else if !reference.namespace.text.isEmpty {
            throw PolicyFault(description: "paramRef.namespace must not be provided for a cluster-scoped `paramKind`")
        }
        var found: [JSON] = []
        if reference.selector.exists {
            let selector: LabelSelector = LabelSelector(reference.selector)
            found = registry.list(definition.gvr, namespace: namespace).filter { selector.matches(object: $0) }
        } else if let object = registry.get(definition.gvr, namespace: namespace, name: reference.name.text) {
            found = [object]
        }
        if found.isEmpty, reference.parameterNotFoundAction.text == "Deny" {
            throw PolicyFault(
                description: "no params found for policy binding with `Deny` parameterNotFoundAction")
        }
        return found
    }
}
