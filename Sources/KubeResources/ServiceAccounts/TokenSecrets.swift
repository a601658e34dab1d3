// Fills Secrets of type kubernetes.io/service-account-token and removes those whose account has gone.

import KubeAPI
import KubeBase
import KubeCrypto
import KubeModel
package import KubeServer
import KubeWire
import Logging

/// pkg/controller/serviceaccount tokens controller.
package final class TokenSecrets: Component {
    static let type: String = "kubernetes.io/service-account-token"
    static let nameKey: String = "kubernetes.io/service-account.name"
    static let uidKey: String = "kubernetes.io/service-account.uid"
    private static let queueMax: Int = 10_000

    /// What a Secret needs.
    enum Step: Equatable {
        case none
        case remove
        /// The data and annotations that are right.
        case write(JSON)
    }

    private let settings: ClusterSettings
    private let registry: any ObjectRegistry
    private let work: AsyncStream<ObjectKey>
    private let log: Logger = .component("tokens-controller")

    package init(_ settings: ClusterSettings, _ registry: any ObjectRegistry) {
        self.settings = settings
        self.registry = registry
        let (stream, queue): (AsyncStream<ObjectKey>, AsyncStream<ObjectKey>.Continuation) = AsyncStream.makeStream(
            bufferingPolicy: .bufferingNewest(Self.queueMax))
        work = stream
        registry.onChange(API.secrets) { _, new in
            if let new, new.type.text == Self.type { queue.yield(new.meta.key) }
        }
        // An account that goes takes its tokens along: an empty name means all of the namespace.
        registry.onChange(API.serviceAccounts) { old, new in
            guard let account = new ?? old, new == nil || old?.metadata.uid != new?.metadata.uid else { return }
            queue.yield(ObjectKey(namespace: account.meta.namespace, name: ""))
        }
    }

    package var name: String { "serviceaccount-token-controller" }

    package func run() async throws {
        for await key in work {
            guard key.name.isEmpty else {
                await settle(key)
                continue
            }
            for secret in registry.list(API.secrets, namespace: key.namespace) where secret.type.text == Self.type {
                await settle(secret.meta.key)
            }
        }
    }

    /// Pure but for the signature.
    static func step(_ secret: JSON, account: JSON?, caPEM: String, sign: (JSON) throws -> String) rethrows -> Step {
        guard secret.type.text == type, !secret.meta.isDeleting else { return .none }
        let wantedUID: String = secret.metadata.annotations[uidKey].text
        guard let account, wantedUID.isEmpty || wantedUID == account.meta.uid else { return .remove }
        var right: JSON = secret
        right.metadata.annotations[uidKey] = account.metadata.uid
        if right.data["ca.crt"].text.isEmpty || Base64.decode(right.data["ca.crt"].text) != Array(caPEM.utf8) {
            right.data["ca.crt"] = .string(Base64.encode(Array(caPEM.utf8)))
        }
        if right.data.namespace.text.isEmpty {
            right.data.namespace = .string(Base64.encode(Array(secret.meta.namespace.utf8)))
        }
        if right.data.token.text.isEmpty {
            let claims: LegacyToken = LegacyToken(
                namespace: secret.meta.namespace, account: account.meta.name, accountUID: account.meta.uid,
                secret: secret.meta.name)
            right.data.token = .string(Base64.encode(Array(try sign(claims.claims).utf8)))
        }
        return right == secret ? .none : .write(right)
    }

    private func settle(_ key: ObjectKey) async {
        guard let secret = registry.get(API.secrets, namespace: key.namespace, name: key.name),
            let signer = settings.signingKeys.first
        else { return }
        let owner: String = secret.metadata.annotations[Self.nameKey].text
        let account: JSON? = registry.get(API.serviceAccounts, namespace: key.namespace, name: owner)
        do {
            switch try Self.step(secret, account: account, caPEM: settings.clientCAPEM, sign: { try signer.sign($0) }) {
            case .none: return
            case .remove:
                var call: APICall = APICall(.delete, API.secrets)
                call.namespace = key.namespace
                call.name = key.name
                call.body = ["preconditions": ["uid": secret.metadata.uid]]
                _ = try await registry.transport(user: .loopback).call(call)
            case .write(let right):
                try await registry.update(API.secrets, namespace: key.namespace, name: key.name) { object in
                    guard object.metadata.uid == right.metadata.uid else { return false }
                    for field in ["ca.crt", "namespace", "token"] { object.data[field] = right.data[field] }
                    object.metadata.annotations[Self.uidKey] = right.metadata.annotations[Self.uidKey]
                    return true
                }
            }
        } catch let error as StatusError {
            if !error.isNotFound, !error.isConflict { log.warning("token secret \(key): \(error)") }
        } catch { log.warning("token secret \(key): \(error)") }
    }
}
