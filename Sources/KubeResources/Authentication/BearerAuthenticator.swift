// `Authorization: Bearer …`, and the WebSocket form of it that browsers must use.

package import KubeModel
package import KubeNet
package import KubeServer
import KubeCrypto

package struct BearerAuthenticator: Authenticator {
    private let verifier: TokenVerifier
    private let audiences: [String]
    private let registry: any ObjectRegistry

    package init(_ settings: ClusterSettings, _ registry: any ObjectRegistry) {
        self.verifier = settings.tokens
        self.audiences = settings.audiences
        self.registry = registry
    }

    package func authenticate(_ request: HTTPRequest) async throws(StatusError) -> UserInfo? {
        guard let token = Self.token(of: request) else { return nil }
        do throws(TokenFault) {
            return try verifier.user(of: token, audiences: audiences, registry)?.user
        } catch {
            throw .unauthorized()
        }
    }

    private static let protocolPrefix: String = "base64url.bearer.authorization.k8s.io."

    static func token(of request: HTTPRequest) -> String? {
        if let header = request.headers["Authorization"] {
            let parts: [Substring] = header.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
            guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
            let token: String = String(parts[1]).filter { $0 != " " }
            return token.isEmpty ? nil : token
        }
        for list in request.headers.all("Sec-WebSocket-Protocol") {
            for item in list.split(separator: ",") {
                let name: String = String(item.filter { $0 != " " })
                guard name.hasPrefix(protocolPrefix) else { continue }
                let bytes: [UInt8]? = Base64URL.decode(name.dropFirst(protocolPrefix.count))
                return bytes.map { String(decoding: $0, as: UTF8.self) }
            }
        }
        return nil
    }
}
