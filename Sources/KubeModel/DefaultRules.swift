// The conditions and computations that defaults.json names.

import KubeBase
import KubeWire

/// The table's `when` of records with a value.
enum DefaultCondition: String, Sendable {
    case none = ""
    case zeroOrAbsent = "0 or absent"
    case empty = "empty"
    case noVolumeSource = "no volume source at all is set"
    case clientIPAffinity = "spec.sessionAffinity is ClientIP"
    case externallyReachable = "type NodePort or LoadBalancer, or type ClusterIP with externalIPs"
    case hasClusterIP = "type is ClusterIP, NodePort or LoadBalancer"
    case loadBalancer = "type is LoadBalancer"
    case loadBalancerEntryWithIP = "type is LoadBalancer and the entry has an ip"
    case rollingStrategy = "strategy type is RollingUpdate"
    case rollingUpdate = "type is RollingUpdate"
    case updateStrategyAbsent = "updateStrategy.type was absent"
    case rollingUpdatePresent = "type is RollingUpdate and rollingUpdate is present"
    case noCompletionsNorParallelism = "completions and parallelism both absent"
    case noBackoffLimitPerIndex = "backoffLimitPerIndex absent"
    case backoffLimitPerIndex = "backoffLimitPerIndex present"
    case noPodFailurePolicy = "podFailurePolicy absent"
    case podFailurePolicy = "podFailurePolicy present"
    case noAlphaMetrics = "absent and the annotation autoscaling.alpha.kubernetes.io/metrics names no other metric"
    case behavior = "spec.behavior present"
    case emptyWithoutEgress = "empty and no egress rules"
    case emptyWithEgress = "empty and egress rules present"
    case parameters = "spec.parameters present"
    case userOrGroup = "kind is User or Group"
    case serviceAccount = "kind is ServiceAccount"
    case exactCount = "allocationMode is ExactCount and count is 0 or absent"
    case noConversion = "spec.conversion absent"
}

enum DefaultConditions {
    /// Whether the record's `when` holds for the object of its type; conditions on the field itself are the caller's.
    static func holds(_ when: DefaultCondition, _ o: JSON) -> Bool {
        switch when {
        case .none, .zeroOrAbsent, .empty: true
        case .noVolumeSource: o.fields.count <= 1
        case .clientIPAffinity: o.spec.sessionAffinity == "ClientIP"
        case .externallyReachable:
            ["NodePort", "LoadBalancer"].contains(o.spec.type.text)
                || (o.spec.type == "ClusterIP" && !o.spec.externalIPs.elements.isEmpty)
        case .hasClusterIP:
            ["ClusterIP", "NodePort", "LoadBalancer"].contains(o.spec.type.text)
        case .loadBalancer, .loadBalancerEntryWithIP: o.spec.type == "LoadBalancer"
        case .rollingStrategy: o.spec.strategy.type == "RollingUpdate"
        case .rollingUpdate: o.spec.updateStrategy.type == "RollingUpdate"
        case .updateStrategyAbsent:
            o.spec.updateStrategy.type == "RollingUpdate" && !o.spec.updateStrategy.rollingUpdate.exists
        case .rollingUpdatePresent:
            o.spec.updateStrategy.type == "RollingUpdate" && o.spec.updateStrategy.rollingUpdate.exists
        case .noCompletionsNorParallelism: !o.spec.completions.exists && !o.spec.parallelism.exists
        case .noBackoffLimitPerIndex: !o.spec.backoffLimitPerIndex.exists
        case .backoffLimitPerIndex: o.spec.backoffLimitPerIndex.exists
        case .noPodFailurePolicy: !o.spec.podFailurePolicy.exists
        case .podFailurePolicy: o.spec.podFailurePolicy.exists
        case .noAlphaMetrics:
            o.metadata.annotations["autoscaling.alpha.kubernetes.io/metrics"].text.isEmpty
        case .behavior: o.spec.behavior.exists
        case .emptyWithoutEgress: o.spec.egress.elements.isEmpty
        case .emptyWithEgress: !o.spec.egress.elements.isEmpty
        case .parameters: o.spec.parameters.exists
        case .userOrGroup: ["User", "Group"].contains(o.kind.text)
        case .serviceAccount: o.kind == "ServiceAccount"
        case .exactCount: o.allocationMode == "ExactCount"
        case .noConversion: !o.conversion.exists
        }
    }
}

