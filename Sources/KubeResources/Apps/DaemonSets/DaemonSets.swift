// DaemonSets.

import KubeAPI
import KubeModel
import KubeServer
import KubeWire

struct DaemonSetStrategy: TemplatedStrategy {
    var keepsGeneration: Bool { true }
    func prepareForCreate(_ o: inout JSON, _ context: RequestContext) { o.status = [:] }
    func prepareForUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext) { Self.keepStatus(&new, old: old) }

    func validate(_ o: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        WorkloadRules.selector(o.spec.selector, kind: "daemonset", &out)
        WorkloadRules.template(o.spec.template, selector: o.spec.selector, at: "spec.template", &out)
        out.notNegative("spec.minReadySeconds", o.spec.minReadySeconds)
        out.notNegative("spec.revisionHistoryLimit", o.spec.revisionHistoryLimit)
        let strategy: JSON = o.spec.updateStrategy
        switch strategy.type.text {
        case "OnDelete": break
        case "RollingUpdate":
            let path: String = "spec.updateStrategy.rollingUpdate"
            let r: JSON = strategy.rollingUpdate
            if !r.exists { out.required(path) }
            NumberRules.positiveIntOrPercent(r.maxUnavailable, at: path + ".maxUnavailable", isBelow100: true, &out)
            NumberRules.positiveIntOrPercent(r.maxSurge, at: path + ".maxSurge", isBelow100: true, &out)
            if NumberRules.isZero(r.maxUnavailable), NumberRules.isZero(r.maxSurge) {
                out.required(path + ".maxUnavailable", "cannot be 0 when maxSurge is 0")
            } else if !NumberRules.isZero(r.maxUnavailable), !NumberRules.isZero(r.maxSurge) {
                out.invalid(path + ".maxSurge", r.maxSurge, "may not be set when maxUnavailable is non-zero")
            }
        default: out.notSupported("spec.updateStrategy.type", strategy.type, ["OnDelete", "RollingUpdate"])
        }
        return out.list
    }
    func validateUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        out.append(validate(new, context))
        out.immutable("spec.selector", new.spec.selector, old.spec.selector)
        return out.list
    }
}

/// Revisions are written once.
struct ControllerRevisionStrategy: Strategy {
    func validate(_ o: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        if !o.data.exists { out.required("data", "data is mandatory") }
        out.notNegative("revision", o.revision)
        return out.list
    }
    func validateUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        out.append(validate(new, context))
        out.immutable("data", new.data, old.data)
        return out.list
    }
}

/// A stored template.
struct PodTemplateStrategy: TemplatedStrategy {
    static let templatePath: [String] = ["template"]
    func validate(_ o: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        WorkloadRules.body(o.template, restartPolicies: ["Always", "Never", "OnFailure"], at: "template", &out)
        return out.list
    }
}

enum DaemonSets {
    static let entry: Entry = Entry(API.daemonSets, DaemonSetStrategy())
    static let revisions: Entry = Entry(API.controllerRevisions, ControllerRevisionStrategy())
    static let templates: Entry = Entry(API.podTemplates, PodTemplateStrategy())
}
