// Bearer tokens of an OpenID Connect provider: discovered, verified by its published keys, mapped to a user.

package import KubeBase
import KubeCrypto
package import KubeModel
package import KubeNet
package import KubeServer
import KubeWire
import Logging
import Synchronization

/// Keys are fetched when the first token comes, and again when one names a key that is not known.
package final class TokenIssuerAuthenticator: Authenticator {
    private struct Keys: Sendable {
        var all: [JSONWebKey] = []
        var isFetched: Bool = false
        var lastTry: Timestamp?
    }
    /// A provider is asked for its keys at most this often.
    static let fetchPause: Duration = .seconds(1)
    private static let timeout: Duration = .seconds(10)

    private let issuer: TokenIssuer
    private let outbound: Outbound
    private let registry: any ObjectRegistry
    private let time: any TimeSource
    private let keys: Mutex<Keys> = Mutex(Keys())
    private let log: Logger = .component("authentication")

    package init(
        _ issuer: TokenIssuer, registry: any ObjectRegistry, outbound: Outbound = Outbound(),
        time: any TimeSource = SystemTime()
    ) {
        self.issuer = issuer
        self.registry = registry
        self.outbound = outbound
        self.time = time
    }

    package func authenticate(_ request: HTTPRequest) async throws(StatusError) -> UserInfo? {
        guard let text = BearerAuthenticator.token(of: request), let token = JSONWebToken(text),
            token.claims.iss.text == issuer.url
        else { return nil }
        do throws(TokenIssuerFault) {
            try await verify(token)
            let claims: TokenClaims = TokenClaims(issuer: issuer, claims: token.claims)
            try claims.check(now: time.now())
            return try claims.user()
        } catch {
            log.error("Unable to authenticate the request: \(error)")
            throw .unauthorized()
        }
    }

    private func verify(_ token: JSONWebToken) async throws(TokenIssuerFault) {
        let known: Set<String> = issuer.algorithms.isEmpty ? Set(JSONWebKey.algorithms) : issuer.algorithms
        guard known.contains(token.algorithm) else {
            throw TokenIssuerFault(
                "oidc: verify token: oidc: id token signed with unsupported algorithm, expected \(JSON(known.sorted())) "
                    + "got \(JSON(token.algorithm))")
        }
        if isVerified(token) { return }
        if mayFetch() {
            do throws(OutboundError) {
                let fetched: [JSONWebKey] = try await fetch()
                keys.withLock { k in
                    k.all = fetched
                    k.isFetched = true
                }
            } catch {
                if !keys.withLock({ $0.isFetched }) {
                    throw TokenIssuerFault(
                        "oidc: authenticator for issuer \(JSON(issuer.url)) is not healthy: \(error)")
                }
                log.error("oidc authenticator: fetching keys \(error)")
            }
            if isVerified(token) { return }
        }
        throw TokenIssuerFault("oidc: verify token: failed to verify signature: failed to verify id token signature")
    }

    private func isVerified(_ token: JSONWebToken) -> Bool {
        keys.withLock { $0.all }.contains {
            (token.keyID.isEmpty || $0.keyID.isEmpty || $0.keyID == token.keyID) && $0.verifies(token)
        }
    }

    private func mayFetch() -> Bool {
        let now: Timestamp = time.now()
        return keys.withLock { k in
            if let last = k.lastTry, now - last < Self.fetchPause { return false }
            k.lastTry = now
            return true
        }
    }

    private func fetch() async throws(OutboundError) -> [JSONWebKey] {
        let document: JSON = try await get(issuer.discovery)
        guard document.issuer.text == issuer.url else {
            throw OutboundError(
                "oidc: issuer did not match the issuer returned by provider, expected \(JSON(issuer.url)) got "
                    + "\(JSON(document.issuer.text))")
        }
        return JSONWebKey.keys(of: try await get(document["jwks_uri"].text))
    }

    private func get(_ text: String) async throws(OutboundError) -> JSON {
        guard let url = OutboundURL(text) else { throw OutboundError("invalid URL \(JSON(text))") }
        let answer: (status: Int, headers: Headers, body: [UInt8]) = try await outbound.send(
            HTTPRequest(method: "GET", path: "/", headers: ["Accept": "application/json"]),
            to: ClientConfiguration(.url(url), authorityPEM: issuer.authorityPEM), timeout: Self.timeout,
            registry: registry)
        guard answer.status == 200 else {
            throw OutboundError("\(answer.status): \(String(decoding: answer.body.prefix(1024), as: UTF8.self))")
        }
        do {
            return try JSON.parse(answer.body)
        } catch {
            throw OutboundError("oidc: failed to decode the document of \(text): \(error)")
        }
    }
}