enum DefaultComputations {
    /// Rules that look at the whole object; true when the rule was one of these.
    static func handlesWhole(_ rule: DefaultRule, _ o: inout JSON) -> Bool {
        switch (rule.how, rule.path.last ?? "") {
        case ("per resource the limit", _): requestsFromLimits(&o, list: rule.path[1])
        case ("value of containerPort", _): hostPorts(&o, list: rule.path[1])
        case ("removed", _):
            if o.spec.sessionAffinity == "None", o.spec.sessionAffinityConfig.exists {
                o.spec.sessionAffinityConfig = .null
            }
        case (let how, "requests") where how.hasPrefix("per supported resource"): PodLevelDefaults.requests(&o)
        case (let how, "limits") where how.hasPrefix("hugepages"): PodLevelDefaults.hugePageLimits(&o)
        default: return false
        }
        return true
    }

    /// The field's new value; `nil` = leave it alone.
    static func value(_ rule: DefaultRule, _ old: JSON, owner: JSON, root: JSON) -> JSON? {
        switch rule.how {
        case "labels of spec.template":
            let labels: JSON = root.spec.template.metadata.labels
            return old.fields.isEmpty && !labels.fields.isEmpty ? labels : nil
        case "value of port":
            return !old.exists || old == 0 || old == "" ? owner.port : nil
        case "key kubernetes.io/metadata.name set to the name":
            let name: String = root.metadata.name.text
            guard !name.isEmpty else { return nil }
            var labels: JSON = old.exists ? old : [:]
            labels.fields["kubernetes.io/metadata.name"] = .string(name)
            labels.fields.sortKeys()
            return labels
        case "copy of capacity": return !old.exists && owner.capacity.exists ? owner.capacity : nil
        case "per resource the max": return owner.type == "Container" ? filled(old, from: [owner["max"]]) : nil
        case "per resource the default limit, else the min":
            return owner.type == "Container" ? filled(old, from: [owner["default"], owner["min"]]) : nil
        case "each quantity is rounded up to milli scale": return rounded(old)
        case "name of the version with storage true":
            guard old.elements.isEmpty else { return nil }
            let names: [JSON] = root.spec.versions.elements.filter { $0.storage.isTrue }.map { $0.name }
            return names.isEmpty ? JSON?.none : .array(Array(names.prefix(1)))
        case "names.kind in lower case":
            return old.text.isEmpty && !owner.kind.text.isEmpty ? .string(owner.kind.text.lowercased()) : nil
        case "names.kind followed by \"List\"":
            return old.text.isEmpty && !owner.kind.text.isEmpty ? .string(owner.kind.text + "List") : nil
        case "now, whole seconds": return old.exists ? JSON?.none : .string(Timestamp.now.rfc3339)
        default:
            guard rule.how.hasPrefix("Always if the image tag is latest") else { return nil }
            guard old.text.isEmpty else { return nil }
            let image: String = (owner.image.exists ? owner.image : owner.reference).text
            return image.isEmpty && !owner.image.exists && owner.reference.exists ? JSON?.none : .string(pullPolicy(image))
        }
    }

    /// Always for the tag `latest` or no tag and no digest.
    static func pullPolicy(_ image: String) -> String {
        let parts: [Substring] = image.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        let name: Substring = parts.first ?? ""
        let last: Substring = name.split(separator: "/", omittingEmptySubsequences: false).last ?? ""
        let tag: Substring? = last.firstIndex(of: ":").map { last[last.index(after: $0)...] }
        if tag == "latest" { return "Always" }
        return tag == nil && parts.count == 1 ? "Always" : "IfNotPresent"
    }

    private static func filled(_ old: JSON, from sources: [JSON]) -> JSON? {
        var out: JSON = old.exists ? old : [:]
        for source in sources {
            for (key, value) in source.fields where out.fields[key] == nil { out.fields[key] = value }
        }
        out.fields.sortKeys()
        return out.fields.isEmpty || out == old ? JSON?.none : out
    }

    private static func rounded(_ list: JSON) -> JSON? {
        guard case .object(let o) = list else { return nil }
        var pairs: [(key: String, value: JSON)] = o.pairs
        var changed: Bool = false
        for i in pairs.indices {
            guard let text = pairs[i].value.asString, text.hasSuffix("n") || text.hasSuffix("u"),
                let q = Quantity(text)
            else { continue }
            pairs[i].value = q.roundedUpToMilli.json
            changed = true
        }
        return changed ? .object(JSONObject(unique: pairs)) : nil
    }

