// Quotas: a create that would take a namespace above its hard limits is refused.

import KubeAPI
import KubeBase
package import KubeModel
package import KubeServer
package import KubeWire
import Synchronization

/// What is used is counted from the objects in memory plus the writes in flight, so that two creates at the same
/// moment cannot both take the last place.
package final class ResourceQuotaAdmission: AdmissionPlugin {
    package let name: String = "ResourceQuota"

    private struct Pending {
        var resource: GroupVersionResource
        var name: String
        var usage: [String: Quantity]
        var until: Timestamp
    }
    /// A write that has not landed after this time has failed.
    private static let pendingSeconds: Int = 2
    private let pending: Mutex<[String: [Pending]]> = Mutex([:])

    package init() {}

    package func validate(_ request: AdmissionRequest) async throws(StatusError) {
        guard request.operation == .create || request.operation == .update, request.subresource.isEmpty,
            !request.namespace.isEmpty
        else { return }
        let registry: any ObjectRegistry = request.context.registry
        let quotas: [JSON] = registry.list(API.resourceQuotas, namespace: request.namespace).filter {
            QuotaUsage.matches($0, request.resource, request.object)
        }
        guard !quotas.isEmpty else { return }
        let wanted: [String: Quantity] = QuotaUsage.of(request.resource, request.object)
        let before: [String: Quantity] =
            request.oldObject.exists ? QuotaUsage.of(request.resource, request.oldObject) : [:]
        for quota in quotas {
            try mustSpecify(quota, request, wanted)
            try reserve(quota, request, wanted, before)
        }
    }

    /// A quota of cpu or memory makes each container name them.
    private func mustSpecify(
        _ quota: JSON, _ request: AdmissionRequest, _ wanted: [String: Quantity]
    ) throws(StatusError) {
        guard request.resource == API.pods, request.operation == .create else { return }
        let compute: [String: (String, String)] = [
            "cpu": ("requests", "cpu"), "memory": ("requests", "memory"), "requests.cpu": ("requests", "cpu"),
            "requests.memory": ("requests", "memory"), "limits.cpu": ("limits", "cpu"),
            "limits.memory": ("limits", "memory"),
        ]
        var missing: [String] = []
        for (key, (part, resource)) in compute where quota.spec.hard[key].exists {
            let without: [String] = request.object.spec.containers.elements.filter { !$0.resources[part][resource].exists }
                .map { $0.name.text }
            if !without.isEmpty { missing.append("\(key) for: \(without.joined(separator: ","))") }
        }
        if !missing.isEmpty {
            throw .forbidden(
                request.resource.groupResource, request.name,
                "failed quota: \(quota.meta.name): must specify \(missing.sorted().joined(separator: "; "))")
        }
    }

    private func reserve(
        _ quota: JSON, _ request: AdmissionRequest, _ wanted: [String: Quantity], _ before: [String: Quantity]
    ) throws(StatusError) {
        let hard: [String: Quantity] = quota.spec.hard.fields.pairs.reduce(into: [:]) {
            $0[$1.key] = ResourceRules.quantity($1.value)
        }
        let grows: [String] = hard.keys.filter { (before[$0] ?? .zero) < (wanted[$0] ?? .zero) }.sorted()
        if grows.isEmpty { return }
        let registry: any ObjectRegistry = request.context.registry
        let now: Timestamp = request.context.now
        let key: String = request.namespace + "/" + quota.meta.name
        let refusal: StatusError? = pending.withLock { all in
            var used: [String: Quantity] = QuotaUsage.total(quota, registry)
            var waiting: [Pending] = (all[key] ?? []).filter { p in
                p.until > now && registry.get(p.resource, namespace: request.namespace, name: p.name) == nil
            }
            for p in waiting { for (k, q) in p.usage { used[k] = (used[k] ?? .zero) + q } }
            let over: [String] = grows.filter { k in
                let after: Quantity = (used[k] ?? .zero) - (before[k] ?? .zero) + (wanted[k] ?? .zero)
                return hard[k].map { $0 < after } ?? false
            }
            if over.isEmpty {
                if request.operation == .create, !request.isDryRun {
                    waiting.append(
                        Pending(
                            resource: request.resource, name: request.object.meta.name, usage: wanted,
                            until: now + .seconds(Self.pendingSeconds)))
                }
                all[key] = waiting
                return nil
            }
            func list(_ values: [String: Quantity]) -> String {
                over.map { "\($0)=\(values[$0] ?? .zero)" }.joined(separator: ",")
            }
            let delta: [String: Quantity] = Dictionary(
                uniqueKeysWithValues: over.map { ($0, (wanted[$0] ?? .zero) - (before[$0] ?? .zero)) })
            return .forbidden(
                request.resource.groupResource, request.name,
                "exceeded quota: \(quota.meta.name), requested: \(list(delta)), used: \(list(used)), limited: \(list(hard))")
        }
        if let refusal { throw refusal }
    }
}

