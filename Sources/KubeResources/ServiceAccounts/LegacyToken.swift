// The claims of tokens that Secrets of type kubernetes.io/service-account-token hold; they do not expire.

import KubeWire

struct LegacyToken: Equatable {
    static let issuer: String = "kubernetes/serviceaccount"

    var namespace: String
    var account: String
    var accountUID: String
    var secret: String

    init(namespace: String, account: String, accountUID: String, secret: String) {
        self.namespace = namespace
        self.account = account
        self.accountUID = accountUID
        self.secret = secret
    }

    init(_ claims: JSON) {
        func claim(_ name: String) -> String { claims["kubernetes.io/serviceaccount/" + name].text }
        namespace = claim("namespace")
        account = claim("service-account.name")
        accountUID = claim("service-account.uid")
        secret = claim("secret.name")
    }

    var claims: JSON {
        [
            "iss": .string(Self.issuer), "kubernetes.io/serviceaccount/namespace": .string(namespace),
            "kubernetes.io/serviceaccount/secret.name": .string(secret),
            "kubernetes.io/serviceaccount/service-account.name": .string(account),
            "kubernetes.io/serviceaccount/service-account.uid": .string(accountUID),
            "sub": .string("system:serviceaccount:\(namespace):\(account)"),
        ]
    }
}
