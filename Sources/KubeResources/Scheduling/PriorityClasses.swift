// Priority classes and runtime classes: small, cluster-wide, mostly immutable.

import KubeAPI
import KubeModel
import KubeServer
import KubeWire

enum PriorityClasses {
    /// User-defined values end here; what is above is the system's.
    static let userMax: Int = 1_000_000_000
    static let systemNames: [String: Int] = ["system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000]

    private static let strategy: RuledStrategy = RuledStrategy(
        updating: { new, old, out in
            if new.value != old.value { out.forbidden("value", "may not be changed in an update.") }
            out.immutable("preemptionPolicy", new.preemptionPolicy, old.preemptionPolicy)
        }
    ) { o, out in
        let name: String = o.meta.name
        let value: Int = o.value.asInt ?? 0
        if name.hasPrefix("system-") {
            if systemNames[name] != value {
                out.forbidden(
                    "metadata.name",
                    "priority class names with 'system-' prefix are reserved for system use only. error: \(name) is not a known system priority class")
            }
        } else if value > userMax {
            out.forbidden("value", "maximum allowed value of a user defined priority is \(userMax)")
        }
        out.oneOf(
            "preemptionPolicy", o.preemptionPolicy, ["Never", "PreemptLowerPriority"], isRequired: false)
    }
    static let entry: Entry = Entry(API.priorityClasses, strategy)

    private static let runtimes: RuledStrategy = RuledStrategy(
        updating: { new, old, out in out.immutable("handler", new.handler, old.handler) }
    ) { o, out in
        out.name("handler", o.handler.text, NameRules.dns1123Label)
        ResourceRules.list(o.overhead.podFixed, at: "overhead.podFixed", &out)
        LabelRules.labels(o.scheduling.nodeSelector, at: "scheduling.nodeSelector", &out)
        PlacementRules.tolerations(o.scheduling.tolerations, at: "scheduling.tolerations", &out)
    }
    static let runtimeClasses: Entry = Entry(API.runtimeClasses, runtimes)
}
