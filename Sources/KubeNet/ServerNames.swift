// Certificates chosen by the name that a client asks for (RFC 6066, server name indication).

import NIOCore
import NIOSSL
import Synchronization

/// A certificate chain with its key, parsed once and offered in many handshakes.
package struct TLSKeyPair: Sendable {
    let override: NIOSSLContextConfigurationOverride

    /// Throws a `NetError` when either is unreadable or the key is not the certificate's.
    package init(certificatePEM: String, keyPEM: String) throws {
        let chain: [NIOSSLCertificate]
        let key: NIOSSLPrivateKey
        do {
            chain = try NIOSSLCertificate.fromPEMBytes(Array(certificatePEM.utf8))
            guard !chain.isEmpty else { throw NIOSSLError.failedToLoadCertificate }
        } catch { throw NetError(.tls, "tls: failed to find any PEM data in certificate input") }
        do { key = try NIOSSLPrivateKey(bytes: Array(keyPEM.utf8), format: .pem) } catch {
            throw NetError(.tls, "tls: failed to find any PEM data in key input")
        }
        do {
            _ = try NIOSSLContext(
                configuration: .makeServerConfiguration(
                    certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key)))
        } catch { throw NetError(.tls, "tls: private key does not match public key") }
        var override: NIOSSLContextConfigurationOverride = NIOSSLContextConfigurationOverride()
        override.certificateChain = chain.map { .certificate($0) }
        override.privateKey = .privateKey(key)
        self.override = override
    }
}

/// What a server looks a client's name up in; replaced while it runs.
package final class ServerNames: Sendable {
    /// nil: the server's own certificate.
    package typealias Choice = @Sendable (_ name: String) -> TLSKeyPair?
    private let choice: Mutex<Choice>

    package init(_ choice: @escaping Choice = { _ in nil }) { self.choice = Mutex(choice) }

    /// Later handshakes use it.
    package func replace(_ choice: @escaping Choice) { self.choice.withLock { $0 = choice } }

    /// `name` in lower case, empty when the client named none.
    func pair(_ name: String) -> TLSKeyPair? { choice.withLock { $0 }(name) }

    var callback: NIOSSLContextCallback {
        { [self] values, promise in
            let pair: TLSKeyPair? = pair(values.serverHostname?.lowercased() ?? "")
            promise.succeed(pair?.override ?? .noChanges)
        }
    }
}
