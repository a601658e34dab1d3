// What admission policies and their bindings must look like: pkg/apis/admissionregistration/validation, with its words.

import KubeCEL
import KubeModel
import KubeServer
import KubeWire

enum PolicyRules {
    private static let annotationsMax: Int = 20
    private static let reasons: [String] = ["Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized"]

    // MARK: what both kinds have

    private static func policy(_ spec: JSON, _ environment: PolicyEnvironment, _ out: inout Faults) -> CELDeclaration {
        out.oneOf("spec.failurePolicy", spec.failurePolicy, ["Fail", "Ignore"])
        if spec.paramKind.exists { paramKind(spec.paramKind, at: "spec.paramKind", &out) }
        if spec.matchConstraints.exists {
            matchResources(spec.matchConstraints, at: "spec.matchConstraints", &out)
            if spec.matchConstraints.resourceRules.elements.isEmpty {
                out.required("spec.matchConstraints.resourceRules")
            }
        } else {
            out.required("spec.matchConstraints")
        }
        MatchConditionRules.check(
            spec.matchConditions, at: "spec.matchConditions", environment.with(nil), &out)
        return variables(spec.variables, environment, &out)
    }

    private static func paramKind(_ kind: JSON, at: String, _ out: inout Faults) {
        if kind.apiVersion.text.isEmpty {
            out.required(at + ".apiVersion")
        } else {
            let parts: [Substring] = kind.apiVersion.text.split(separator: "/", omittingEmptySubsequences: false)
            if parts.count > 2 {
                out.invalid(
                    at + ".apiVersion", kind.apiVersion, "unexpected GroupVersion string: \(kind.apiVersion.text)")
            } else {
                if parts.count == 2 { out.name(at + ".apiVersion", String(parts[0]), NameRules.dns1123Subdomain) }
                out.name(at + ".apiVersion", String(parts[parts.count - 1]), NameRules.dns1035Label)
            }
        }
        if kind.kind.text.isEmpty {
            out.required(at + ".kind")
        } else {
            let faults: [String] = NameRules.dns1035Label(kind.kind.text.lowercased())
            if !faults.isEmpty {
                out.invalid(
                    at + ".kind", kind.kind,
                    "may have mixed case, but should otherwise match: " + faults.joined(separator: ","))
            }
        }
    }

    private static func matchResources(_ m: JSON, at: String, _ out: inout Faults) {
        out.oneOf(at + ".matchPolicy", m.matchPolicy, ["Equivalent", "Exact"])
        LabelRules.selector(m.namespaceSelector, at: at + ".namespaceSelector", &out)
        LabelRules.selector(m.objectSelector, at: at + ".objectSelector", &out)
        for list in ["resourceRules", "excludeResourceRules"] {
            for (i, rule) in m[list].elements.enumerated() {
                let here: String = "\(at).\(list)[\(i)]"
                AdmissionRuleRules.check(rule, at: here, &out)
                var seen: Set<String> = []
                for (j, name) in rule.resourceNames.strings.enumerated() {
                    if name.isEmpty { out.required("\(here).resourceNames[\(j)]") }
                    if !seen.insert(name).inserted { out.duplicate("\(here).resourceNames[\(j)]", .string(name)) }
                }
            }
        }
    }

    private static func variables(
        _ list: JSON, _ environment: PolicyEnvironment, _ out: inout Faults
    ) -> CELDeclaration {
        var seen: Set<String> = []
        for (i, v) in list.elements.enumerated() {
            let at: String = "spec.variables[\(i)]"
            let name: String = v.name.text
            if name.isEmpty {
                out.required(at + ".name", "name is not specified")
            } else {
                if !isIdentifier(name) { out.invalid(at + ".name", v.name, "name is not a valid CEL identifier") }
                if !seen.insert(name).inserted { out.duplicate(at + ".name", v.name) }
            }
            if ValidatingPolicy.trimmed(v.expression.text).isEmpty {
                out.required(at + ".expression", "expression is not specified")
            } else {
                let before: PolicyVariables = PolicyVariables(.array(Array(list.elements[..<i])), environment)
                compiled(v.expression, at: at + ".expression", environment.with(before.declaration), [], &out)
            }
        }
        return PolicyVariables(list, environment).declaration
    }

