// Jobs: their selector is made from their uid unless they bring one.

import KubeAPI
import KubeModel
import KubeServer
import KubeWire

struct JobStrategy: TemplatedStrategy {
    var keepsGeneration: Bool { true }
    var defaultPropagation: Propagation { .orphan }

    func prepareForCreate(_ o: inout JSON, _ context: RequestContext) {
        o.status = [:]
    }

    /// Needs uid and final name, which the registry gives after `prepareForCreate`.
    func beginCreate(_ o: inout JSON, _ context: RequestContext) async throws(StatusError) -> Undo? {
        if !o.spec.manualSelector.isTrue { Self.generateSelector(&o) }
        return nil
    }

    /// Labels the template with name and uid of the job, in both spellings, and selects by uid.
    static func generateSelector(_ o: inout JSON) {
        let labels: [(String, JSON)] = [
            ("controller-uid", o.metadata.uid), ("job-name", o.metadata.name),
            ("batch.kubernetes.io/controller-uid", o.metadata.uid), ("batch.kubernetes.io/job-name", o.metadata.name),
        ]
        for (key, value) in labels where !o.spec.template.metadata.labels[key].exists {
            o.spec.template.metadata.labels[key] = value
        }
        if !o.spec.selector.exists {
            o.spec.selector = [
                "matchLabels": .object(JSONObject([("batch.kubernetes.io/controller-uid", o.metadata.uid)]))
            ]
        }
    }

    func prepareForUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext) { Self.keepStatus(&new, old: old) }

    func validate(_ given: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        var o: JSON = given
        if !o.spec.manualSelector.isTrue { Self.generateSelector(&o) }
        if !o.spec.selector.exists {
            out.required("spec.selector")
        } else {
            LabelRules.selector(o.spec.selector, at: "spec.selector", &out)
        }
        if !o.spec.manualSelector.isTrue {
            let uid: String = "batch.kubernetes.io/controller-uid"
            if o.spec.selector.matchLabels[uid] != o.metadata.uid,
                o.spec.selector.matchLabels["controller-uid"] != o.metadata.uid
            {
                out.invalid("spec.selector", o.spec.selector, "`selector` not auto-generated")
            }
        }
        JobRules.spec(o.spec, at: "spec", &out)
        if o.spec.selector.exists,
            !LabelSelector(o.spec.selector).matches(o.spec.template.metadata.labels.stringMap)
        {
            out.invalid(
                "spec.template.metadata.labels", o.spec.template.metadata.labels,
                "`selector` does not match template `labels`")
        }
        return out.list
    }

    func validateUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        out.append(validate(new, context))
        let isIndexedElastic: Bool =
            new.spec.completionMode.text == "Indexed" && new.spec.completions == new.spec.parallelism
            && old.spec.completions == old.spec.parallelism
        if !isIndexedElastic { out.immutable("spec.completions", new.spec.completions, old.spec.completions) }
        for f in [
            "selector", "completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy",
        ] {
            out.immutable("spec.\(f)", new.spec[f], old.spec[f])
        }
        var template: JSON = new.spec.template
        let isNotStarted: Bool = old.spec.suspend.isTrue && !old.status.startTime.exists
        if isNotStarted {
            // Scheduling directives of a suspended job that never started may change (KEP-2926).
            for f in ["nodeSelector", "tolerations", "affinity", "schedulingGates"] {
                template.spec[f] = old.spec.template.spec[f]
            }
            template.metadata.labels = old.spec.template.metadata.labels
            template.metadata.annotations = old.spec.template.metadata.annotations
        }
        out.immutable("spec.template", template, old.spec.template)
        return out.list
    }

    func validateStatusUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        for c in ["active", "succeeded", "failed", "ready", "terminating"] {
            out.notNegative("status.\(c)", new.status[c])
        }
        func isTrue(_ o: JSON, _ type: String) -> Bool {
            o.status.conditions.elements.contains { $0.type.text == type && $0.status.text == "True" }
        }
        for type in ["Complete", "Failed", "SuccessCriteriaMet", "FailureTarget"]
        where isTrue(old, type) && !isTrue(new, type) {
            out.invalidWhole("status.conditions", "cannot disable the terminal \(type)=True condition")
        }
        if isTrue(new, "Complete"), isTrue(new, "Failed") {
            out.invalidWhole("status.conditions", "cannot set Complete=True and Failed=true conditions")
        }
        if isTrue(new, "Complete"), !new.status.completionTime.exists {
            out.required("status.completionTime", "completionTime is required for Complete jobs")
        }
        if new.status.completionTime.exists, !isTrue(new, "Complete") {
            out.invalidWhole(
                "status.completionTime", "cannot set completionTime when there is no Complete=True condition")
        }
        if old.status.completionTime.exists, new.status.completionTime != old.status.completionTime {
            out.invalidWhole("status.completionTime", "completionTime cannot be mutated")
        }
        return out.list
    }
}

