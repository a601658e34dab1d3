// What node agents may do: the rules of system:node, narrowed to their own node and to what their pods use.

import KubeAPI
import KubeModel
package import KubeServer
import KubeWire
import Synchronization

/// plugin/pkg/auth/authorizer/node: for users `system:node:NAME` in group system:nodes.
package final class NodeAuthorizer: Authorizer {
    private struct State {
        var pods: [ObjectKey: PodReferences] = [:]
        var podsByNode: [String: Set<ObjectKey>] = [:]
        /// Claim → its volume.
        var volumes: [ObjectKey: String] = [:]
        /// Volume → the Secrets that its driver needs.
        var volumeSecrets: [String: Set<ObjectKey>] = [:]
        /// VolumeAttachment → its node.
        var attachments: [String: String] = [:]

        func secretsOfVolumes(_ r: PodReferences) -> Set<ObjectKey> {
            if volumeSecrets.isEmpty { return [] }
            return r.claims.reduce(into: []) { all, claim in
                if let volume = volumes[ObjectKey(namespace: r.namespace, name: claim)] {
                    all.formUnion(volumeSecrets[volume] ?? [])
                }
            }
        }
        func references(of node: String) -> [PodReferences] { (podsByNode[node] ?? []).compactMap { pods[$0] } }
    }

    private let state: Mutex<State> = Mutex(State())

    package init() {}

    package func follow(_ registry: any ObjectRegistry) {
        registry.onChange(API.pods) { [self] old, new in
            state.withLock { s in
                if let old, let gone = s.pods.removeValue(forKey: old.meta.key) {
                    s.podsByNode[gone.node]?.remove(old.meta.key)
                }
                guard let new, !new.spec.nodeName.text.isEmpty else { return }
                let references: PodReferences = PodReferences(new)
                s.pods[new.meta.key] = references
                s.podsByNode[references.node, default: []].insert(new.meta.key)
            }
        }
        followVolumes(registry)
        registry.onChange(API.persistentVolumeClaims) { [self] old, new in
            state.withLock { s in
                if let new {
                    s.volumes[new.meta.key] = new.spec.volumeName.text
                } else if let old {
                    s.volumes[old.meta.key] = nil
                }
            }
        }
    }

    private func followVolumes(_ registry: any ObjectRegistry) {
        registry.onChange(API.persistentVolumes) { [self] old, new in
            state.withLock { s in
                if let old { s.volumeSecrets[old.meta.name] = nil }
                guard let new else { return }
                let secrets: Set<ObjectKey> = PodReferences.secrets(ofVolume: new)
                if !secrets.isEmpty { s.volumeSecrets[new.meta.name] = secrets }
            }
        }
        registry.onChange(API.volumeAttachments) { [self] old, new in
            state.withLock { s in
                if let old { s.attachments[old.meta.name] = nil }
                if let new { s.attachments[new.meta.name] = new.spec.nodeName.text }
            }
        }
    }

    /// The node's name when this user is a node agent.
    package static func node(of user: UserInfo) -> String? {
        guard user.name.hasPrefix("system:node:"), user.groups.contains(UserInfo.Group.nodes) else { return nil }
        return String(user.name.dropFirst("system:node:".count))
    }

    package func authorize(_ a: RequestAttributes) async -> Decision {
        guard let node = Self.node(of: a.user) else { return .noOpinion(reason: "") }
        if a.isResourceRequest {
            switch (a.group, a.resource) {
            case ("", "secrets"), ("", "configmaps"), ("", "persistentvolumeclaims"), ("", "persistentvolumes"),
                ("resource.k8s.io", "resourceclaims"):
                return reading(a, node)
            case ("", "serviceaccounts"): return token(a, node)
            case ("storage.k8s.io", "volumeattachments"): return attachment(a, node)
            case ("", "pods"): if let decision = pods(a, node) { return decision }
            case ("", "nodes"):
                if ["get", "update", "patch"].contains(a.verb), a.name != node {
                    return .noOpinion(reason: "node '\(node)' cannot read '\(a.name)', only its own Node object")
                }
            case ("coordination.k8s.io", "leases"):
                if a.namespace != "kube-node-lease" || (!a.name.isEmpty && a.name != node) {
                    return .noOpinion(reason: "can only access node lease with the same name as the requesting node")
                }
            case ("storage.k8s.io", "csinodes"):
                if !a.name.isEmpty, a.name != node {
                    return .noOpinion(reason: "can only access CSINode with the same name as the requesting node")
                }
            default: break
            }
        }
        return BootstrapPolicy.nodeRules.contains { $0.allows(a) } ? .allow(reason: "") : .noOpinion(reason: "")
    }

    /// Others get nothing from here, and know all there is; a node's rules are narrower than a list can say.
    package func rules(for user: UserInfo, namespace: String) async -> AuthorizationRules? {
        var out: AuthorizationRules = AuthorizationRules()
        guard Self.node(of: user) != nil else { return out }
        out.isIncomplete = true
        out.resources = BootstrapPolicy.nodeRules.map {
            AuthorizationRules.ResourceRule(
                verbs: $0.verbs, apiGroups: $0.apiGroups, resources: $0.resources, resourceNames: $0.resourceNames)
        }
        return out
    }

    /// get, or list and watch of one name.
    private func reading(_ a: RequestAttributes, _ node: String) -> Decision {
        var name: String = a.name
        if a.verb == "list" || a.verb == "watch", name.isEmpty, a.fieldSelector.hasPrefix("metadata.name=") {
            name = String(a.fieldSelector.dropFirst("metadata.name=".count))
        }
        let isClaimStatus: Bool =
            a.resource == "persistentvolumeclaims" && a.subresource == "status" && ["get", "update", "patch"].contains(a.verb)
        guard isClaimStatus || ["get", "list", "watch"].contains(a.verb) else {
            return .noOpinion(reason: "can only read resources of this type")
        }
        guard a.subresource.isEmpty || isClaimStatus else { return .noOpinion(reason: "cannot read subresource") }
        guard !name.isEmpty else { return .noOpinion(reason: "No Object name found") }
        let isUsed: Bool = state.withLock { s in
            s.references(of: node).contains { r in
                if a.resource == "persistentvolumes" {
                    return r.claims.contains { s.volumes[ObjectKey(namespace: r.namespace, name: $0)] == name }
                }
                if a.resource == "secrets", s.secretsOfVolumes(r).contains(ObjectKey(namespace: a.namespace, name: name)) {
                    return true
                }
                guard r.namespace == a.namespace else { return false }
                switch a.resource {
                case "secrets": return r.secrets.contains(name)
                case "configmaps": return r.configMaps.contains(name)
                case "persistentvolumeclaims": return r.claims.contains(name)
                default: return r.resourceClaims.contains(name)
                }
            }
        }
        return isUsed
            ? .allow(reason: "")
            : .noOpinion(reason: "no relationship found between node '\(node)' and this object")
    }

    private func attachment(_ a: RequestAttributes, _ node: String) -> Decision {
        guard a.verb == "get", a.subresource.isEmpty else {
            return .noOpinion(reason: "can only get individual resources of this type")
        }
        return state.withLock { $0.attachments[a.name] == node }
            ? .allow(reason: "")
            : .noOpinion(reason: "no relationship found between node '\(node)' and this object")
    }

    private func token(_ a: RequestAttributes, _ node: String) -> Decision {
        if a.subresource.isEmpty, a.verb == "get" {
            return isServiceAccountUsed(a, node)
        }
        guard a.subresource == "token" else { return .noOpinion(reason: "can only access token subresource") }
        guard a.verb == "create" else { return .noOpinion(reason: "can only create tokens") }
        return isServiceAccountUsed(a, node)
    }

    private func isServiceAccountUsed(_ a: RequestAttributes, _ node: String) -> Decision {
        let isUsed: Bool = state.withLock { s in
            s.references(of: node).contains { $0.namespace == a.namespace && $0.serviceAccount == a.name }
        }
        return isUsed
            ? .allow(reason: "")
            : .noOpinion(reason: "no relationship found between node '\(node)' and this object")
    }

    /// Reads need the node's own pods; nil leaves writes to the rules and to NodeRestriction.
    private func pods(_ a: RequestAttributes, _ node: String) -> Decision? {
        switch a.verb {
        case "get":
            if a.subresource.isEmpty {
                let isOwn: Bool = state.withLock {
                    $0.pods[ObjectKey(namespace: a.namespace, name: a.name)]?.node == node
                }
                return isOwn
                    ? .allow(reason: "")
                    : .noOpinion(reason: "no relationship found between node '\(node)' and this object")
            }
            return nil
        case "list", "watch":
            let isOwn: Bool = a.fieldSelector.split(separator: ",").contains { $0 == "spec.nodeName=\(node)" }
            return isOwn
                ? .allow(reason: "")
                : .noOpinion(
                    reason: "can only list/watch pods with spec.nodeName field selector")
        default: return nil
        }
    }
}
