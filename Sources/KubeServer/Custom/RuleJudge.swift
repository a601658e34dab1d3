// Runs the rules of a custom object, in upstream's words and within its budget.

import KubeCEL
import KubeModel
import KubeWire

struct RuleJudge {
    private(set) var faults: [FieldError] = []
    /// Faults of what has not changed: told, not held against the write.
    private(set) var warnings: [FieldError] = []
    private var budget: CELBudget = CELBudget()
    private var isOver: Bool = false
    /// Bytes that a computed message may have.
    private static let messageBytesMax: Int = 5 * 1024

    /// What blocks the rules: they would read what is not as the schema says.
    static func isBlocked(_ faults: [FieldError]) -> Bool {
        faults.contains { [.notSupported, .required, .tooLong, .tooMany, .typeInvalid].contains($0.reason) }
    }
    static let blocked: FieldError = FieldError.plain(
        "<nil>", .invalid,
        "Invalid value: \"null\": some validation rules were not checked because the object was invalid; "
            + "correct the existing errors to complete validation")

    mutating func check(_ value: JSON, _ old: JSON?, _ node: RuleNode, _ path: String) {
        check(value, old, node, path, isUnchanged: old.map { $0 == value } ?? false)
    }

    private mutating func check(_ value: JSON, _ old: JSON?, _ node: RuleNode, _ path: String, isUnchanged: Bool) {
        guard !isOver, !value.isNull else { return }
        if !node.rules.isEmpty { run(node, value, old, path, isUnchanged) }
        switch value {
        case .object(let object):
            for (key, member) in object {
                let isField: Bool = node.properties[key] != nil
                guard let below = node.properties[key] ?? (node.node.properties[key] == nil ? node.additional : nil)
                else { continue }
                let place: String = isField ? (path.isEmpty ? key : path + "." + key) : "\(path)[\(key)]"
                let before: JSON? = old?.asObject?[key]
                check(member, before, below, place, isUnchanged: before.map { $0 == member } ?? isUnchanged)
            }
        case .array(let elements):
            guard let items = node.items else { return }
            let known: [JSON: JSON] = SchemaJudge.byKeys(old, node.node)
            for (i, e) in elements.enumerated() {
                let before: JSON? = node.node.listType == "map" ? known[SchemaJudge.keys(e, node.node)] : nil
                check(e, before, items, "\(path)[\(i)]", isUnchanged: before.map { $0 == e } ?? isUnchanged)
            }
        default: break
        }
    }

    private mutating func run(_ node: RuleNode, _ value: JSON, _ old: JSON?, _ path: String, _ isUnchanged: Bool) {
        let own: CELValue = CELValue(value, node.declaration)
        let before: CELValue? = old.flatMap { $0.isNull ? nil : CELValue($0, node.declaration) }
        for rule in node.rules {
            if isOver { return }
            guard case .success(let program) = rule.program else {
                if case .failure(let error) = rule.program {
                    say(path, node.node, "rule compile error: \(error.message)")
                }
                continue
            }
            let usesOld: Bool = rule.usesOldSelf
            if usesOld, before == nil, !rule.isOldOptional { continue }
            var variables: [String: CELValue] = ["self": own]
            if rule.isOldOptional {
                variables["oldSelf"] = .optional(before)
            } else if let before {
                variables["oldSelf"] = before
            }
            do throws(CELError) {
                let result: CELValue = try program.evaluate(variables, limit: &budget)
                if result.asBool == true { continue }
                fail(rule, value, node.node, path, variables, isUnchanged: isUnchanged && !usesOld)
            } catch {
                explain(error, rule, node.node, path)
            }
        }
    }

    private func shown(_ path: String) -> String { path.isEmpty ? "<nil>" : path }

    private mutating func say(_ path: String, _ node: SchemaNode, _ text: String) {
        faults.append(.invalid(shown(path), .string(node.type), text))
    }

    private mutating func explain(_ error: CELError, _ rule: SchemaRule, _ node: SchemaNode, _ path: String) {
        switch error.kind {
        case .exhausted:
            isOver = true
            if budget.remaining == 0 {
                say(
                    path, node,
                    "validation failed due to running out of cost budget, no further validation rules will be run")
            } else {
                say(
                    path, node,
                    "'\(error.message)': no further validation rules will be run due to call cost exceeds limit for "
                        + "rule: \(rule.shown)")
            }
        default:
            if error.message.hasPrefix("no such overload") {
                say(
                    path, node,
                    "'\(error.message)': call arguments did not match a supported operator, function or macro "
                        + "signature for rule: \(rule.shown)")
            } else {
                say(path, node, "\(error.message) evaluating rule: \(rule.shown)")
            }
        }
    }

    private mutating func fail(
        _ rule: SchemaRule, _ value: JSON, _ node: SchemaNode, _ path: String, _ variables: [String: CELValue],
        isUnchanged: Bool
    ) {
        let detail: String = message(rule, variables) ?? rule.failure
        var place: String = path
        if !rule.fieldPath.isEmpty { place = path.isEmpty ? rule.fieldPath : path + "." + rule.fieldPath }
        let isCompound: Bool = node.type == "object" || node.type == "array"
        let fault: FieldError
        switch rule.json.reason.text {
        case "FieldValueForbidden": fault = .forbidden(shown(place), detail)
        case "FieldValueRequired": fault = .required(shown(place), detail)
        case "FieldValueDuplicate":
            fault = .plain(shown(place), .duplicate, isCompound ? "Duplicate value" : "Duplicate value: \(value)")
        default:
            fault = .plain(
                shown(place), .invalid, isCompound ? "Invalid value: \(detail)" : "Invalid value: \(value): \(detail)")
        }
        if isUnchanged { warnings.append(fault) } else { faults.append(fault) }
    }

    /// What messageExpression gives; nil: it has none that can be shown.
    private mutating func message(_ rule: SchemaRule, _ variables: [String: CELValue]) -> String? {
        guard case .success(let program)? = rule.message else { return nil }
        do throws(CELError) {
            guard let text = try program.evaluate(variables, limit: &budget).asString else { return nil }
            let trimmed: String = SchemaRules.trimmed(text)
            let isFine: Bool = !trimmed.isEmpty && trimmed.utf8.count <= RuleJudge.messageBytesMax
            return isFine && !trimmed.utf8.contains(10) ? trimmed : nil
        } catch {
            if error.kind == .exhausted, budget.remaining == 0 { isOver = true }
            return nil
        }
    }
}
