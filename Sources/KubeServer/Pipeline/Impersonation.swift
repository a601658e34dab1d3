// Acting as somebody else by Impersonate-* headers, each of which must be allowed.

import KubeModel
import KubeNet
import KubeWire

extension APIServer {
    func impersonate(_ user: UserInfo, _ request: HTTPRequest) async throws(StatusError) -> UserInfo {
        let name: String = request.headers["Impersonate-User"] ?? ""
        let groups: [String] = request.headers.all("Impersonate-Group")
        let uid: String = request.headers["Impersonate-Uid"] ?? ""
        var extra: [String: [String]] = [:]
        let prefix: String = "impersonate-extra-"
        for (header, value) in request.headers.pairs where header.lowercased().hasPrefix(prefix) {
            let key: String = PercentCoding.decode(Array(header.lowercased().dropFirst(prefix.count).utf8))
            extra[key, default: []].append(value)
        }
        guard !name.isEmpty else {
            if !groups.isEmpty || !uid.isEmpty || !extra.isEmpty {
                throw StatusError.internalError(
                    "requested impersonation without impersonating a user")
            }
            return user
        }
        var result: UserInfo = UserInfo(name: name, uid: uid, groups: groups, extra: extra)
        if let account = result.serviceAccount {
            try await mayImpersonate(user, "", "serviceaccounts", namespace: account.namespace, name: account.name)
            if groups.isEmpty {
                result.groups = [
                    UserInfo.Group.serviceAccounts, UserInfo.Group.serviceAccounts + ":" + account.namespace,
                ]
            }
        } else {
            try await mayImpersonate(user, "", "users", name: name)
        }
        for group in groups { try await mayImpersonate(user, "", "groups", name: group) }
        if !uid.isEmpty { try await mayImpersonate(user, "authentication.k8s.io", "uids", name: uid) }
        for (key, values) in extra {
            for value in values {
                try await mayImpersonate(user, "authentication.k8s.io", "userextras", name: value, subresource: key)
            }
        }
        let isAnonymous: Bool = name == UserInfo.anonymous.name
        let implied: String = isAnonymous ? UserInfo.Group.unauthenticated : UserInfo.Group.authenticated
        if !result.groups.contains(implied) { result.groups.append(implied) }
        return result
    }

    private func mayImpersonate(
        _ user: UserInfo, _ group: String, _ resource: String, namespace: String = "", name: String,
        subresource: String = ""
    ) async throws(StatusError) {
        let gvr: GroupVersionResource = GroupVersionResource(group: group, version: "v1", resource: resource)
        try await registry.authorize(
            RequestAttributes(
                user: user, verb: "impersonate", gvr, subresource: subresource, namespace: namespace, name: name))
    }
}
