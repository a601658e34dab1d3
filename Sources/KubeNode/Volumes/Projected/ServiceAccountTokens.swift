// Tokens bound to pods, asked for once and renewed before they end: authentication.k8s.io/v1 TokenRequest.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire
import Synchronization

final class ServiceAccountTokens: Sendable {
    private struct Key: Hashable {
        var podUID: String
        var audience: String
        var path: String
    }
    private struct Entry {
        var token: String
        var renewAt: Timestamp
    }
    private let client: Client
    private let time: any TimeSource
    private let known: Mutex<[Key: Entry]> = Mutex([:])

    init(client: Client, time: any TimeSource) {
        self.client = client
        self.time = time
    }

    /// `source` is a ServiceAccountTokenProjection.
    func token(_ source: JSON, pod: JSON) async throws -> String {
        let key: Key = Key(podUID: pod.meta.uid, audience: source.audience.text, path: source.path.text)
        let now: Timestamp = time.now()
        if let entry = known.withLock({ $0[key] }), now < entry.renewAt { return entry.token }
        let account: String = pod.spec.serviceAccountName.asString ?? "default"
        let seconds: Int = source.expirationSeconds.asInt ?? 3600
        var request: JSON = ["apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"]
        request.spec.audiences = source.audience.exists ? .array([source.audience]) : .array([])
        request.spec.expirationSeconds = JSON(seconds)
        request.spec.boundObjectRef = [
            "kind": "Pod", "apiVersion": "v1", "name": .string(pod.meta.name), "uid": .string(pod.meta.uid),
        ]
        let answer: JSON
        do throws(StatusError) {
            answer = try await client.create(
                API.serviceAccounts, namespace: pod.meta.namespace, request, name: account, subresource: "token")
        } catch {
            if let entry = known.withLock({ $0[key] }) { return entry.token }
            throw VolumeFault("failed to fetch token: \(error)")
        }
        let token: String = answer.status.token.text
        let end: Timestamp =
            answer.status.expirationTimestamp.asString.flatMap { Timestamp(rfc3339: $0) } ?? now + .seconds(seconds)
        // At 80 % of its life or after a day.
        let life: Duration = end - now
        let renewAt: Timestamp = now + min(life * 4 / 5, .seconds(86400))
        known.withLock { $0[key] = Entry(token: token, renewAt: renewAt) }
        return token
    }

    /// When the pod's next token has to be renewed; nil when it has none.
    func nextRenewal(podUID: String) -> Timestamp? {
        known.withLock { $0.filter { $0.key.podUID == podUID }.map { $0.value.renewAt }.min() }
    }

    func forget(podUID: String) { known.withLock { k in k = k.filter { $0.key.podUID != podUID } } }
}
