// Asks the authorizers, and says no in upstream's words.

import KubeModel
import KubeWire

extension Registry {
    func authorize(_ attributes: RequestAttributes) async throws(StatusError) {
        let reason: String
        switch await authorizer.authorize(attributes) {
        case .allow: return
        case .deny(let why): reason = why
        case .noOpinion(let why): reason = why
        }
        throw Registry.forbidden(attributes, reason)
    }

    /// `pods "web" is forbidden: User "x" cannot get resource "pods" in API group "" in the namespace "default"`
    static func forbidden(_ a: RequestAttributes, _ reason: String) -> StatusError {
        let suffix: String = reason.isEmpty ? "" : ": " + reason
        guard a.isResourceRequest else {
            return StatusError(
                code: 403, reason: "Forbidden",
                message: "forbidden: User \"\(a.user.name)\" cannot \(a.verb) path \"\(a.path)\"\(suffix)", details: [:]
            )
        }
        let resource: String = a.subresource.isEmpty ? a.resource : a.resource + "/" + a.subresource
        let scope: String = a.namespace.isEmpty ? "at the cluster scope" : "in the namespace \"\(a.namespace)\""
        let what: String =
            "User \"\(a.user.name)\" cannot \(a.verb) resource \"\(resource)\" in API group \"\(a.group)\" \(scope)\(suffix)"
        let gr: GroupResource = GroupResource(group: a.group, resource: a.resource)
        var error: StatusError = .forbidden(gr, a.name, what)
        if a.name.isEmpty { error.message = "\(gr) is forbidden: \(what)" }
        return error
    }
}
