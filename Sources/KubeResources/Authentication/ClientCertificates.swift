// Users and front proxies by client certificates, whose issuers are judged here and not by TLS: a foreign one means 401.

package import KubeBase
import KubeCrypto
package import KubeModel
package import KubeNet
package import KubeServer
import KubeWire
import Synchronization

/// Verdicts about chains of certificates, each kept for a minute: a client sends many requests.
package final class TrustedChains: Sendable {
    private static let keptMax: Int = 4096
    private static let keptFor: Duration = .seconds(60)

    private struct Verdict: Sendable {
        var isTrusted: Bool
        var until: Timestamp
    }
    private let pool: Mutex<TrustPool>
    private let verdicts: Mutex<[[[UInt8]]: Verdict]> = Mutex([:])
    private let time: any TimeSource

    package init(pem: String, time: any TimeSource) throws {
        pool = Mutex(try TrustPool(pem: pem))
        self.time = time
    }

    func trusts(_ peer: PeerIdentity) async -> Bool {
        let now: Timestamp = time.now()
        if let known = verdicts.withLock({ $0[peer.chain] }), now < known.until { return known.isTrusted }
        let pool: TrustPool = self.pool.withLock { $0 }
        let isTrusted: Bool = await pool.trusts(chain: peer.chain)
        verdicts.withLock {
            if $0.count >= Self.keptMax { $0.removeAll() }
            $0[peer.chain] = Verdict(isTrusted: isTrusted, until: now + Self.keptFor)
        }
        return isTrusted
    }
}

/// The subject of a certificate of the client authority: CN the name, O the groups.
package struct CertificateAuthenticator: Authenticator {
    private let chains: TrustedChains
    package init(_ chains: TrustedChains) { self.chains = chains }

    package func authenticate(_ request: HTTPRequest) async throws(StatusError) -> UserInfo? {
        guard let peer = request.peer, !peer.isVerified, !peer.commonName.isEmpty, let leaf = peer.chain.first,
            await chains.trusts(peer)
        else { return nil }
        return UserInfo(
            name: peer.commonName, groups: peer.organizations,
            extra: ["authentication.kubernetes.io/credential-id": ["X509SHA256=" + Digest.hex(Digest.sha256(leaf))]])
    }
}

/// A proxy that has authenticated its client says who it is: X-Remote-User, -Group, -Uid and -Extra-*.
package struct FrontProxyAuthenticator: Authenticator {
    private let chains: TrustedChains
    /// Common names of proxies; empty: any that the authority has signed.
    private let allowedNames: Set<String>

    package init(_ chains: TrustedChains, allowedNames: Set<String>) {
        self.chains = chains
        self.allowedNames = allowedNames
    }

    private static let extraPrefix: String = "x-remote-extra-"

    package func authenticate(_ request: HTTPRequest) async throws(StatusError) -> UserInfo? {
        guard let name = request.headers["X-Remote-User"], !name.isEmpty, let peer = request.peer, !peer.isVerified,
            allowedNames.isEmpty || allowedNames.contains(peer.commonName), await chains.trusts(peer)
        else { return nil }
        var extra: [String: [String]] = [:]
        for (header, value) in request.headers.pairs {
            let lower: String = header.lowercased()
            guard lower.hasPrefix(Self.extraPrefix) else { continue }
            let key: String = PercentCoding.decode(Array(lower.dropFirst(Self.extraPrefix.count).utf8))
            extra[key, default: []].append(value)
        }
        return UserInfo(
            name: name, uid: request.headers["X-Remote-Uid"] ?? "", groups: request.headers.all("X-Remote-Group"),
            extra: extra)
    }
}
