// Which flow a request belongs to: flowcontrol.apiserver.k8s.io/v1 FlowSchema as a value that matches requests.

import KubeModel
import KubeWire

/// What classification looks at.
struct FlowDigest: Sendable {
    var user: FlowSubject
    var verb: String
    var isResourceRequest: Bool
    var group: String = ""
    /// `pods`, `pods/status`.
    var resource: String = ""
    var namespace: String = ""
    var path: String = ""

    init(_ user: UserInfo, _ info: RequestInfo) {
        self.user = FlowSubject(name: user.name, groups: user.groups)
        verb = info.verb
        isResourceRequest = info.isResourceRequest
        group = info.group
        resource = info.subresource.isEmpty ? info.resource : info.resource + "/" + info.subresource
        namespace = info.namespace
        path = info.path
    }
}

/// Who asks, as far as schemas care.
struct FlowSubject: Sendable, Hashable {
    var name: String
    var groups: [String]
}

/// Strings of a rule, or everything.
struct Words: Sendable, Equatable {
    private var isEverything: Bool
    private var words: [String]

    init(_ json: JSON) {
        words = json.strings
        isEverything = words.contains("*")
    }

    func contains(_ word: String) -> Bool { isEverything || words.contains(word) }

    /// For paths: `/healthz`, `/apis/*`.
    func covers(path: String) -> Bool {
        isEverything || words.contains { $0 == path || ($0.hasSuffix("*") && path.hasPrefix($0.dropLast())) }
    }
}

struct FlowSchema: Sendable, Equatable {
    enum Distinguisher: String, Sendable {
        case user = "ByUser"
        case namespace = "ByNamespace"
    }

    struct Rule: Sendable, Equatable {
        var users: Words
        var groups: Words
        /// `namespace/name`, `namespace/*`.
        var accounts: Words
        var resources: [ResourceRule] = []
        var paths: [PathRule] = []
    }
    struct ResourceRule: Sendable, Equatable {
        var verbs: Words
        var groups: Words
        var resources: Words
        var namespaces: Words
        var isClusterScoped: Bool
    }
    struct PathRule: Sendable, Equatable {
        var verbs: Words
        var paths: Words
    }

    var name: String
    var uid: String
    var level: String
    /// 1–10,000; the lowest that matches wins, names decide between equals.
    var precedence: Int
    /// nil: all its requests are one flow.
    var distinguisher: Distinguisher?
    var rules: [Rule]

    init(_ object: JSON) {
        name = object.metadata.name.text
        uid = object.metadata.uid.text
        level = object.spec.priorityLevelConfiguration.name.text
        precedence = object.spec.matchingPrecedence.asInt ?? 1000
        distinguisher = Distinguisher(rawValue: object.spec.distinguisherMethod.type.text)
        rules = object.spec.rules.elements.map { FlowSchema.rule($0) }
    }

    private static func rule(_ json: JSON) -> Rule {
        func subjects(_ kind: String, _ name: (JSON) -> String) -> Words {
            Words(JSON(json.subjects.elements.filter { $0.kind.text == kind }.map { name($0) }))
        }
        return Rule(
            users: subjects("User") { $0.user.name.text }, groups: subjects("Group") { $0.group.name.text },
            accounts: subjects("ServiceAccount") {
                "\($0.serviceAccount.namespace.text)/\($0.serviceAccount.name.text)"
            },
            resources: json.resourceRules.elements.map {
                ResourceRule(
                    verbs: Words($0.verbs), groups: Words($0.apiGroups), resources: Words($0.resources),
                    namespaces: Words($0.namespaces), isClusterScoped: $0.clusterScope.isTrue)
            },
            paths: json.nonResourceRules.elements.map {
                PathRule(verbs: Words($0.verbs), paths: Words($0.nonResourceURLs))
            })
    }

    /// What tells this request's flow from others of the schema.
    func flow(_ r: FlowDigest) -> String {
        switch distinguisher {
        case .user: r.user.name
        case .namespace: r.namespace
        case nil: ""
        }
    }

    static func precedes(_ a: FlowSchema, _ b: FlowSchema) -> Bool {
        a.precedence != b.precedence ? a.precedence < b.precedence : a.name < b.name
    }
}

extension FlowSchema.Rule {
    func hasSubject(_ user: FlowSubject) -> Bool {
        if users.contains(user.name) || user.groups.contains(where: { groups.contains($0) }) { return true }
        guard !accounts.isEmpty, user.name.hasPrefix("system:serviceaccount:"),
            let account = UserInfo(name: user.name).serviceAccount
        else { return false }
        return accounts.contains("\(account.namespace)/\(account.name)") || accounts.contains("\(account.namespace)/*")
    }

    /// The subject matches already.
    func covers(_ r: FlowDigest) -> Bool {
        guard r.isResourceRequest else {
            return paths.contains { $0.verbs.contains(r.verb) && $0.paths.covers(path: r.path) }
        }
        return resources.contains { rule in
            rule.verbs.contains(r.verb) && rule.groups.contains(r.group) && rule.resources.contains(r.resource)
                && (r.namespace.isEmpty ? rule.isClusterScoped : rule.namespaces.contains(r.namespace))
        }
    }
}

extension Words {
    var isEmpty: Bool { !isEverything && words.isEmpty }
}
