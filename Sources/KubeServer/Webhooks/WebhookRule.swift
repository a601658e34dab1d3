// Which requests a rule means: admissionregistration.k8s.io RuleWithOperations.

package import KubeModel
package import KubeWire

/// `*` stands for everything in each list; `pods/*`, `*/scale` and `*/*` name subresources.
package struct WebhookRule: Sendable, Hashable {
    package enum Scope: String, Sendable {
        case all = "*"
        case namespaced = "Namespaced"
        case cluster = "Cluster"
    }
    package var operations: [String]
    package var groups: [String]
    package var versions: [String]
    package var resources: [String]
    /// Of policies only: names that are meant; empty: all.
    package var resourceNames: [String]
    package var scope: Scope

    package init(_ json: JSON) {
        operations = json.operations.strings
        groups = json.apiGroups.strings
        versions = json.apiVersions.strings
        resources = json.resources.strings
        resourceNames = json.resourceNames.strings
        scope = Scope(rawValue: json.scope.text) ?? .all
    }

    /// `resource` may be another version than the request's own.
    package func matches(_ request: AdmissionRequest, as resource: GroupVersionResource) -> Bool {
        hasScope(request, resource) && Self.has(operations, request.operation.rawValue)
            && Self.has(groups, resource.group) && Self.has(versions, resource.version)
            && hasResource(resource.resource, request.subresource)
            && (resourceNames.isEmpty || resourceNames.contains(request.name))
    }

    private static func has(_ list: [String], _ value: String) -> Bool { list.contains { $0 == "*" || $0 == value } }

    /// A Namespace is cluster-scoped although requests for it carry its name as their namespace.
    private func hasScope(_ request: AdmissionRequest, _ resource: GroupVersionResource) -> Bool {
        let isClusterWide: Bool =
            request.namespace.isEmpty || resource.group.isEmpty && resource.resource == "namespaces"
        return switch scope {
        case .all: true
        case .namespaced: !isClusterWide
        case .cluster: isClusterWide
        }
    }

    private func hasResource(_ resource: String, _ subresource: String) -> Bool {
        resources.contains { text in
            let parts: [Substring] = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            let (name, sub): (Substring, Substring) = (parts[0], parts.count > 1 ? parts[1] : "")
            return (name == "*" || name == resource) && (sub == "*" || sub == subresource)
        }
    }
}
