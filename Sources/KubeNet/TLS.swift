// TLS settings of servers and clients, as NIO contexts.

import KubeCrypto
import NIOCore
import NIOSSL
import Synchronization

package struct TLSServerOptions: Sendable {
    package var certificatePEM: String
    package var keyPEM: String
    /// Client certificates are optional, and verified against these authorities when shown.
    package var clientCAPEM: String?
    /// Whatever certificate a client shows is taken, if it has its key: the responder judges `peer.chain` itself.
    package var takesAnyClient: Bool
    /// Certificates by the name that a client asks for; nil, or a name that it does not know: the one above.
    package var names: ServerNames?
    package init(certificatePEM: String, keyPEM: String, clientCAPEM: String?, takesAnyClient: Bool = false) {
        self.certificatePEM = certificatePEM
        self.keyPEM = keyPEM
        self.clientCAPEM = clientCAPEM
        self.takesAnyClient = takesAnyClient
    }

    func context(protocols: [String]) throws -> NIOSSLContext {
        do {
            var c: TLSConfiguration = .makeServerConfiguration(
                certificateChain: try certificates(certificatePEM).map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(keyPEM.utf8), format: .pem)))
            c.minimumTLSVersion = .tlsv12
            c.shutdownTimeout = .seconds(1)
            c.applicationProtocols = protocols
            if let clientCAPEM {
                c.trustRoots = .certificates(try certificates(clientCAPEM))
                c.certificateVerification = .optionalVerification
            }
            if takesAnyClient { c.certificateVerification = .optionalVerification }
            c.sslContextCallback = names?.callback
            return try NIOSSLContext(configuration: c)
        } catch { throw NetError(.tls, "tls: the server's certificate or key is unusable: \(error)") }
    }
}

package struct TLSClientOptions: Sendable {
    /// The authorities trusted; nil trusts the machine's own list.
    package var caPEM: String?
    package var certificatePEM: String?
    package var keyPEM: String?
    /// Overrides the host name that is sent and verified.
    package var serverName: String?
    package var insecureSkipVerify: Bool
    package init(
        caPEM: String? = nil, certificatePEM: String? = nil, keyPEM: String? = nil, serverName: String? = nil,
        insecureSkipVerify: Bool = false
    ) {
        self.caPEM = caPEM
        self.certificatePEM = certificatePEM
        self.keyPEM = keyPEM
        self.serverName = serverName
        self.insecureSkipVerify = insecureSkipVerify
    }

    func context() throws -> NIOSSLContext {
        do {
            var c: TLSConfiguration = .makeClientConfiguration()
            c.minimumTLSVersion = .tlsv12
            c.shutdownTimeout = .seconds(1)
            c.applicationProtocols = ["http/1.1"]
            if let caPEM { c.trustRoots = .certificates(try certificates(caPEM)) }
            if let certificatePEM, let keyPEM {
                c.certificateChain = try certificates(certificatePEM).map { .certificate($0) }
                c.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: Array(keyPEM.utf8), format: .pem))
            }
            if insecureSkipVerify { c.certificateVerification = .none }
            return try NIOSSLContext(configuration: c)
        } catch { throw NetError(.tls, "tls: the client's certificate, key or authority is unusable: \(error)") }
    }

    /// A handler for one connection; an IP address is verified against the certificate's addresses.
    func handler(_ context: NIOSSLContext, host: String) throws -> NIOSSLClientHandler {
        let name: String = serverName ?? host
        let isAddress: Bool = (try? SocketAddress(ipAddress: name, port: 0)) != nil
        return try NIOSSLClientHandler(context: context, serverHostname: isAddress || name.isEmpty ? nil : name)
    }
}

private func certificates(_ pem: String) throws -> [NIOSSLCertificate] {
    try NIOSSLCertificate.fromPEMBytes(Array(pem.utf8))
}

extension NIOSSLServerHandler {
    /// The certificate that the client showed, verified unless the server takes any.
    func peerIdentity(isVerified: Bool, shown: [[UInt8]]) -> PeerIdentity? {
        guard let der = try? peerCertificate?.toDERBytes(), let facts = try? CertificateFacts(der: der) else {
            return nil
        }
        var peer: PeerIdentity = PeerIdentity(commonName: facts.commonName, organizations: facts.organizations)
        peer.isVerified = isVerified
        let chain: [[UInt8]] = shown.isEmpty ? certificateChain : shown
        peer.chain = chain.isEmpty ? [der] : chain
        return peer
    }

    private var certificateChain: [[UInt8]] {
        peerValidatedCertificateChain?.compactMap { try? $0.toDERBytes() } ?? []
    }
}

/// What a client of a server that takes any certificate has shown, until it is asked for: as bytes, for parsed certificates
/// are several times larger and would be kept as long as the connection.
final class ShownChain: Sendable {
    private let der: Mutex<[[UInt8]]> = Mutex([])

    func keep(_ chain: [NIOSSLCertificate]) {
        let bytes: [[UInt8]] = chain.compactMap { try? $0.toDERBytes() }
        der.withLock { $0 = bytes }
    }

    func take() -> [[UInt8]] {
        der.withLock { d in
            defer { d = [] }
            return d
        }
    }
}
