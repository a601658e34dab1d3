// What all workloads share: selector, template, replicas.

import KubeModel
import KubeWire

enum WorkloadRules {
    /// A PodTemplateSpec; its labels must match the selector.
    static func template(
        _ template: JSON, selector: JSON, restartPolicies: [String] = ["Always"], at path: String, _ out: inout Faults
    ) {
        let labels: JSON = template.metadata.labels
        if selector.exists, !LabelSelector(selector).matches(labels.stringMap) {
            out.invalid(
                path + ".metadata.labels", labels.exists ? labels : [:], "`selector` does not match template `labels`")
        }
        body(template, restartPolicies: restartPolicies, at: path, &out)
    }

    static func body(
        _ template: JSON, restartPolicies: [String] = ["Always"], at path: String, _ out: inout Faults
    ) {
        LabelRules.labels(template.metadata.labels, at: path + ".labels", &out)
        LabelRules.annotations(template.metadata.annotations, at: path + ".annotations", &out)
        PodSpecRules.check(template.spec, at: path + ".spec", &out)
        if !template.spec.ephemeralContainers.elements.isEmpty {
            out.forbidden(path + ".spec.ephemeralContainers", "ephemeral containers not allowed in pod template")
        }
        let policy: JSON = template.spec.restartPolicy
        if ["Always", "OnFailure", "Never"].contains(policy.text), !restartPolicies.contains(policy.text) {
            out.notSupported(path + ".spec.restartPolicy", policy, restartPolicies)
        }
        if restartPolicies == ["Always"], template.spec.activeDeadlineSeconds.exists {
            out.forbidden(
                path + ".spec.activeDeadlineSeconds", "activeDeadlineSeconds in ReplicaSet is not Supported")
        }
    }

    static func selector(_ selector: JSON, kind: String, _ out: inout Faults) {
        if !selector.exists { return out.required("spec.selector") }
        LabelRules.selector(selector, at: "spec.selector", &out)
        if LabelRules.isEmpty(selector) {
            out.invalid("spec.selector", selector, "empty selector is invalid for \(kind)")
        }
    }

    /// `maxUnavailable` and `maxSurge`: numbers or percentages, not both 0.
    static func rollingUpdate(_ r: JSON, at path: String, _ out: inout Faults) {
        NumberRules.positiveIntOrPercent(r.maxUnavailable, at: path + ".maxUnavailable", isBelow100: true, &out)
        NumberRules.positiveIntOrPercent(r.maxSurge, at: path + ".maxSurge", &out)
        if NumberRules.isZero(r.maxUnavailable), NumberRules.isZero(r.maxSurge) {
            out.invalid(path + ".maxUnavailable", r.maxUnavailable, "may not be 0 when `maxSurge` is 0")
        }
    }
}
