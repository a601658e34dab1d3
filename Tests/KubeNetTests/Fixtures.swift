// A server, a client and their certificates for loopback tests.

import KubeBase
import KubeCrypto
import KubeNet
import Logging

struct Responder: HTTPResponder {
    let answer: @Sendable (HTTPRequest) async -> HTTPResponse
    init(_ answer: @escaping @Sendable (HTTPRequest) async -> HTTPResponse) { self.answer = answer }
    func respond(to request: HTTPRequest) async -> HTTPResponse { await answer(request) }
}

struct Identities {
    let ca: CertificateAuthority
    let server: TLSServerOptions
    let client: TLSClientOptions

    init() throws {
        ca = try CertificateAuthority.create(commonName: "test", validity: .seconds(3600))
        let leaf = try ca.issue(
            CertificateRequest(
                commonName: "server", dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"], isServer: true,
                isClient: false, validity: .seconds(3600)))
        let user = try ca.issue(
            CertificateRequest(
                commonName: "jane", organizations: ["dev", "ops"], isServer: false, isClient: true,
                validity: .seconds(3600)))
        server = TLSServerOptions(
            certificatePEM: leaf.certificatePEM, keyPEM: leaf.keyPEM, clientCAPEM: ca.certificatePEM)
        client = TLSClientOptions(
            caPEM: ca.certificatePEM, certificatePEM: user.certificatePEM, keyPEM: user.keyPEM)
    }
}

/// A server on a free loopback port for the time of `body`.
func withServer<R>(
    tls: TLSServerOptions? = nil, bodyBytesMax: Int = 3 << 20,
    _ answer: @escaping @Sendable (HTTPRequest) async -> HTTPResponse,
    _ body: (HTTPServer, Endpoint) async throws -> R
) async throws -> R {
    let server: HTTPServer = try HTTPServer(
        responder: Responder(answer), tls: tls, bodyBytesMax: bodyBytesMax, log: Logger.component("test"))
    let port: Int = try await server.listen(host: "127.0.0.1", port: 0)
    do {
        let result: R = try await body(server, .tcp(host: "127.0.0.1", port: port))
        await server.shutdown(graceSeconds: 1)
        return result
    } catch {
        await server.shutdown(graceSeconds: 0)
        throw error
    }
}

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
