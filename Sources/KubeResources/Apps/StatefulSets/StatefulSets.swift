// StatefulSets.

import KubeAPI
import KubeModel
import KubeServer
import KubeWire

struct StatefulSetStrategy: TemplatedStrategy {
    var keepsGeneration: Bool { true }
    func prepareForCreate(_ o: inout JSON, _ context: RequestContext) { o.status = [:] }
    func prepareForUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext) { Self.keepStatus(&new, old: old) }

    func validate(_ o: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        let spec: JSON = o.spec
        out.oneOf("spec.podManagementPolicy", spec.podManagementPolicy, ["OrderedReady", "Parallel"])
        switch spec.updateStrategy.type.text {
        case "": out.required("spec.updateStrategy")
        case "OnDelete":
            if spec.updateStrategy.rollingUpdate.exists {
                out.invalid(
                    "spec.updateStrategy.rollingUpdate", spec.updateStrategy.rollingUpdate,
                    "only allowed for updateStrategy 'RollingUpdate'")
            }
        case "RollingUpdate":
            out.notNegative(
                "spec.updateStrategy.rollingUpdate.partition", spec.updateStrategy.rollingUpdate.partition)
        default:
            out.invalid(
                "spec.updateStrategy", spec.updateStrategy, "must be 'RollingUpdate' or 'OnDelete'")
        }
        for f in ["whenDeleted", "whenScaled"] {
            out.oneOf(
                "spec.persistentVolumeClaimRetentionPolicy.\(f)", spec.persistentVolumeClaimRetentionPolicy[f],
                ["Delete", "Retain"], isRequired: false)
        }
        out.notNegative("spec.replicas", spec.replicas)
        out.notNegative("spec.minReadySeconds", spec.minReadySeconds)
        out.notNegative("spec.ordinals.start", spec.ordinals.start)
        WorkloadRules.selector(spec.selector, kind: "statefulset", &out)
        template(spec, &out)
        return out.list
    }

    /// Mounts may name volumes that the claim templates will make.
    private func template(_ spec: JSON, _ out: inout Faults) {
        var t: JSON = spec.template
        let own: [String] = t.spec.volumes.elements.map { $0.name.text }
        for c in spec.volumeClaimTemplates.elements where !own.contains(c.metadata.name.text) {
            t.spec.volumes.elements.append([
                "name": c.metadata.name, "persistentVolumeClaim": ["claimName": c.metadata.name],
            ])
        }
        WorkloadRules.template(t, selector: spec.selector, at: "spec.template", &out)
    }

    func validateUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        out.append(validate(new, context))
        var allowed: JSON = new.spec
        for f in [
            "replicas", "ordinals", "template", "updateStrategy", "minReadySeconds", "revisionHistoryLimit",
            "persistentVolumeClaimRetentionPolicy",
        ] { allowed[f] = old.spec[f] }
        if !Faults.same(allowed, old.spec) {
            out.forbidden(
                "spec",
                "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
                    + "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden")
        }
        return out.list
    }
    func validateStatusUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] {
        WorkloadStatus.check(
            new, counts: ["replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"])
    }
}

enum StatefulSets {
    static let entry: Entry = Entry(API.statefulSets, StatefulSetStrategy())
}
