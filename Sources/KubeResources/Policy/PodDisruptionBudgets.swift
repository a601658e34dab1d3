// Disruption budgets.

import KubeAPI
import KubeModel
import KubeServer
import KubeWire

enum PodDisruptionBudgets {
    private static let strategy: RuledStrategy = RuledStrategy(hasStatus: true, keepsGeneration: true) { o, out in
        let spec: JSON = o.spec
        if spec.minAvailable.exists, spec.maxUnavailable.exists {
            out.invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set")
        }
        NumberRules.positiveIntOrPercent(spec.minAvailable, at: "spec.minAvailable", isBelow100: true, &out)
        NumberRules.positiveIntOrPercent(spec.maxUnavailable, at: "spec.maxUnavailable", isBelow100: true, &out)
        LabelRules.selector(spec.selector, at: "spec.selector", &out)
        out.oneOf(
            "spec.unhealthyPodEvictionPolicy", spec.unhealthyPodEvictionPolicy, ["AlwaysAllow", "IfHealthyBudget"],
            isRequired: false)
    }
    static let entry: Entry = Entry(API.podDisruptionBudgets, strategy)
}
