// Who a bearer token stands for: bound service-account tokens, static tokens, bootstrap tokens.

import KubeAPI
package import KubeBase
package import KubeCrypto
import KubeModel
package import KubeServer
import KubeWire
import Synchronization

/// Why a token that belongs to one of our schemes is refused.
package struct TokenFault: Error, Sendable {
    package var words: String
}

package final class TokenVerifier: Sendable {
    /// Verified claims of tokens seen before: the signature is checked once, expiry and objects every time.
    private static let claimsKeptMax: Int = 4096

    private let keys: [VerificationKey]
    private let issuer: String
    private let time: any TimeSource
    /// Of the static token file: token → user.
    private let fixed: [String: UserInfo]
    private let claims: Mutex<[String: JSON]> = Mutex([:])

    package init(keys: [VerificationKey], issuer: String, staticTokens: [String: UserInfo] = [:], time: any TimeSource) {
        self.keys = keys
        self.issuer = issuer
        self.fixed = staticTokens
        self.time = time
    }

    /// nil: no scheme of ours. `audiences` in the answer are those of the wanted that the token is for.
    package func user(
        of token: String, audiences: [String], _ registry: any ObjectRegistry
    ) throws(TokenFault) -> (user: UserInfo, audiences: [String])? {
        if let user = fixed[token] { return (user, audiences) }
        if let user = try bootstrapUser(token, registry) { return (user, audiences) }
        guard token.utf8.count(where: { $0 == 46 }) == 2 else { return nil }
        return try accountUser(token, audiences, registry)
    }

    // MARK: service accounts

    private func verified(_ token: String) -> JSON? {
        if let known = claims.withLock({ $0[token] }) { return known }
        guard let fresh = try? verifyToken(token, keys: keys) else { return nil }
        claims.withLock {
            if $0.count >= Self.claimsKeptMax { $0.removeAll() }
            $0[token] = fresh
        }
        return fresh
    }

    private func accountUser(
        _ token: String, _ wanted: [String], _ registry: any ObjectRegistry
    ) throws(TokenFault) -> (user: UserInfo, audiences: [String])? {
        guard let c = verified(token) else { return nil }
        if c.iss.text == LegacyToken.issuer { return try legacyUser(token, c, wanted, registry) }
        guard c.iss.text == issuer else { return nil }
        let now: Int64 = time.now().seconds
        guard let expiry = c.exp.asInt64, now < expiry else { throw TokenFault(words: "service account token has expired") }
        if let start = c.nbf.asInt64, now + 10 < start {
            throw TokenFault(words: "service account token is not valid yet")
        }
        let mine: [String] = c.aud.asString.map { [$0] } ?? c.aud.strings
        let shared: [String] = wanted.filter { mine.contains($0) }
        guard !shared.isEmpty else {
            throw TokenFault(words: "token audiences \(mine) is invalid for the target audiences \(wanted)")
        }
        let own: JSON = c["kubernetes.io"]
        let namespace: String = own.namespace.text
        let name: String = own.serviceaccount.name.text
        try exists(API.serviceAccounts, namespace, name, uid: own.serviceaccount.uid.text, registry)
        var extra: [String: [String]] = [
            "authentication.kubernetes.io/credential-id": ["JTI=" + c.jti.text]
        ]
        if own.pod.exists {
            try exists(API.pods, namespace, own.pod.name.text, uid: own.pod.uid.text, registry)
            extra["authentication.kubernetes.io/pod-name"] = [own.pod.name.text]
            extra["authentication.kubernetes.io/pod-uid"] = [own.pod.uid.text]
        }
        if own.secret.exists {
            try exists(API.secrets, namespace, own.secret.name.text, uid: own.secret.uid.text, registry)
        }
        if own.node.exists {
            if !own.pod.exists { try exists(API.nodes, "", own.node.name.text, uid: own.node.uid.text, registry) }
            extra["authentication.kubernetes.io/node-name"] = [own.node.name.text]
            if own.node.uid.exists { extra["authentication.kubernetes.io/node-uid"] = [own.node.uid.text] }
        }
        let user: UserInfo = UserInfo(
            name: "system:serviceaccount:\(namespace):\(name)", uid: own.serviceaccount.uid.text,
            groups: [
                UserInfo.Group.serviceAccounts, "system:serviceaccounts:\(namespace)", UserInfo.Group.authenticated,
            ], extra: extra)
        return (user, shared)
    }

    /// Of a Secret of type kubernetes.io/service-account-token: valid as long as the Secret holds it.
    private func legacyUser(
        _ token: String, _ c: JSON, _ wanted: [String], _ registry: any ObjectRegistry
    ) throws(TokenFault) -> (user: UserInfo, audiences: [String])? {
        let claims: LegacyToken = LegacyToken(c)
        guard wanted.isEmpty || wanted.contains(issuer) else {
            throw TokenFault(words: "token audiences [\(issuer)] is invalid for the target audiences \(wanted)")
        }
        let secret: JSON? = registry.get(API.secrets, namespace: claims.namespace, name: claims.secret)
        guard let secret, !secret.meta.isDeleting else { throw TokenFault(words: "service account token has been invalidated") }
        guard Base64.decode(secret.data.token.text).map({ equalInConstantTime($0, Array(token.utf8)) }) == true else {
            throw TokenFault(words: "service account token has been invalidated")
        }
        try exists(API.serviceAccounts, claims.namespace, claims.account, uid: claims.accountUID, registry)
        let user: UserInfo = UserInfo(
            name: "system:serviceaccount:\(claims.namespace):\(claims.account)", uid: claims.accountUID,
            groups: [
                UserInfo.Group.serviceAccounts, "system:serviceaccounts:\(claims.namespace)",
                UserInfo.Group.authenticated,
            ])
        return (user, wanted.filter { $0 == issuer })
    }

    private func exists(
        _ resource: GroupVersionResource, _ namespace: String, _ name: String, uid: String,
        _ registry: any ObjectRegistry
    ) throws(TokenFault) {
        guard let object = registry.get(resource, namespace: namespace, name: name) else {
            throw TokenFault(words: "service account token has been invalidated: \(resource.resource) \(namespace)/\(name) not found")
        }
        guard object.metadata.uid.text == uid else {
            throw TokenFault(words: "the UID of \(resource.resource) \(namespace)/\(name) does not match the token's claim")
        }
        // A deleted object's tokens live on for its grace, and a minute more, as upstream's.
        if let end = object.meta.deletionTimestamp, time.now().seconds > end.seconds + 60 {
            throw TokenFault(words: "service account token has been invalidated")
        }
    }

    // MARK: bootstrap tokens

    /// `abcdef.0123456789abcdef` against the Secret `bootstrap-token-abcdef` in kube-system.
    private func bootstrapUser(_ token: String, _ registry: any ObjectRegistry) throws(TokenFault) -> UserInfo? {
        let parts: [Substring] = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].utf8.count == 6, parts[1].utf8.count == 16 else { return nil }
        let secret: JSON? = registry.get(
            API.secrets, namespace: "kube-system", name: "bootstrap-token-\(parts[0])")
        guard let secret, secret.type.text == "bootstrap.kubernetes.io/token", !secret.meta.isDeleting else {
            return nil
        }
        func value(_ key: String) -> String {
            String(decoding: Base64.decode(secret.data[key].text) ?? [], as: UTF8.self)
        }
        guard equalInConstantTime(Array(value("token-secret").utf8), Array(parts[1].utf8)),
            value("token-id") == parts[0]
        else { return nil }
        if let end = Timestamp(rfc3339: value("expiration")), end < time.now() { return nil }
        guard value("usage-bootstrap-authentication") == "true" else { return nil }
        let more: [String] = value("auth-extra-groups").split(separator: ",").map { String($0) }
        return UserInfo(
            name: "system:bootstrap:\(parts[0])",
            groups: ["system:bootstrappers"] + more.filter { $0.hasPrefix("system:bootstrappers:") })
    }

    // MARK: shapes

    /// status of a TokenReview.
    func review(_ token: String, audiences: [String], _ registry: any ObjectRegistry) -> JSON {
        do throws(TokenFault) {
            guard let answer = try user(of: token, audiences: audiences, registry) else {
                return ["authenticated": false, "user": [:], "error": "invalid bearer token"]
            }
            return ["authenticated": true, "user": answer.user.json, "audiences": JSON(answer.audiences)]
        } catch {
            return ["authenticated": false, "user": [:], "error": .string("[invalid bearer token, \(error.words)]")]
        }
    }

    /// Lines of `token,user,uid,"group1,group2"`, as upstream's --token-auth-file.
    package static func staticTokens(csv: String) -> [String: UserInfo] {
        var out: [String: UserInfo] = [:]
        for line in csv.split(whereSeparator: { $0 == "\n" || $0 == "\r" }) {
            var cells: [String] = [""]
            var isQuoted: Bool = false
            for c in line {
                if c == "\"" {
                    isQuoted.toggle()
                } else if c == ",", !isQuoted {
                    cells.append("")
                } else {
                    cells[cells.count - 1].append(c)
                }
            }
            guard cells.count >= 3, !cells[0].isEmpty else { continue }
            let groups: [String] = cells.count > 3 ? cells[3].split(separator: ",").map { String($0) } : []
            out[cells[0]] = UserInfo(name: cells[1], uid: cells[2], groups: groups)
        }
        return out
    }
}
