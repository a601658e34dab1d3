// Core kinds with little to say: limit ranges, quotas, endpoints.

import KubeAPI
import KubeModel
import KubeServer
import KubeWire

enum SmallKinds {
    private static let limitRanges: RuledStrategy = RuledStrategy { o, out in LimitRules.check(o.spec, &out) }

    private static let quotas: RuledStrategy = RuledStrategy(
        hasStatus: true,
        updating: { new, old, out in
            if Set(new.spec.scopes.strings) != Set(old.spec.scopes.strings) {
                out.invalid("spec.scopes", new.spec.scopes, "field is immutable")
            }
        }
    ) { o, out in QuotaRules.check(o.spec, &out) }

    private static let endpoints: RuledStrategy = RuledStrategy(allowsCreateOnUpdate: true) { o, out in
        for (i, s) in o.subsets.elements.enumerated() {
            let at: String = "subsets[\(i)]"
            if s.addresses.elements.isEmpty, s.notReadyAddresses.elements.isEmpty {
                out.required(at, "must specify `addresses` or `notReadyAddresses`")
            }
            for list in ["addresses", "notReadyAddresses"] {
                for (j, a) in s[list].elements.enumerated() {
                    EndpointRules.address(
                        a, mayBeSpecial: EndpointRules.isServerItself(o), at: "\(at).\(list)[\(j)]", &out)
                }
            }
            for (j, p) in s.ports.elements.enumerated() {
                EndpointRules.port(p, needsName: s.ports.elements.count > 1, at: "\(at).ports[\(j)]", &out)
            }
        }
    }

    static let entries: [Entry] = [
        Entry(API.limitRanges, limitRanges), Entry(API.resourceQuotas, quotas), Entry(API.endpoints) { d, _ in
            d.strategy = endpoints
            d.deprecationWarning = "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"
        },
        Entry(API.componentStatuses) { d, _ in
            d.virtual = ComponentStatuses()
            d.deprecationWarning = "v1 ComponentStatus is deprecated in v1.19+"
        },
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
