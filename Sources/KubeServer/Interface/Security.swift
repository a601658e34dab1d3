// The seams of authentication and authorization.

package import KubeModel
package import KubeNet

/// What an authorizer judges: k8s.io/apiserver/pkg/authorization/authorizer.Attributes.
package struct RequestAttributes: Sendable {
    package var user: UserInfo
    /// get, list, watch, create, update, patch, delete, deletecollection; the lower-case HTTP method for other paths.
    package var verb: String
    package var isResourceRequest: Bool
    package var group: String = ""
    package var version: String = ""
    package var resource: String = ""
    package var subresource: String = ""
    package var namespace: String = ""
    package var name: String = ""
    /// The URL path.
    package var path: String
    /// Of the query, for authorizers that narrow by selector (Node).
    package var fieldSelector: String = ""
    package var labelSelector: String = ""

    package init(user: UserInfo, verb: String, path: String) {
        self.user = user
        self.verb = verb
        self.path = path
        self.isResourceRequest = false
    }

    package init(
        user: UserInfo, verb: String, _ gvr: GroupVersionResource, subresource: String = "", namespace: String = "",
        name: String = ""
    ) {
        self.user = user
        self.verb = verb
        self.isResourceRequest = true
        self.group = gvr.group
        self.version = gvr.version
        self.resource = gvr.resource
        self.subresource = subresource
        self.namespace = namespace
        self.name = name
        self.path = ""
    }

    package var gvr: GroupVersionResource {
        GroupVersionResource(group: group, version: version, resource: resource)
    }
}

package enum Decision: Sendable, Equatable {
    case allow(reason: String)
    case deny(reason: String)
    /// The next authorizer is asked; nobody's opinion means forbidden.
    case noOpinion(reason: String)
}

package protocol Authenticator: Sendable {
    /// nil: these credentials are not mine. Throws `StatusError.unauthorized` for credentials that are mine but wrong.
    func authenticate(_ request: HTTPRequest) async throws(StatusError) -> UserInfo?
}

package protocol Authorizer: Sendable {
    func authorize(_ attributes: RequestAttributes) async -> Decision
    /// The rules of a user in a namespace, for SelfSubjectRulesReview; nil when this authorizer cannot list them.
    func rules(for user: UserInfo, namespace: String) async -> AuthorizationRules?
}

extension Authorizer {
    package func rules(for user: UserInfo, namespace: String) async -> AuthorizationRules? { nil }
}

package struct AuthorizationRules: Sendable {
    package struct ResourceRule: Sendable, Hashable {
        package var verbs: [String]
        package var apiGroups: [String]
        package var resources: [String]
        package var resourceNames: [String]
        package init(verbs: [String], apiGroups: [String], resources: [String], resourceNames: [String]) {
            self.verbs = verbs
            self.apiGroups = apiGroups
            self.resources = resources
            self.resourceNames = resourceNames
        }
    }
    package struct PathRule: Sendable, Hashable {
        package var verbs: [String]
        package var paths: [String]
        package init(verbs: [String], paths: [String]) {
            self.verbs = verbs
            self.paths = paths
        }
    }
    package var resources: [ResourceRule] = []
    package var paths: [PathRule] = []
    package var isIncomplete: Bool = false
    package init() {}
}

/// Asks each in turn until one has an opinion.
package struct AuthorizerChain: Authorizer {
    package var authorizers: [any Authorizer]
    package init(_ authorizers: [any Authorizer]) { self.authorizers = authorizers }

    package func authorize(_ attributes: RequestAttributes) async -> Decision {
        var reasons: [String] = []
        for authorizer in authorizers {
            switch await authorizer.authorize(attributes) {
            case .noOpinion(let reason): if !reason.isEmpty { reasons.append(reason) }
            case let decision: return decision
            }
        }
        return .noOpinion(reason: reasons.joined(separator: ", "))
    }

    package func rules(for user: UserInfo, namespace: String) async -> AuthorizationRules? {
        var all: AuthorizationRules = AuthorizationRules()
        for authorizer in authorizers {
            guard let some = await authorizer.rules(for: user, namespace: namespace) else {
                all.isIncomplete = true
                continue
            }
            all.resources += some.resources
            all.paths += some.paths
            all.isIncomplete = all.isIncomplete || some.isIncomplete
        }
        return all
    }
}
