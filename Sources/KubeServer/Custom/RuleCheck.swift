// What the rules of a definition must be when it is written: they compile, cost little, and ask for an old value only
// where there is one.

import KubeCEL
import KubeModel
import KubeWire

struct RuleCheck {
    /// Of one expression, times how often it may run.
    static let expressionCostMax: UInt64 = 10_000_000
    /// Of all expressions of a version.
    static let totalCostMax: UInt64 = 100_000_000
    private static let requestBytesMax: UInt64 = 3 * 1024 * 1024

    private(set) var faults: [FieldError] = []
    private var total: UInt64 = 0
    private var expensive: [(path: String, cost: UInt64)] = []

    /// Only for schemas that are sound otherwise.
    static func faults(_ root: SchemaNode, at path: String) -> [FieldError] {
        guard let node = RuleNode(root: root) else { return [] }
        var check: RuleCheck = RuleCheck()
        check.look(node, path, times: 1, lost: nil)
        guard check.total > totalCostMax else { return check.faults }
        for rule in check.expensive.sorted(by: { $0.cost > $1.cost }).prefix(4) {
            check.faults.append(
                .forbidden(
                    rule.path,
                    "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema"))
        }
        check.faults.append(
            .forbidden(
                path,
                over(
                    "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema", check.total,
                    totalCostMax)))
        return check.faults
    }

    /// `times`: how often the node may occur in one object, nil: unknown. `lost`: above it old and new values
    /// cannot be told to be the same.
    private mutating func look(_ n: RuleNode, _ at: String, times: UInt64?, lost: String?) {
        for (name, below) in n.properties.sorted(by: { $0.key < $1.key }) {
            look(below, "\(at).properties[\(name)]", times: times, lost: lost)
        }
        func more(_ most: Int?) -> UInt64? {
            guard let times, let most else { return nil }
            return RuleCheck.product(times, UInt64(max(0, most)))
        }
        if let items = n.items {
            let isLost: String? = lost ?? (n.node.listType == "map" ? nil : at)
            look(items, at + ".items", times: more(n.node.maxItems), lost: isLost)
        }
        if let additional = n.additional {
            look(additional, at + ".additionalProperties", times: more(n.node.maxProperties), lost: lost)
        }
        for (i, rule) in n.rules.enumerated() {
            check(rule, n, "\(at).x-kubernetes-validations[\(i)]", times: times, lost: lost)
        }
    }

    private mutating func check(_ rule: SchemaRule, _ n: RuleNode, _ at: String, times: UInt64?, lost: String?) {
        guard n.declaration != nil else {
            let why: String =
                "internal error: failed to construct type information for x-kubernetes-validations rules: unable to "
                + "convert structural schema to CEL declarations"
            faults.append(
                .plain(String(at.prefix(at.utf8.count - 3)), .internalError, "Internal error: \(why)"))
            return
        }
        switch rule.program {
        case .failure(let error):
            let text: String =
                error.message == "must evaluate to bool" ? "cel expression must evaluate to a bool" : error.message
            faults.append(RuleCheck.invalid(at + ".rule", rule.json, text))
            return
        case .success(let program): cost(program.estimatedCost, n, "rule", at + ".rule", times)
        }
        switch rule.message {
        case .failure(let error)?:
            let text: String =
                error.message == "must evaluate to string"
                ? "messageExpression must evaluate to a string" : "messageExpression " + error.message
            faults.append(RuleCheck.invalid(at + ".messageExpression", rule.json, text))
        case .success(let program)?:
            cost(program.estimatedCost, n, "messageExpression", at + ".messageExpression", 1)
        case nil: break
        }
        if rule.usesOldSelf {
            if let lost {
                faults.append(
                    .invalid(
                        at + ".rule", rule.json.rule,
                        "oldSelf cannot be used on the uncorrelatable portion of the schema within \(lost)"))
            }
        } else if rule.json.optionalOldSelf.exists {
            faults.append(
                .invalid(
                    at + ".optionalOldSelf", rule.json.optionalOldSelf, "may not be set if oldSelf is not used in rule")
            )
        }
    }

    private mutating func cost(_ each: UInt64, _ n: RuleNode, _ what: String, _ at: String, _ times: UInt64?) {
        let most: UInt64 = times ?? RuleCheck.requestBytesMax / ((n.declaration?.bytesMin ?? 1) + 1)
        let cost: UInt64 = RuleCheck.product(each, most)
        if cost > RuleCheck.expressionCostMax {
            faults.append(.forbidden(at, RuleCheck.over("estimated \(what) cost", cost, RuleCheck.expressionCostMax)))
        }
        let (sum, overflows): (UInt64, Bool) = total.addingReportingOverflow(cost)
        total = overflows ? .max : sum
        if cost >= RuleCheck.totalCostMax / 100 { expensive.append((at, cost)) }
    }

    private static func product(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let (p, overflows): (UInt64, Bool) = a.multipliedReportingOverflow(by: b)
        return overflows ? .max : p
    }

    private static func over(_ what: String, _ cost: UInt64, _ limit: UInt64) -> String {
        let factor: Double = Double(cost) / Double(limit)
        let shown: String
        if factor > 100 {
            shown = "more than 100x"
        } else {
            shown = decimal(factor, factor < 1.5 ? 6 : 1) + "x"
        }
        return "\(what) exceeds budget by factor of \(shown) (try simplifying the rule, or adding maxItems, "
            + "maxProperties, and maxLength where arrays, maps, and strings are declared)"
    }

    private static func decimal(_ d: Double, _ places: Int) -> String {
        var scale: Double = 1
        for _ in 0..<places { scale *= 10 }
        let scaled: Int = Int((d * scale).rounded())
        let rest: String = String(scaled % Int(scale))
        return "\(scaled / Int(scale))." + String(repeating: "0", count: places - rest.utf8.count) + rest
    }

    /// The rule as Go prints the struct.
    private static func invalid(_ field: String, _ r: JSON, _ why: String) -> FieldError {
        func quoted(_ text: String) -> String { JSON.string(text).description }
        let reason: String =
            r.reason.exists
            ? "(*apiextensions.FieldValueErrorReason)(\(quoted(r.reason.text)))"
            : "(*apiextensions.FieldValueErrorReason)(nil)"
        let optional: String = r.optionalOldSelf.exists ? "(*bool)(\(r.optionalOldSelf.isTrue))" : "(*bool)(nil)"
        let value: String =
            "apiextensions.ValidationRule{Rule:\(quoted(r.rule.text)), Message:\(quoted(r.message.text)), "
            + "MessageExpression:\(quoted(r.messageExpression.text)), Reason:\(reason), "
            + "FieldPath:\(quoted(r.fieldPath.text)), OptionalOldSelf:\(optional)}"
        return .plain(field, .invalid, "Invalid value: \(value): \(why)")
    }
}