enum JobRules {
    static func spec(_ spec: JSON, at path: String, _ out: inout Faults) {
        for f in [
            "parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished",
            "backoffLimitPerIndex", "maxFailedIndexes",
        ] {
            out.notNegative("\(path).\(f)", spec[f])
        }
        if spec.maxFailedIndexes.exists, !spec.backoffLimitPerIndex.exists {
            out.required(path + ".backoffLimitPerIndex", "when maxFailedIndexes is specified")
        }
        if let manager = spec.managedBy.asString {
            out.name(path + ".managedBy", manager, NameRules.domainPrefixedPath)
            if manager.utf8.count > 63 { out.tooLong(path + ".managedBy", maxLength: 63) }
        }
        WorkloadRules.body(
            spec.template, restartPolicies: ["Always", "OnFailure", "Never"], at: path + ".template", &out)
        indexed(spec, at: path, &out)
        policies(spec, at: path, &out)
    }

    private static func indexed(_ spec: JSON, at path: String, _ out: inout Faults) {
        out.oneOf(path + ".completionMode", spec.completionMode, ["NonIndexed", "Indexed"], isRequired: false)
        guard spec.completionMode.text == "Indexed" else {
            for f in ["backoffLimitPerIndex", "maxFailedIndexes"] where spec[f].exists {
                out.invalid("\(path).\(f)", spec[f], "requires indexed completion mode")
            }
            return
        }
        if !spec.completions.exists { out.required(path + ".completions", "when completion mode is Indexed") }
        if (spec.parallelism.asInt ?? 0) > 100_000 {
            out.invalid(
                path + ".parallelism", spec.parallelism,
                "must be less than or equal to 100000 when completion mode is Indexed")
        }
        if let failed = spec.maxFailedIndexes.asInt, let all = spec.completions.asInt, failed > all {
            out.invalid(path + ".maxFailedIndexes", spec.maxFailedIndexes, "must be less than or equal to completions")
        }
    }

    private static func policies(_ spec: JSON, at path: String, _ out: inout Faults) {
        let policy: JSON = spec.template.spec.restartPolicy
        let field: String = path + ".template.spec.restartPolicy"
        // "Always" is what the defaults write where nothing was said.
        if policy.text == "Always" {
            out.required(field, "valid values: [\"OnFailure\" \"Never\"]")
        }
        if spec.podFailurePolicy.exists {
            JobPolicyRules.failure(spec, at: path + ".podFailurePolicy", &out)
            if policy.text != "Never" {
                out.invalid(field, policy, "only \"Never\" is supported when podFailurePolicy is specified")
            }
        }
        if spec.successPolicy.exists {
            if spec.completionMode.text == "Indexed" {
                JobPolicyRules.success(spec, at: path + ".successPolicy", &out)
            } else {
                out.invalid(path + ".successPolicy", spec.successPolicy, "requires indexed completion mode")
            }
        }
        out.oneOf(
            path + ".podReplacementPolicy", spec.podReplacementPolicy,
            spec.podFailurePolicy.exists ? ["Failed"] : ["Failed", "TerminatingOrFailed"], isRequired: false)
    }
}

enum Jobs {
    static let entry: Entry = Entry(API.jobs, JobStrategy())
}