    /// Pods only: a limit without a request is also the request.
    private static func requestsFromLimits(_ pod: inout JSON, list: String) {
        for i in pod.spec[list].elements.indices {
            let resources: JSON = pod.spec[list][i].resources
            guard let requests = filled(resources.requests, from: [resources.limits]) else { continue }
            var out: JSON = [:]
            if resources.limits.exists { out.limits = resources.limits }
            out.requests = requests
            if resources.claims.exists { out.claims = resources.claims }
            pod.spec[list].elements[i].resources = out
        }
    }

    private static func hostPorts(_ pod: inout JSON, list: String) {
        guard pod.spec.hostNetwork.isTrue else { return }
        for c in pod.spec[list].elements.indices {
            for p in pod.spec[list][c].ports.elements.indices {
                let port: JSON = pod.spec[list][c].ports[p]
                if (port.hostPort.asInt ?? 0) != 0 { continue }
                var out: JSON = [:]
                if port.name.exists { out.name = port.name }
                out.hostPort = port.containerPort
                for (key, value) in port.fields where key != "name" && key != "hostPort" { out[key] = value }
                pod.spec[list].elements[c].ports.elements[p] = out
            }
        }
    }
}

/// Pod-level resources (KEP-2837).
enum PodLevelDefaults {
    private static let supported: Set<String> = ["cpu", "memory"]
    private static func isHugePages(_ name: String) -> Bool { name.hasPrefix("hugepages-") }

    static func requests(_ pod: inout JSON) {
        let limits: JSON = pod.spec.resources.limits
        guard !limits.fields.isEmpty else { return }
        var requests: JSON = pod.spec.resources.requests.exists ? pod.spec.resources.requests : [:]
        let sums: [String: Quantity] = aggregate(pod, "requests")
        for (name, limit) in limits.fields where supported.contains(name) || isHugePages(name) {
            guard requests.fields[name] == nil else { continue }
            if supported.contains(name), let sum = sums[name], !sum.isZero {
                requests.fields[name] = sum.json
            } else {
                requests.fields[name] = limit
            }
        }
        for (name, sum) in sums where supported.contains(name) && requests.fields[name] == nil && !sum.isZero {
            requests.fields[name] = sum.json
        }
        requests.fields.sortKeys()
        if !requests.fields.isEmpty { pod.spec.resources.requests = requests }
    }

    static func hugePageLimits(_ pod: inout JSON) {
        let resources: JSON = pod.spec.resources
        guard resources.exists, !resources.fields.isEmpty else { return }
        for (name, sum) in aggregate(pod, "limits").sorted(by: { $0.key < $1.key }) where isHugePages(name) {
            guard resources.limits.fields[name] == nil, resources.requests.fields[name] == nil else { continue }
            pod.spec.resources.limits.fields[name] = sum.json
            pod.spec.resources.limits.fields.sortKeys()
        }
    }

    /// What the containers need together: running ones summed, init containers by their peak.
    private static func aggregate(_ pod: JSON, _ list: String) -> [String: Quantity] {
        var sum: [String: Quantity] = [:]
        var peak: [String: Quantity] = [:]
        var sidecars: [String: Quantity] = [:]
        func amounts(_ c: JSON) -> [(String, Quantity)] {
            c.resources[list].fields.compactMap { pair in Quantity(pair.value).map { (pair.key, $0) } }
        }
        for c in pod.spec.containers.elements { for (k, q) in amounts(c) { sum[k, default: .zero] += q } }
        for c in pod.spec.initContainers.elements {
            for (k, q) in amounts(c) {
                if c.restartPolicy == "Always" {
                    sidecars[k, default: .zero] += q
                    peak[k] = max(peak[k] ?? .zero, sidecars[k]!)
                } else {
                    peak[k] = max(peak[k] ?? .zero, q + (sidecars[k] ?? .zero))
                }
            }
        }
        for (k, q) in sidecars { sum[k, default: .zero] += q }
        for (k, q) in peak { sum[k] = max(sum[k] ?? .zero, q) }
        return sum
    }
}
