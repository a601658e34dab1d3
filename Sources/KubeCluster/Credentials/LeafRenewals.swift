// Certificates of our own authority, made anew while their users run, before they end.

import KubeBase
import KubeCrypto
import KubeOS
import Logging

/// Each pair is looked at when a third of its life is left, and put to use when it has changed.
struct LeafRenewals: Component {
    struct Item: Sendable {
        var what: String
        /// Answers the pair that is good now; makes a new one when the old one is about to end.
        var pair: @Sendable () throws -> Credentials.Pair
        var use: @Sendable (Credentials.Pair) throws -> Void
    }

    let name: String = "certificate renewals"
    let items: [Item]
    private let log: Logger = .component("certificates")
    private static let retry: Duration = .seconds(60)

    init(_ items: [Item]) { self.items = items }

    /// When `Credentials.pair` makes a new one, and a minute.
    static func due(_ pem: String, now: Timestamp) throws -> Duration {
        let end: Timestamp = try CertificateFacts(pem: pem).notAfter
        return max(.zero, end - now - .seconds(Credentials.leafDays * 86400 / 3)) + .seconds(60)
    }

    func run() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            for item in items { group.addTask { try await keep(item) } }
        }
    }

    private func keep(_ item: Item) async throws {
        var current: String = try item.pair().certificatePEM
        while true {
            try await Task.sleep(for: try Self.due(current, now: .now))
            do {
                let new: Credentials.Pair = try item.pair()
                if new.certificatePEM == current { continue }
                try item.use(new)
                current = new.certificatePEM
                log.info("new certificate of \(item.what)")
            } catch {
                log.warning("certificate of \(item.what): \(error)")
                try await Task.sleep(for: Self.retry)
            }
        }
    }
}
