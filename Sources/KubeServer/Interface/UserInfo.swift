// Who sends a request: k8s.io/apiserver/pkg/authentication/user.Info.

package import KubeWire

package struct UserInfo: Sendable, Hashable {
    package var name: String
    package var uid: String
    package var groups: [String]
    package var extra: [String: [String]]

    package init(name: String, uid: String = "", groups: [String] = [], extra: [String: [String]] = [:]) {
        self.name = name
        self.uid = uid
        self.groups = groups
        self.extra = extra
    }

    package static let anonymous: UserInfo = UserInfo(name: "system:anonymous", groups: [Group.unauthenticated])
    /// The server itself: allocators, hooks, bootstrap.
    package static let loopback: UserInfo = UserInfo(
        name: "system:apiserver", groups: [Group.masters, Group.authenticated])

    package enum Group {
        package static let masters: String = "system:masters"
        package static let authenticated: String = "system:authenticated"
        package static let unauthenticated: String = "system:unauthenticated"
        package static let nodes: String = "system:nodes"
        package static let serviceAccounts: String = "system:serviceaccounts"
    }

    package var isMaster: Bool { groups.contains(Group.masters) }

    /// Namespace and name when this is `system:serviceaccount:NS:NAME`.
    package var serviceAccount: (namespace: String, name: String)? {
        guard name.hasPrefix("system:serviceaccount:") else { return nil }
        let parts: [Substring] = name.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 4, !parts[2].isEmpty, !parts[3].isEmpty else { return nil }
        return (String(parts[2]), String(parts[3]))
    }

    /// authentication.k8s.io/v1 UserInfo.
    package var json: JSON {
        var o: JSON = ["username": .string(name)]
        if !uid.isEmpty { o.uid = .string(uid) }
        if !groups.isEmpty { o.groups = JSON(groups) }
        for (key, values) in extra.sorted(by: { $0.key < $1.key }) { o.extra[key] = JSON(values) }
        return o
    }
}
