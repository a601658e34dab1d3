// Removes certificate requests that nobody needs any more.

import KubeAPI
package import KubeBase
import KubeCrypto
import KubeModel
package import KubeServer
import KubeWire
import Logging

/// pkg/controller/certificates/cleaner: looks once an hour.
package final class CertificateCleaner: Component {
    static let period: Duration = .seconds(3600)
    /// How long requests stay after they were approved, denied or failed; and without any decision.
    static let decidedFor: Duration = .seconds(3600)
    static let pendingFor: Duration = .seconds(24 * 3600)

    private let registry: any ObjectRegistry
    private let time: any TimeSource
    private let log: Logger = .component("csrcleaner")

    package init(registry: any ObjectRegistry, time: any TimeSource) {
        self.registry = registry
        self.time = time
    }

    package var name: String { "certificatesigningrequest-cleaner-controller" }

    package func run() async throws {
        while !Task.isCancelled {
            await sweep()
            try await Task.sleep(for: Self.period)
        }
    }

    static func isOver(_ request: JSON, now: Timestamp) -> Bool {
        func since(_ c: JSON) -> Duration {
            Timestamp(rfc3339: c.lastUpdateTime.text).map { now - $0 } ?? .zero
        }
        let issued: String = String(decoding: Base64.decode(request.status.certificate.text) ?? [], as: UTF8.self)
        if !issued.isEmpty, let facts = try? CertificateFacts(pem: issued), facts.notAfter < now { return true }
        for c in request.status.conditions.elements where ["Approved", "Denied", "Failed"].contains(c.type.text) {
            // An approval that was not carried out yet stays.
            if c.type.text == "Approved", issued.isEmpty { continue }
            if since(c) > decidedFor { return true }
        }
        guard request.status.conditions.elements.isEmpty, let born = Timestamp(rfc3339: request.metadata.creationTimestamp.text)
        else { return false }
        return now - born > pendingFor
    }

    private func sweep() async {
        let now: Timestamp = time.now()
        for request in registry.list(API.certificateSigningRequests, namespace: "") where Self.isOver(request, now: now) {
            var call: APICall = APICall(.delete, API.certificateSigningRequests)
            call.name = request.meta.name
            do throws(StatusError) {
                _ = try await registry.transport(user: .loopback).call(call)
            } catch {
                if !error.isNotFound { log.warning("removal of \(request.meta.name): \(error)") }
            }
        }
    }
}
