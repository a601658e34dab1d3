// Core kinds with little to say: limit ranges, quotas, endpoints.

import KubeAPI
import KubeModel
import KubeServer
import KubeWire

enum SmallKinds {
    private static let limitRanges: RuledStrategy = RuledStrategy { o, out in
        var types: Set<String> = []
        for (i, item) in o.spec.limits.elements.enumerated() {
            let at: String = "spec.limits[\(i)]"
            if item.type.text.isEmpty { out.required(at + ".type") }
            if !types.insert(item.type.text).inserted { out.duplicate(at + ".type", item.type) }
            for f in ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"] {
                ResourceRules.list(item[f], at: "\(at).\(f)", &out)
            }
            if item.type.text == "Pod" {
                for f in ["default", "defaultRequest"] where !item[f].fields.isEmpty {
                    out.forbidden("\(at).\(f)", "may not be specified when `type` is 'Pod'")
                }
            }
            order(item, at: at, &out)
        }
    }

    /// min ≤ defaultRequest ≤ default ≤ max for each resource.
    private static func order(_ item: JSON, at: String, _ out: inout Faults) {
        func pair(_ low: String, _ high: String, _ field: String) {
            for (name, value) in item[low].fields {
                guard let a = ResourceRules.quantity(value), let b = ResourceRules.quantity(item[high][name]), b < a
                else { continue }
                out.invalid(
                    "\(at).\(field)[\(name)]", value, "\(low == "min" ? "min" : low == "default" ? "default" : "default request") value \(a) is greater than \(high == "max" ? "max" : high == "default" ? "default limit" : "default request") value \(b)")
            }
        }
        pair("min", "max", "min")
        pair("min", "defaultRequest", "defaultRequest")
        pair("defaultRequest", "max", "defaultRequest")
        pair("defaultRequest", "default", "defaultRequest")
        pair("default", "max", "default")
    }

    private static let quotas: RuledStrategy = RuledStrategy(
        hasStatus: true,
        updating: { new, old, out in
            if !Faults.same(new.spec.scopes, old.spec.scopes) { out.invalid("spec.scopes", new.spec.scopes, "field is immutable") }
        }
    ) { o, out in
        ResourceRules.list(o.spec.hard, at: "spec.hard", &out)
        let known: [String] = [
            "BestEffort", "CrossNamespacePodAffinity", "NotBestEffort", "NotTerminating", "PriorityClass", "Terminating",
            "VolumeAttributesClass",
        ]
        for s in o.spec.scopes.elements where !known.contains(s.text) {
            out.invalid("spec.scopes", s, "unsupported scope")
        }
    }

    private static let endpoints: RuledStrategy = RuledStrategy(allowsCreateOnUpdate: true) { o, out in
        for (i, s) in o.subsets.elements.enumerated() {
            let at: String = "subsets[\(i)]"
            if s.addresses.elements.isEmpty, s.notReadyAddresses.elements.isEmpty {
                out.required(at, "must specify `addresses` or `notReadyAddresses`")
            }
            for list in ["addresses", "notReadyAddresses"] {
                for (j, a) in s[list].elements.enumerated() {
                    out.name("\(at).\(list)[\(j)].ip", a.ip.text, IPAddress.check)
                }
            }
            for (j, p) in s.ports.elements.enumerated() {
                let here: String = "\(at).ports[\(j)]"
                if s.ports.elements.count > 1, p.name.text.isEmpty { out.required(here + ".name") }
                out.port(here + ".port", p.port.exists ? p.port : 0)
                out.oneOf(here + ".protocol", p["protocol"], ["SCTP", "TCP", "UDP"])
            }
        }
    }

    static let entries: [Entry] = [
        Entry(API.limitRanges, limitRanges), Entry(API.resourceQuotas, quotas), Entry(API.endpoints, endpoints),
        Entry(API.componentStatuses) { d, _ in d.virtual = ComponentStatuses() },
    ]
}

/// Deprecated since 1.19: the server itself is what there is to see.
struct ComponentStatuses: SubresourceHandler {
    private static func one(_ name: String) -> JSON {
        [
            "metadata": ["name": .string(name)],
            "conditions": [["type": "Healthy", "status": "True", "message": "ok"]],
        ]
    }
    func handle(_ call: SubresourceCall) async throws(StatusError) -> SubresourceAnswer {
        call.context.warn("v1 ComponentStatus is deprecated in v1.19+")
        if call.context.name.isEmpty {
            return .object(
                [
                    "kind": "ComponentStatusList", "apiVersion": "v1", "metadata": [:],
                    "items": [Self.one("etcd-0")],
                ], status: 200)
        }
        guard call.context.name == "etcd-0" else {
            throw .notFound(API.componentStatuses.groupResource, call.context.name)
        }
        var o: JSON = ["kind": "ComponentStatus", "apiVersion": "v1"]
        for (key, value) in Self.one("etcd-0").fields { o[key] = value }
        return .object(o, status: 200)
    }
}
