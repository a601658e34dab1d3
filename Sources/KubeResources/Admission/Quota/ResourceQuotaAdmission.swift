// Quotas: a create that would take a namespace above its hard limits is refused.

import KubeAPI
import KubeBase
package import KubeModel
package import KubeServer
import KubeWire
import Synchronization

/// What is used is counted from the objects in memory plus the writes in flight, so that two creates at the same
/// moment cannot both take the last place.
package final class ResourceQuotaAdmission: AdmissionPlugin {
    package let name: String = "ResourceQuota"

    private struct Pending {
        var resource: GroupVersionResource
        var name: String
        var usage: [String: Quantity]
        var until: ContinuousClock.Instant
    }
    /// A write that has not landed after this time has failed, even on a machine that is very busy.
    private static let pendingFor: Duration = .seconds(15)
    private let pending: Mutex<[String: [Pending]]> = Mutex([:])

    package init() {}

    package func validate(_ request: AdmissionRequest) async throws(StatusError) {
        let isResize: Bool = request.resource == API.pods && request.subresource == "resize"
        guard request.operation == .create || request.operation == .update, request.subresource.isEmpty || isResize,
            !request.namespace.isEmpty
        else { return }
        let registry: any ObjectRegistry = request.context.registry
        let quotas: [JSON] = registry.list(API.resourceQuotas, namespace: request.namespace).filter {
            QuotaScopes.match($0, request.resource, request.object, now: request.context.now)
        }
        guard !quotas.isEmpty else { return }
        let now: Timestamp = request.context.now
        let wanted: [String: Quantity] = QuotaUsage.of(request.resource, request.object, now: now)
        for quota in quotas {
            try mustSpecify(quota, request, wanted)
            // An object that comes into a scope by an update counts there as a whole.
            let wasIn: Bool =
                request.oldObject.exists && QuotaScopes.match(quota, request.resource, request.oldObject, now: now)
            try reserve(
                quota, request, wanted, wasIn ? QuotaUsage.of(request.resource, request.oldObject, now: now) : [:])
        }
    }

    /// A quota of cpu or memory makes each container name them.
    private func mustSpecify(
        _ quota: JSON, _ request: AdmissionRequest, _ wanted: [String: Quantity]
    ) throws(StatusError) {
        guard request.resource == API.pods, request.operation == .create else { return }
        let spec: JSON = request.object.spec
        let containers: [JSON] = spec.containers.elements + spec.initContainers.elements
        let compute: [String: (String, String)] = [
            "cpu": ("requests", "cpu"), "memory": ("requests", "memory"), "requests.cpu": ("requests", "cpu"),
            "requests.memory": ("requests", "memory"), "limits.cpu": ("limits", "cpu"),
            "limits.memory": ("limits", "memory"),
        ]
        var missing: [String] = []
        for (key, (part, resource)) in compute
        where quota.spec.hard[key].exists && !spec.resources[part][resource].exists {
            let without: [String] = containers.filter { !$0.resources[part][resource].exists }.map { $0.name.text }
                .sorted()
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
            var used: [String: Quantity] = QuotaUsage.total(quota, registry, now: now)
            var waiting: [Pending] = (all[key] ?? []).filter { p in
                p.until > .now && registry.get(p.resource, namespace: request.namespace, name: p.name) == nil
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
                            until: .now + Self.pendingFor))
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
                "exceeded quota: \(quota.meta.name), requested: \(list(delta)), used: \(list(used)), limited: \(list(hard))"
            )
        }
        if let refusal { throw refusal }
    }
}
