// Deployments: pkg/apis/apps/validation and pkg/registry/apps/deployment.

import KubeAPI
import KubeModel
import KubeServer
import KubeWire

struct DeploymentStrategy: TemplatedStrategy {
    var keepsGeneration: Bool { true }

    func prepareForCreate(_ o: inout JSON, _ context: RequestContext) { o.status = [:] }
    func prepareForUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext) { Self.keepStatus(&new, old: old) }
    func prepareForStatusUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext) {
        Self.keepAllButStatusAndMetadata(&new, old: old)
        new.metadata.labels = old.metadata.labels
    }

    func validate(_ o: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        let spec: JSON = o.spec
        out.notNegative("spec.replicas", spec.replicas)
        WorkloadRules.selector(spec.selector, kind: "deployment", &out)
        WorkloadRules.template(spec.template, selector: spec.selector, at: "spec.template", &out)
        strategy(spec.strategy, &out)
        out.notNegative("spec.minReadySeconds", spec.minReadySeconds)
        out.notNegative("spec.revisionHistoryLimit", spec.revisionHistoryLimit)
        if let deadline = spec.progressDeadlineSeconds.asInt {
            out.notNegative("spec.progressDeadlineSeconds", spec.progressDeadlineSeconds)
            if deadline <= spec.minReadySeconds.asInt ?? 0 {
                out.invalid(
                    "spec.progressDeadlineSeconds", spec.progressDeadlineSeconds, "must be greater than minReadySeconds")
            }
        }
        return out.list
    }

    private func strategy(_ s: JSON, _ out: inout Faults) {
        switch s.type.text {
        case "Recreate":
            if s.rollingUpdate.exists {
                out.forbidden(
                    "spec.strategy.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'")
            }
        case "RollingUpdate":
            if !s.rollingUpdate.exists {
                out.required(
                    "spec.strategy.rollingUpdate", "this should be defaulted and never be nil")
            } else {
                WorkloadRules.rollingUpdate(s.rollingUpdate, at: "spec.strategy.rollingUpdate", &out)
            }
        default: out.notSupported("spec.strategy.type", s.type, ["Recreate", "RollingUpdate"])
        }
    }

    func validateUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        out.append(validate(new, context))
        out.immutable("spec.selector", new.spec.selector, old.spec.selector)
        return out.list
    }

    func validateStatusUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] {
        WorkloadStatus.check(
            new, counts: ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas"])
    }
}

enum WorkloadStatus {
    /// Counts are not negative, and none is greater than `replicas`.
    static func check(_ o: JSON, counts: [String]) -> [FieldError] {
        var out: Faults = Faults()
        for c in counts { out.notNegative("status.\(c)", o.status[c]) }
        let all: Int = o.status.replicas.asInt ?? 0
        for c in ["updatedReplicas", "readyReplicas", "availableReplicas", "fullyLabeledReplicas"] where counts.contains(c) {
            if (o.status[c].asInt ?? 0) > all {
                out.invalid("status.\(c)", o.status[c], "cannot be greater than status.replicas")
            }
        }
        return out.list
    }
}

enum Deployments {
    static let entry: Entry = Entry(API.deployments, DeploymentStrategy())
}
