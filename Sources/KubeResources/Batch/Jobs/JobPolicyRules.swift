// What decides a job: pod failure policies (KEP-3329) and success policies (KEP-3998).

import KubeModel
import KubeWire

enum JobPolicyRules {
    private static let rulesMax: Int = 20
    private static let exitCodesMax: Int = 255
    private static let indexesBytesMax: Int = 64 << 10

    static func failure(_ spec: JSON, at path: String, _ out: inout Faults) {
        let at: String = path + ".rules"
        let rules: [JSON] = spec.podFailurePolicy.rules.elements
        out.tooMany(at, rules.count, max: rulesMax)
        let pod: JSON = spec.template.spec
        let names: Set<String> = Set((pod.initContainers.elements + pod.containers.elements).map { $0.name.text })
        for (i, rule) in rules.enumerated() { failureRule(rule, spec, names, at: "\(at)[\(i)]", &out) }
    }

    private static func failureRule(
        _ rule: JSON, _ spec: JSON, _ names: Set<String>, at: String, _ out: inout Faults
    ) {
        if rule.action.text == "FailIndex" {
            if !spec.backoffLimitPerIndex.exists {
                out.invalid(at + ".action", rule.action, "requires the backoffLimitPerIndex to be set")
            }
        } else {
            out.choice(at + ".action", rule.action, ["Count", "FailIndex", "FailJob", "Ignore"])
        }
        let hasCodes: Bool = rule.onExitCodes.exists
        let conditions: [JSON] = rule.onPodConditions.elements
        if hasCodes { exitCodes(rule.onExitCodes, names, at: at + ".onExitCodes", &out) }
        out.tooMany(at + ".onPodConditions", conditions.count, max: rulesMax)
        for (j, c) in conditions.enumerated() {
            out.name("\(at).onPodConditions[\(j)].type", c.type.text, NameRules.qualifiedName)
            out.choice("\(at).onPodConditions[\(j)].status", c.status, ["False", "True", "Unknown"])
        }
        if hasCodes, !conditions.isEmpty {
            out.invalidWhole(at, "specifying both OnExitCodes and OnPodConditions is not supported")
        }
        if !hasCodes, conditions.isEmpty {
            out.invalidWhole(at, "specifying one of OnExitCodes and OnPodConditions is required")
        }
    }

    private static func exitCodes(_ codes: JSON, _ names: Set<String>, at: String, _ out: inout Faults) {
        out.choice(at + ".operator", codes["operator"], ["In", "NotIn"])
        if let name = codes.containerName.asString, !names.contains(name) {
            out.invalid(
                at + ".containerName", codes.containerName,
                "must be one of the container or initContainer names in the pod template")
        }
        let values: [Int] = codes.values.elements.compactMap { $0.asInt }
        let list: String = at + ".values"
        if values.isEmpty {
            out.invalid(list, codes.values.exists ? codes.values : [], "at least one value is required")
        }
        out.tooMany(list, values.count, max: exitCodesMax)
        for (i, v) in values.enumerated() where v == 0 && codes["operator"].text == "In" {
            out.invalid("\(list)[\(i)]", JSON(v), "must not be 0 for the In operator")
        }
        if Set(values).count < values.count { out.duplicate(list, codes.values) }
        if values != values.sorted() { out.invalid(list, codes.values, "must be ordered") }
    }

    static func success(_ spec: JSON, at path: String, _ out: inout Faults) {
        let at: String = path + ".rules"
        let rules: [JSON] = spec.successPolicy.rules.elements
        if rules.isEmpty {
            out.required(at, "at least one rules must be specified when the successPolicy is specified")
        }
        out.tooMany(at, rules.count, max: rulesMax)
        for (i, rule) in rules.enumerated() {
            successRule(rule, completions: spec.completions.asInt ?? 0, at: "\(at)[\(i)]", &out)
        }
    }

    private static func successRule(_ rule: JSON, completions: Int, at: String, _ out: inout Faults) {
        if !rule.succeededCount.exists, !rule.succeededIndexes.exists {
            out.required(at, "at least one of succeededCount or succeededIndexes must be specified")
        }
        var total: Int?
        if let text = rule.succeededIndexes.asString {
            if text.utf8.count > indexesBytesMax {
                out.tooLong(at + ".succeededIndexes", maxLength: indexesBytesMax)
            }
            switch indexes(text, completions: completions) {
            case .success(let n): total = n
            case .failure(let fault):
                out.invalid(
                    at + ".succeededIndexes", rule.succeededIndexes, "error parsing succeededIndexes: \(fault.why)")
            }
        }
        guard let count = rule.succeededCount.asInt else { return }
        out.notNegative(at + ".succeededCount", rule.succeededCount)
        if count > completions {
            out.invalid(
                at + ".succeededCount", rule.succeededCount,
                "must be less than or equal to \(completions) (the number of specified completions)")
        }
        if let total, count > total {
            out.invalid(
                at + ".succeededCount", rule.succeededCount,
                "must be less than or equal to \(total) (the number of indexes in the specified succeededIndexes field)"
            )
        }
    }

    private struct IndexFault: Error { var why: String }

    /// `0,2-4` → 4: ascending, without overlaps.
    private static func indexes(_ text: String, completions: Int) -> Result<Int, IndexFault> {
        func number(_ s: Substring) -> Result<Int, IndexFault> {
            guard let n = Int(s) else {
                return .failure(IndexFault(why: "cannot convert string to integer for index: \"\(s)\""))
            }
            if n >= completions {
                return .failure(
                    IndexFault(why: "too large index: \"\(s)\""))
            }
            return .success(n)
        }
        if text.isEmpty { return .success(0) }
        var last: Int?
        var total: Int = 0
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends: [Substring] = part.split(separator: "-", omittingEmptySubsequences: false)
            if ends.count > 2 {
                return .failure(
                    IndexFault(
                        why:
                            "the fragment \"\(part)\" violates the requirement that an index interval can have at most two parts separated by '-'"
                    ))
            }
            var numbers: [Int] = []
            for end in ends {
                switch number(end) {
                case .success(let n): numbers.append(n)
                case .failure(let fault): return .failure(fault)
                }
            }
            if let last, last >= numbers[0] {
                return .failure(
                    IndexFault(why: "non-increasing order, previous: \(last), current: \(numbers[0])"))
            }
            let end: Int = numbers[numbers.count - 1]
            if numbers.count == 2, numbers[0] >= end {
                return .failure(IndexFault(why: "non-increasing order, previous: \(numbers[0]), current: \(end)"))
            }
            total += end - numbers[0] + 1
            last = end
        }
        return .success(total)
    }
}
