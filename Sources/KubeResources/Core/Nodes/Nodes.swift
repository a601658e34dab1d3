// Nodes.

import KubeAPI
import KubeModel
import KubeServer
import KubeWire

struct NodeStrategy: Strategy {
    func validate(_ node: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        var seen: Set<String> = []
        for (i, t) in node.spec.taints.elements.enumerated() {
            let at: String = "metadata.taints[\(i)]"
            out.name(at + ".key", t.key.text, NameRules.qualifiedName)
            out.name(at + ".value", t.value.text, NameRules.labelValue)
            out.oneOf(at + ".effect", t.effect, ["NoSchedule", "PreferNoSchedule", "NoExecute"])
            let key: String = "\(t.key.text):\(t.effect.text)"
            if !seen.insert(key).inserted {
                out.duplicate(at, t, "taints must be unique by key and effect pair")
            }
        }
        let ranges: [String] = node.spec.podCIDRs.strings
        for (i, cidr) in ranges.enumerated() { out.name("spec.podCIDRs[\(i)]", cidr, CIDR.check) }
        let families: [Bool] = ranges.map { $0.contains(":") }
        if ranges.count > 2 || ranges.count == 2 && families[0] == families[1] {
            out.invalid(
                "spec.podCIDRs", node.spec.podCIDRs, "may specify no more than one CIDR for each IP family")
        }
        ResourceRules.list(node.status.capacity, at: "status.capacity", &out)
        ResourceRules.list(node.status.allocatable, at: "status.allocatable", &out)
        return out.list
    }
    func prepareForUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext) {
        Self.keepStatus(&new, old: old)
    }
    func validateUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        out.append(validate(new, context))
        if !old.spec.podCIDRs.elements.isEmpty, !Faults.same(new.spec.podCIDRs, old.spec.podCIDRs) {
            out.forbidden("spec.podCIDRs", "node updates may not change podCIDR except from \"\" to valid")
        }
        if !old.spec.providerID.text.isEmpty, new.spec.providerID != old.spec.providerID {
            out.forbidden("spec.providerID", "node updates may not change providerID except from \"\" to valid")
        }
        return out.list
    }
    func validateStatusUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        ResourceRules.list(new.status.capacity, at: "status.capacity", &out)
        ResourceRules.list(new.status.allocatable, at: "status.allocatable", &out)
        var seen: Set<String> = []
        for (i, a) in new.status.addresses.elements.enumerated()
        where !seen.insert("\(a.type.text)/\(a.address.text)").inserted {
            out.duplicate("status.addresses[\(i)]", a)
        }
        return out.list
    }
}

enum Nodes {
    static let entry: Entry = Entry(API.nodes) { d, _ in
        d.strategy = NodeStrategy()
        d.setHandler("proxy", .custom(NodeProxy()))
    }
}
