// Bootstrap tokens: `cluster-info` of kube-public signed by each of them, and expired ones removed (KEP-130).

import KubeAPI
package import KubeBase
import KubeCrypto
import KubeModel
package import KubeServer
import KubeWire
import Logging

/// pkg/controller/bootstrap: the bootstrap signer and the token cleaner in one.
package final class BootstrapTokens: Component {
    static let type: String = "bootstrap.kubernetes.io/token"
    static let signaturePrefix: String = "jws-kubeconfig-"
    private static let key: ObjectKey = ObjectKey(namespace: "kube-public", name: "cluster-info")
    /// Below it a timer would fire for the same second again.
    private static let pauseMin: Int64 = 1

    private let registry: any ObjectRegistry
    private let kubeconfig: String
    private let time: any TimeSource
    private let work: AsyncStream<Void>
    private let queue: AsyncStream<Void>.Continuation
    private let log: Logger = .component("bootstrapsigner")

    /// `kubeconfig`: how a machine without any credential reaches this cluster, and whom it may trust.
    package init(_ registry: any ObjectRegistry, kubeconfig: String, time: any TimeSource) {
        self.registry = registry
        self.kubeconfig = kubeconfig
        self.time = time
        let (work, queue): (AsyncStream<Void>, AsyncStream<Void>.Continuation) = AsyncStream.makeStream(
            bufferingPolicy: .bufferingNewest(1))
        self.work = work
        self.queue = queue
        registry.onChange(API.secrets) { old, new in
            if (new ?? old)?.type.text == Self.type { queue.yield() }
        }
        registry.onChange(API.configMaps) { old, new in
            if (new ?? old)?.meta.key == Self.key { queue.yield() }
        }
    }

    package var name: String { "bootstrap-signer-controller" }

    package func run() async throws {
        await publish()
        queue.yield()
        await withDiscardingTaskGroup { timers in
            var armed: Int64 = 0
            for await _ in work {
                guard let next = await sweep(), next != armed else { continue }
                armed = next
                let pause: Int64 = max(Self.pauseMin, next - time.now().seconds + 1)
                timers.addTask { [queue] in
                    try? await Task.sleep(for: .seconds(pause))
                    queue.yield()
                }
            }
            timers.cancelAll()
        }
    }

    /// A token's facts. nil: the Secret is none, or says nothing useful.
    struct Token: Equatable {
        var id: String
        var secret: String
        /// Seconds of Unix time; nil: never.
        var expiry: Int64?
        var isForSigning: Bool

        init?(_ object: JSON) {
            func value(_ key: String) -> String {
                String(decoding: Base64.decode(object.data[key].text) ?? [], as: UTF8.self)
            }
            id = value("token-id")
            secret = value("token-secret")
            guard object.type.text == BootstrapTokens.type, !object.meta.isDeleting, !secret.isEmpty,
                object.meta.name == "bootstrap-token-\(id)"
            else { return nil }
            expiry = Timestamp(rfc3339: value("expiration"))?.seconds
            isForSigning = value("usage-bootstrap-signing") == "true"
        }
    }

    /// The ConfigMap's data with the right signatures and no others; a JWS (RFC 7515) without its payload each.
    static func signed(_ data: JSON, by tokens: [Token]) -> JSON {
        let payload: String = data.kubeconfig.text
        var out: JSON = .object(JSONObject())
        for (key, value) in data.fields where !key.hasPrefix(signaturePrefix) { out[key] = value }
        guard !payload.isEmpty else { return out }
        for token in tokens where token.isForSigning {
            out[signaturePrefix + token.id] = .string(
                DetachedSignature.make(payload, keyID: token.id, secret: token.secret))
        }
        return out
    }

    /// Answers when the next token ends.
    private func sweep() async -> Int64? {
        let now: Int64 = time.now().seconds
        var live: [Token] = []
        for secret in registry.list(API.secrets, namespace: "kube-system") {
            guard let token = Token(secret) else { continue }
            if let end = token.expiry, end <= now { await remove(secret) } else { live.append(token) }
        }
        do throws(StatusError) {
            try await registry.update(API.configMaps, namespace: Self.key.namespace, name: Self.key.name) {
                [live] object in
                let right: JSON = Self.signed(object.data, by: live)
                if Faults.same(right, object.data) { return false }
                object.data = right
                return true
            }
        } catch {
            if !error.isNotFound { log.warning("cluster-info: \(error)") }
        }
        return live.compactMap { $0.expiry }.min()
    }

    private func remove(_ secret: JSON) async {
        var call: APICall = APICall(.delete, API.secrets)
        call.namespace = secret.meta.namespace
        call.name = secret.meta.name
        call.body = ["preconditions": ["uid": secret.metadata.uid]]
        do throws(StatusError) {
            _ = try await registry.transport(user: .loopback).call(call)
        } catch {
            if !error.isNotFound, !error.isConflict { log.warning("removal of \(secret.meta.name): \(error)") }
        }
    }

    /// What kubeadm makes: the ConfigMap, and everybody's right to read it. What is there stays.
    private func publish() async {
        let role: String = "kubeadm:bootstrap-signer-clusterinfo"
        let rbac: String = "rbac.authorization.k8s.io"
        let objects: [(GroupVersionResource, JSON)] = [
            (
                API.configMaps,
                [
                    "apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "cluster-info"],
                    "data": ["kubeconfig": .string(kubeconfig)],
                ]
            ),
            (
                API.roles,
                [
                    "apiVersion": .string(rbac + "/v1"), "kind": "Role", "metadata": ["name": .string(role)],
                    "rules": [
                        [
                            "verbs": ["get"], "apiGroups": [""], "resources": ["configmaps"],
                            "resourceNames": ["cluster-info"],
                        ]
                    ],
                ]
            ),
            (
                API.roleBindings,
                [
                    "apiVersion": .string(rbac + "/v1"), "kind": "RoleBinding", "metadata": ["name": .string(role)],
                    "roleRef": ["apiGroup": .string(rbac), "kind": "Role", "name": .string(role)],
                    "subjects": [["apiGroup": .string(rbac), "kind": "User", "name": "system:anonymous"]],
                ]
            ),
        ]
        for (resource, object) in objects
        where registry.get(resource, namespace: Self.key.namespace, name: object.meta.name) == nil {
            var call: APICall = APICall(.create, resource)
            call.namespace = Self.key.namespace
            call.body = object
            do throws(StatusError) {
                _ = try await registry.transport(user: .loopback).call(call)
            } catch { log.warning("\(object.meta.name): \(error)") }
        }
    }
}
