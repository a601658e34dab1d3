// ReplicaSets, and ReplicationControllers before them.

import KubeAPI
import KubeModel
import KubeServer
import KubeWire

struct ReplicaSetStrategy: TemplatedStrategy {
    var keepsGeneration: Bool { true }
    func prepareForCreate(_ o: inout JSON, _ context: RequestContext) { o.status = [:] }
    func prepareForUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext) { Self.keepStatus(&new, old: old) }

    func validate(_ o: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        out.notNegative("spec.replicas", o.spec.replicas)
        out.notNegative("spec.minReadySeconds", o.spec.minReadySeconds)
        WorkloadRules.selector(o.spec.selector, kind: "replicaset", &out)
        if !o.spec.template.exists {
            out.required("spec.template")
        } else {
            WorkloadRules.template(o.spec.template, selector: o.spec.selector, at: "spec.template", &out)
        }
        return out.list
    }
    func validateUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        out.append(validate(new, context))
        out.immutable("spec.selector", new.spec.selector, old.spec.selector)
        return out.list
    }
    func validateStatusUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] {
        WorkloadStatus.check(
            new, counts: ["replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas"])
    }
}

/// Its selector is a plain map of labels, defaulted from the template; dependents are orphaned by default.
struct ReplicationControllerStrategy: TemplatedStrategy {
    var keepsGeneration: Bool { true }
    var defaultPropagation: Propagation { .orphan }
    func prepareForCreate(_ o: inout JSON, _ context: RequestContext) { o.status = [:] }
    func prepareForUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext) { Self.keepStatus(&new, old: old) }

    func validate(_ o: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        out.notNegative("spec.replicas", o.spec.replicas)
        out.notNegative("spec.minReadySeconds", o.spec.minReadySeconds)
        LabelRules.labels(o.spec.selector, at: "spec.selector", &out)
        if o.spec.selector.fields.isEmpty { out.required("spec.selector") }
        if !o.spec.template.exists {
            out.required("spec.template")
        } else {
            WorkloadRules.template(
                o.spec.template, selector: ["matchLabels": o.spec.selector], at: "spec.template", &out)
        }
        return out.list
    }
    func validateStatusUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] {
        WorkloadStatus.check(
            new, counts: ["replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas"])
    }
}

enum ReplicaSets {
    static let entry: Entry = Entry(API.replicaSets, ReplicaSetStrategy())
    static let controllers: Entry = Entry(API.replicationControllers, ReplicationControllerStrategy())
}
