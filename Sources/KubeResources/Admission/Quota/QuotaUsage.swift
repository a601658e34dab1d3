// How much of which quota an object takes: pkg/quota/v1/evaluator.

import KubeAPI
import KubeBase
import KubeModel
import KubeServer
import KubeWire

enum QuotaUsage {
    static func of(_ resource: GroupVersionResource, _ o: JSON, now: Timestamp) -> [String: Quantity] {
        var out: [String: Quantity] = [:]
        let one: Quantity = Quantity(1)
        out["count/" + resource.groupResource.description] = one
        switch resource {
        case API.pods: pod(o, now: now, &out)
        case API.persistentVolumeClaims: claim(o, &out)
        case API.services: service(o, &out)
        case API.resourceClaims: devices(o, &out)
        case API.configMaps, API.secrets, API.replicationControllers, API.resourceQuotas: out[resource.resource] = one
        default: break
        }
        return out
    }

    /// Ended pods, and pods that are longer gone than their grace, take only their place among the objects.
    private static func pod(_ o: JSON, now: Timestamp, _ out: inout [String: Quantity]) {
        if ["Succeeded", "Failed"].contains(o.status.phase.text) { return }
        if let end = o.meta.deletionTimestamp, end + .seconds(o.metadata.deletionGracePeriodSeconds.asInt ?? 0) < now {
            return
        }
        out["pods"] = Quantity(1)
        for part in ["requests", "limits"] {
            for (name, value) in PodTotals.of(o, part, withOverhead: true).fields {
                guard let q = ResourceRules.quantity(value) else { continue }
                out["\(part).\(name)"] = q
                if part == "requests" { out[name] = q }
            }
        }
    }

    private static func claim(_ o: JSON, _ out: inout [String: Quantity]) {
        let one: Quantity = Quantity(1)
        out["persistentvolumeclaims"] = one
        let legacy: String? = o.metadata.annotations["volume.beta.kubernetes.io/storage-class"].asString
        let named: String = legacy ?? o.spec.storageClassName.text
        let prefix: String = "\(named).storageclass.storage.k8s.io/"
        if !named.isEmpty { out[prefix + "persistentvolumeclaims"] = one }
        guard let q = ResourceRules.quantity(o.spec.resources.requests.storage) else { return }
        out["requests.storage"] = q
        if !named.isEmpty { out[prefix + "requests.storage"] = q }
    }

    private static func service(_ o: JSON, _ out: inout [String: Quantity]) {
        let one: Quantity = Quantity(1)
        out["services"] = one
        let ports: Quantity = Quantity(Int64(o.spec.ports.elements.count))
        if o.spec.type.text == "NodePort" { out["services.nodeports"] = ports }
        if o.spec.type.text == "LoadBalancer" {
            out["services.loadbalancers"] = one
            if o.spec.allocateLoadBalancerNodePorts.asBool ?? true { out["services.nodeports"] = ports }
        }
    }

    /// Devices by class; of alternatives, the most that one of them may take.
    private static func devices(_ o: JSON, _ out: inout [String: Quantity]) {
        func add(_ list: [JSON]) {
            var most: [String: Int64] = [:]
            for r in list where !r.deviceClassName.text.isEmpty {
                let count: Int64 = r.allocationMode.text == "All" ? 32 : r["count"].asInt64 ?? 1
                most[r.deviceClassName.text] = max(most[r.deviceClassName.text] ?? 0, count)
            }
            for (name, n) in most {
                let key: String = "\(name).deviceclass.resource.k8s.io/devices"
                out[key] = (out[key] ?? .zero) + Quantity(n)
            }
        }
        for r in o.spec.devices.requests.elements {
            add(r.exactly.exists ? [r.exactly] : r.firstAvailable.elements)
        }
    }

    private static let counted: [GroupVersionResource] = [
        API.pods, API.persistentVolumeClaims, API.services, API.configMaps, API.secrets, API.replicationControllers,
        API.resourceQuotas, API.resourceClaims,
    ]

    /// Whether a hard limit of this name may count objects of the resource.
    private static func concerns(_ name: String, _ resource: GroupVersionResource) -> Bool {
        if name.hasPrefix("count/") { return name.dropFirst("count/".count) == resource.groupResource.description }
        switch resource {
        case API.pods:
            return !["persistentvolumeclaims", "services", "configmaps", "secrets", "replicationcontrollers"].contains(
                name)
        case API.persistentVolumeClaims:
            return name.hasSuffix("persistentvolumeclaims") || name.hasSuffix("requests.storage")
        case API.services: return name.hasPrefix("services")
        case API.resourceClaims: return name.hasSuffix("deviceclass.resource.k8s.io/devices")
        default: return name == resource.resource
        }
    }

    /// What the objects of the quota's namespace take of its hard resources.
    static func total(_ quota: JSON, _ registry: any ObjectRegistry, now: Timestamp) -> [String: Quantity] {
        var out: [String: Quantity] = [:]
        let hard: Set<String> = Set(quota.spec.hard.fields.keys)
        var resources: [GroupVersionResource] = counted.filter { r in hard.contains { concerns($0, r) } }
        for name in hard where name.hasPrefix("count/") {
            let known: ResourceDefinition? = registry.definitions.first {
                $0.groupResource.description == name.dropFirst("count/".count)
            }
            if let known, !resources.contains(where: { $0.groupResource == known.groupResource }) {
                resources.append(known.gvr)
            }
        }
        for resource in resources {
            for object in registry.list(resource, namespace: quota.meta.namespace)
            where QuotaScopes.match(quota, resource, object, now: now) {
                for (key, q) in of(resource, object, now: now) where hard.contains(key) {
                    out[key] = (out[key] ?? .zero) + q
                }
            }
        }
        return out
    }
}
