// What of a pod may still change once it exists.

import KubeModel
package import KubeWire

package enum PodUpdateRules {
    private static let message: String =
        "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
        + "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
        + "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"

    package static func check(_ new: JSON, old: JSON, _ out: inout Faults) {
        for list in ["containers", "initContainers"] {
            if new.spec[list].elements.count != old.spec[list].elements.count {
                return out.forbidden("spec.\(list)", "pod updates may not add or remove containers")
            }
        }
        deadline(new, old, &out)
        let before: [JSON] = old.spec.tolerations.elements
        tolerations(new.spec.tolerations.elements, before, &out)
        gates(new, old, &out)
        var allowed: JSON = new.spec
        for list in ["containers", "initContainers"] {
            for i in allowed[list].elements.indices {
                allowed[list].elements[i].image = old.spec[list][i].image
            }
        }
        allowed.activeDeadlineSeconds = old.spec.activeDeadlineSeconds
        allowed.tolerations = old.spec.tolerations
        allowed.schedulingGates = old.spec.schedulingGates
        if (old.spec.terminationGracePeriodSeconds.asInt ?? 0) < 0, new.spec.terminationGracePeriodSeconds.asInt == 1 {
            allowed.terminationGracePeriodSeconds = old.spec.terminationGracePeriodSeconds
        }
        if !old.spec.schedulingGates.elements.isEmpty {
            narrowing(new.spec, old.spec, &out)
            allowed.nodeSelector = old.spec.nodeSelector
            allowed.affinity.nodeAffinity = old.spec.affinity.nodeAffinity
        }
        guard !Faults.same(allowed, old.spec) else { return }
        let changed: [String] = differences(allowed, old.spec, "spec")
        out.forbidden("spec", message + "\n" + changed.joined(separator: "\n"))
    }

    private static func deadline(_ new: JSON, _ old: JSON, _ out: inout Faults) {
        let field: String = "spec.activeDeadlineSeconds"
        guard let before = old.spec.activeDeadlineSeconds.asInt64 else { return }
        guard let after = new.spec.activeDeadlineSeconds.asInt64 else {
            return out.invalid(field, .null, "must not update from a positive integer to nil value")
        }
        if after > before {
            out.invalid(field, new.spec.activeDeadlineSeconds, "must be less than or equal to previous value")
        }
    }

    private static func tolerations(_ new: [JSON], _ old: [JSON], _ out: inout Faults) {
        func bare(_ t: JSON) -> JSON {
            var t: JSON = t
            t.tolerationSeconds = .null
            return t
        }
        for t in old where !new.contains(where: { Faults.same(bare($0), bare(t)) }) {
            return out.forbidden(
                "spec.tolerations", "existing toleration can not be modified except its tolerationSeconds")
        }
    }

    private static func gates(_ new: JSON, _ old: JSON, _ out: inout Faults) {
        let known: [String] = old.spec.schedulingGates.elements.map { $0.name.text }
        for g in new.spec.schedulingGates.elements where !known.contains(g.name.text) {
            out.forbidden(
                "spec.schedulingGates", "only deletion is allowed, but found new scheduling gate '\(g.name.text)'")
        }
    }

    /// While gates hold a pod back its node selector may only grow.
    private static func narrowing(_ new: JSON, _ old: JSON, _ out: inout Faults) {
        let after: [String: String] = new.nodeSelector.stringMap
        for (key, value) in old.nodeSelector.stringMap where after[key] != value {
            out.invalid("spec.nodeSelector", new.nodeSelector, "only additions to nodeSelector are allowed (no mutations or deletions)")
            return
        }
    }

    /// `spec.containers[0].command: ["a"] != ["b"]` for the fields that differ.
    private static func differences(_ a: JSON, _ b: JSON, _ path: String) -> [String] {
        if Faults.same(a, b) { return [] }
        if case .object(let x) = a, case .object(let y) = b {
            let keys: [String] = x.keys + y.keys.filter { x[$0] == nil }
            return keys.flatMap { differences(x[$0] ?? .null, y[$0] ?? .null, "\(path).\($0)") }
        }
        if case .array(let x) = a, case .array(let y) = b, x.count == y.count {
            return x.indices.flatMap { differences(x[$0], y[$0], "\(path)[\($0)]") }
        }
        return ["  - \(path): \(b)", "  + \(path): \(a)"]
    }
}