    private static func isIdentifier(_ name: String) -> Bool {
        let reserved: Set<String> = [
            "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop",
            "package",
            "namespace", "return", "var", "void", "while", "true", "false", "null",
        ]
        guard let first = name.utf8.first, !(48...57).contains(first), !reserved.contains(name) else { return false }
        return name.utf8.allSatisfy {
            (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 95
        }
    }

    private static func compiled(
        _ expression: JSON, at: String, _ environment: CELEnvironment, _ returns: [CELType], _ out: inout Faults
    ) {
        do throws(CELError) {
            _ = try CELProgram(expression.text, environment, returns: returns)
        } catch {
            out.invalid(at, expression, error.message)
        }
    }

    // MARK: ValidatingAdmissionPolicy

    static func validating(_ object: JSON, _ out: inout Faults) {
        let spec: JSON = object.spec
        let environment: PolicyEnvironment = PolicyEnvironment(hasParams: spec.paramKind.exists)
        let variables: CELDeclaration = policy(spec, environment, &out)
        if spec.validations.elements.isEmpty, spec.auditAnnotations.elements.isEmpty {
            for field in ["validations", "auditAnnotations"] {
                out.required("spec." + field, "validations or auditAnnotations must contain at least one item")
            }
        }
        for (i, v) in spec.validations.elements.enumerated() {
            validation(v, at: "spec.validations[\(i)]", environment, variables, &out)
        }
        annotations(spec.auditAnnotations, object.meta.name, environment.with(variables), &out)
    }

    private static func validation(
        _ v: JSON, at: String, _ environment: PolicyEnvironment, _ variables: CELDeclaration, _ out: inout Faults
    ) {
        let text: String = ValidatingPolicy.trimmed(v.expression.text)
        if text.isEmpty {
            out.required(at + ".expression", "expression is not specified")
        } else {
            compiled(v.expression, at: at + ".expression", environment.with(variables), [.bool], &out)
        }
        if v.messageExpression.exists, !v.messageExpression.text.isEmpty {
            if ValidatingPolicy.trimmed(v.messageExpression.text).isEmpty {
                out.invalid(at + ".messageExpression", v.messageExpression, "must be non-empty if specified")
            } else {
                compiled(
                    v.messageExpression, at: at + ".messageExpression", environment.with(variables, authorizer: false),
                    [.string], &out)
            }
        }
        let message: String = v.message.text
        if !message.isEmpty, ValidatingPolicy.trimmed(message).isEmpty {
            out.invalid(at + ".message", v.message, "message must be non-empty if specified")
        } else if ValidatingPolicy.trimmed(message).contains("\n") {
            out.invalid(at + ".message", v.message, "message must not contain line breaks")
        } else if text.contains("\n"), message.isEmpty {
            out.required(at + ".message", "message must be specified if expression contains line breaks")
        }
        if !v.reason.text.isEmpty, !reasons.contains(v.reason.text) {
            out.notSupported(at + ".reason", v.reason, reasons)
        }
    }

    private static func annotations(
        _ list: JSON, _ policy: String, _ environment: CELEnvironment, _ out: inout Faults
    ) {
        if list.elements.count > annotationsMax {
            out.invalid("spec.auditAnnotations", list, "must not have more than \(annotationsMax) auditAnnotations")
        }
        var seen: Set<String> = []
        for (i, a) in list.elements.enumerated() {
            let at: String = "spec.auditAnnotations[\(i)]"
            let key: String = a["key"].text
            if key.isEmpty {
                out.required(at + ".key")
            } else {
                for why in NameRules.qualifiedName(policy.isEmpty ? key : policy + "/" + key) {
                    out.invalid(at + ".key", .string(key), "key is invalid for audit annotation: " + why)
                }
                if !seen.insert(key).inserted { out.duplicate(at + ".key", .string(key)) }
            }
            if ValidatingPolicy.trimmed(a.valueExpression.text).isEmpty {
                out.required(at + ".valueExpression", "valueExpression is not specified")
            } else {
                compiled(a.valueExpression, at: at + ".valueExpression", environment, [.string, .null], &out)
            }
        }
    }

    // MARK: MutatingAdmissionPolicy

    static func mutating(_ object: JSON, _ out: inout Faults) {
        let spec: JSON = object.spec
        let environment: PolicyEnvironment = PolicyEnvironment(hasParams: spec.paramKind.exists, isMutating: true)
        let variables: CELDeclaration = policy(spec, environment, &out)
        if spec.mutations.elements.isEmpty {
            out.required("spec.mutations", "mutations must contain at least one item")
        }
        out.oneOf("spec.reinvocationPolicy", spec.reinvocationPolicy, ["IfNeeded", "Never"])
        let whole: CELEnvironment = environment.with(variables)
        for (i, m) in spec.mutations.elements.enumerated() {
            let at: String = "spec.mutations[\(i)]"
            out.oneOf(at + ".patchType", m.patchType, ["ApplyConfiguration", "JSONPatch"])
            let isPatch: Bool = m.patchType.text == "JSONPatch"
            let (field, other): (String, String) =
                isPatch ? ("jsonPatch", "applyConfiguration") : ("applyConfiguration", "jsonPatch")
            if m[other].exists {
                out.invalid("\(at).\(other)", m[other], "must not be set when patchType is \(m.patchType.text)")
            }
            if !m[field].exists {
                out.required("\(at).\(field)", "must be specified when patchType is \(m.patchType.text)")
            } else if ValidatingPolicy.trimmed(m[field].expression.text).isEmpty {
                out.required("\(at).\(field).expression", "expression is not specified")
            } else {
                compiled(
                    m[field].expression, at: "\(at).\(field).expression", whole,
                    [isPatch ? CELPatches.listType : CELPatches.objectType], &out)
            }
        }
    }

    // MARK: bindings

    static func binding(_ object: JSON, isValidating: Bool, _ out: inout Faults) {
        let spec: JSON = object.spec
        if spec.policyName.text.isEmpty {
            out.required("spec.policyName")
        } else {
            out.name("spec.policyName", spec.policyName.text, NameRules.dns1123Subdomain)
        }
        if spec.paramRef.exists { paramRef(spec.paramRef, at: "spec.paramRef", &out) }
        if spec.matchResources.exists { matchResources(spec.matchResources, at: "spec.matchResources", &out) }
        guard isValidating else { return }
        let actions: [String] = spec.validationActions.strings
        if actions.isEmpty { out.required("spec.validationActions") }
        var seen: Set<String> = []
        for (i, action) in actions.enumerated() {
            let at: String = "spec.validationActions[\(i)]"
            if !["Audit", "Deny", "Warn"].contains(action) {
                out.notSupported(at, .string(action), ["Audit", "Deny", "Warn"])
            }
            if !seen.insert(action).inserted { out.duplicate(at, .string(action)) }
        }
        if seen.contains("Deny"), seen.contains("Warn") {
            out.invalid(
                "spec.validationActions", spec.validationActions,
                "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)"
            )
        }
    }

    private static func paramRef(_ p: JSON, at: String, _ out: inout Faults) {
        if !p.name.text.isEmpty {
            out.name(at + ".name", p.name.text, NameRules.pathSegment)
            if p.selector.exists { out.forbidden(at + ".name", "name and selector are mutually exclusive") }
        }
        if p.selector.exists {
            LabelRules.selector(p.selector, at: at + ".selector", &out)
            if !p.name.text.isEmpty { out.forbidden(at + ".selector", "name and selector are mutually exclusive") }
        }
        if p.name.text.isEmpty, !p.selector.exists { out.required(at, "one of name or selector must be specified") }
        if !p.parameterNotFoundAction.exists {
            out.required(at + ".parameterNotFoundAction")
        } else {
            out.oneOf(at + ".parameterNotFoundAction", p.parameterNotFoundAction, ["Allow", "Deny"])
        }
    }
}