/// How much of which quota an object takes.
package enum QuotaUsage {
    package static func of(_ resource: GroupVersionResource, _ o: JSON) -> [String: Quantity] {
        var out: [String: Quantity] = [:]
        let one: Quantity = Quantity(1)
        let counted: String = resource.groupResource.description
        out["count/" + counted] = one
        switch resource {
        case API.pods:
            if ["Succeeded", "Failed"].contains(o.status.phase.text) { return ["count/pods": one] }
            out["pods"] = one
            for part in ["requests", "limits"] {
                for (name, value) in LimitRanger.sum(o, part).fields {
                    guard let q = ResourceRules.quantity(value) else { continue }
                    out["\(part).\(name)"] = q
                    if part == "requests" { out[name] = q }
                }
            }
        case API.persistentVolumeClaims:
            out["persistentvolumeclaims"] = one
            if let q = ResourceRules.quantity(o.spec.resources.requests.storage) {
                out["requests.storage"] = q
                if let c = o.spec.storageClassName.asString {
                    out["\(c).storageclass.storage.k8s.io/requests.storage"] = q
                    out["\(c).storageclass.storage.k8s.io/persistentvolumeclaims"] = one
                }
            }
        case API.services:
            out["services"] = one
            let ports: Quantity = Quantity(Int64(o.spec.ports.elements.count))
            if o.spec.type.text == "NodePort" { out["services.nodeports"] = ports }
            if o.spec.type.text == "LoadBalancer" {
                out["services.loadbalancers"] = one
                if o.spec.allocateLoadBalancerNodePorts.asBool ?? true { out["services.nodeports"] = ports }
            }
        case API.configMaps, API.secrets, API.replicationControllers, API.resourceQuotas: out[resource.resource] = one
        default: break
        }
        return out
    }

    /// Whether the quota's scopes take the object in.
    package static func matches(_ quota: JSON, _ resource: GroupVersionResource, _ o: JSON) -> Bool {
        var terms: [(scope: String, op: String, values: [String])] = quota.spec.scopes.strings.map { ($0, "Exists", []) }
        for e in quota.spec.scopeSelector.matchExpressions.elements {
            terms.append((e.scopeName.text, e["operator"].text, e.values.strings))
        }
        if terms.isEmpty { return true }
        guard resource == API.pods else { return false }
        return terms.allSatisfy { term in
            let isTerminating: Bool = (o.spec.activeDeadlineSeconds.asInt ?? -1) >= 0
            let isBestEffort: Bool = QualityOfService.of(o.spec) == "BestEffort"
            switch term.scope {
            case "Terminating": return isTerminating
            case "NotTerminating": return !isTerminating
            case "BestEffort": return isBestEffort
            case "NotBestEffort": return !isBestEffort
            case "PriorityClass":
                let name: String = o.spec.priorityClassName.text
                switch term.op {
                case "In": return term.values.contains(name)
                case "NotIn": return !term.values.contains(name)
                case "DoesNotExist": return name.isEmpty
                default: return !name.isEmpty
                }
            default: return false
            }
        }
    }

    private static let counted: [GroupVersionResource] = [
        API.pods, API.persistentVolumeClaims, API.services, API.configMaps, API.secrets, API.replicationControllers,
        API.resourceQuotas,
    ]

    /// What the objects of the quota's namespace take of its hard resources.
    package static func total(_ quota: JSON, _ registry: any ObjectRegistry) -> [String: Quantity] {
        var out: [String: Quantity] = [:]
        let hard: [String] = quota.spec.hard.fields.keys
        var resources: [GroupVersionResource] = counted
        for name in hard where name.hasPrefix("count/") {
            let known: ResourceDefinition? = registry.definitions.first {
                $0.groupResource.description == name.dropFirst("count/".count)
            }
            if let known, !resources.contains(known.gvr) { resources.append(known.gvr) }
        }
        for resource in resources {
            for object in registry.list(resource, namespace: quota.meta.namespace) where matches(quota, resource, object) {
                for (key, q) in of(resource, object) where hard.contains(key) { out[key] = (out[key] ?? .zero) + q }
            }
        }
        return out
    }
}
