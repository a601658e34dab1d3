// Certificates renewed by requests to the cluster before they end, while their users run.

import KubeBase
import KubeClient
import KubeCrypto
import KubeNet
import Logging

/// Each pair: asked for when there is none, and again when four fifths of its life are over.
struct CertificateRenewals: Component {
    struct Item: Sendable {
        var pair: IssuedPair
        var client: Client
        /// What must have happened before the first request.
        var after: @Sendable () async -> Void = {}
        var use: @Sendable (Credentials.Pair) throws -> Void
    }

    let name: String
    let items: [Item]
    private let log: Logger = .component("certificates")
    /// After a failure.
    private static let retry: Duration = .seconds(10)

    init(name: String, items: [Item]) {
        self.name = name
        self.items = items
    }

    func run() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            for item in items { group.addTask { try await keep(item) } }
        }
    }

    private func keep(_ item: Item) async throws {
        await item.after()
        var current: Credentials.Pair? = item.pair.stored()
        while true {
            if let current, let due = IssuedPair.renewal(current) {
                let wait: Duration = due - Timestamp.now
                if wait > .zero { try await Task.sleep(for: wait) }
            }
            do {
                let new: Credentials.Pair = try await item.pair.request(item.client)
                try item.use(new)
                current = new
                log.info("new certificate of \(item.pair.commonName) by \(item.pair.signer)")
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                log.warning("certificate of \(item.pair.commonName) by \(item.pair.signer): \(error)")
                try await Task.sleep(for: Self.retry)
            }
        }
    }
}
