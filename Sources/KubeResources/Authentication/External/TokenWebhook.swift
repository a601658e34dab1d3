// Bearer tokens that another server knows: authentication.k8s.io TokenReview by webhook.

package import KubeBase
import KubeCrypto
package import KubeModel
package import KubeNet
package import KubeServer
import KubeWire
import Logging

/// `--authentication-token-webhook-config-file`.
package final class TokenWebhook: Authenticator {
    package struct Settings: Sendable {
        package var client: ClientConfiguration
        /// `v1` or `v1beta1`.
        package var version: String = "v1beta1"
        package var cacheTTL: Duration = .seconds(120)
        package init(client: ClientConfiguration) { self.client = client }
    }

    /// Of one question; it is asked again while the server fails.
    private static let timeout: Duration = .seconds(10)
    private static let pauses: [Duration] = [.zero, .milliseconds(500), .milliseconds(750), .milliseconds(1125)]

    private let settings: Settings
    private let audiences: [String]
    private let outbound: Outbound
    private let registry: any ObjectRegistry
    private let time: any TimeSource
    private let cache: AnswerCache<String, UserInfo?> = AnswerCache()
    private let log: Logger = .component("authentication")

    package init(
        _ settings: Settings, audiences: [String], registry: any ObjectRegistry, outbound: Outbound = Outbound(),
        time: any TimeSource = SystemTime()
    ) {
        self.settings = settings
        self.audiences = audiences
        self.registry = registry
        self.outbound = outbound
        self.time = time
    }

    package func authenticate(_ request: HTTPRequest) async throws(StatusError) -> UserInfo? {
        guard let token = BearerAuthenticator.token(of: request) else { return nil }
        // The token itself is not kept.
        let key: String = Digest.hex(Digest.sha256(Array(token.utf8)))
        let now: Timestamp = time.now()
        if let known = cache.answer(key, now: now) { return known }
        do throws(OutboundError) {
            let user: UserInfo? = try await ask(token)
            cache.keep(user, for: key, until: time.now() + settings.cacheTTL, now: now)
            return user
        } catch {
            log.error("Failed to make webhook authenticator request: \(error)")
            return nil
        }
    }

    private func ask(_ token: String) async throws(OutboundError) -> UserInfo? {
        let review: JSON = Self.review(token, audiences: audiences, version: settings.version)
        var failure: OutboundError = OutboundError("nobody was asked")
        for pause in Self.pauses {
            if pause > .zero {
                do { try await time.sleep(for: pause) } catch { throw failure }
            }
            do throws(OutboundError) {
                let answer: JSON = try await outbound.post(
                    review, to: settings.client, timeout: Self.timeout, registry: registry)
                return try Self.user(answer, audiences: audiences)
            } catch {
                failure = error
                // What it refuses now it will refuse later.
                if (400..<500).contains(error.status), error.status != 429 { throw error }
            }
        }
        throw failure
    }

    static func review(_ token: String, audiences: [String], version: String) -> JSON {
        [
            "kind": "TokenReview", "apiVersion": .string("authentication.k8s.io/\(version)"),
            "metadata": [:], "spec": ["token": .string(token), "audiences": JSON(audiences)],
        ]
    }

    /// nil: the token is not known. A server that answers audiences must have found one of ours.
    static func user(_ answer: JSON, audiences: [String]) throws(OutboundError) -> UserInfo? {
        let status: JSON = answer.status
        if !status.authenticated.isTrue {
            if !status.error.text.isEmpty { throw OutboundError(status.error.text, status: 401) }
            return nil
        }
        let found: [String] = status.audiences.strings
        if !found.isEmpty, !audiences.isEmpty, Set(found).isDisjoint(with: audiences) { return nil }
        var user: UserInfo = UserInfo(
            name: status.user.username.text, uid: status.user.uid.text, groups: status.user.groups.strings)
        for (key, values) in status.user.extra.fields { user.extra[key] = values.strings }
        return user
    }
}
