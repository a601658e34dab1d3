// The conditions of a CustomResourceDefinition: NamesAccepted, Established, NonStructuralSchema, Terminating, approval.

import KubeModel
import KubeWire

enum DefinitionConditions {
    static func isTrue(_ crd: JSON, _ type: String) -> Bool {
        crd.status.conditions.elements.contains { $0.type.text == type && $0.status.text == "True" }
    }

    /// Sets a condition; its transition time changes with its status only.
    static func set(
        _ crd: inout JSON, _ type: String, _ status: String, _ reason: String, _ message: String, now: String
    ) {
        var condition: JSON = [
            "lastTransitionTime": .string(now), "message": .string(message), "reason": .string(reason),
            "status": .string(status), "type": .string(type),
        ]
        var list: [JSON] = crd.status.conditions.elements
        if let at = list.firstIndex(where: { $0.type.text == type }) {
            if list[at].status.text == status, list[at].lastTransitionTime.exists {
                condition.lastTransitionTime = list[at].lastTransitionTime
            }
            list[at] = condition
        } else {
            list.append(condition)
        }
        crd.status.conditions = .array(list)
    }

    static func remove(_ crd: inout JSON, _ type: String) {
        guard crd.status.conditions.elements.contains(where: { $0.type.text == type }) else { return }
        crd.status.conditions.elements.removeAll { $0.type.text == type }
    }

    /// What a look at a definition that is not going away leaves in its status. False: nothing is to be changed.
    static func settle(_ crd: inout JSON, _ claims: NameClaims, now: String) -> Bool {
        let before: JSON = crd
        if claims.isAccepted {
            set(&crd, "NamesAccepted", "True", "NoConflicts", "no conflicts found", now: now)
        } else {
            set(&crd, "NamesAccepted", "False", claims.reason, claims.message, now: now)
        }
        if !isTrue(crd, "Established") {
            if claims.isAccepted {
                set(
                    &crd, "Established", "True", "InitialNamesAccepted", "the initial names have been accepted",
                    now: now)
            } else {
                set(&crd, "Established", "False", "NotAccepted", "not all names are accepted", now: now)
            }
        }
        crd.status.acceptedNames = claims.accepted
        structure(&crd, now)
        approval(&crd, now)
        return crd != before
    }

    private static func structure(_ crd: inout JSON, _ now: String) {
        var faults: [FieldError] = []
        if crd.spec.preserveUnknownFields.isTrue {
            faults.append(.invalid("spec.preserveUnknownFields", true, "must be false"))
        }
        for (i, v) in crd.spec.versions.elements.enumerated() where v.schema.openAPIV3Schema.exists {
            faults += StructuralRules.faults(
                SchemaNode(v.schema.openAPIV3Schema), at: "spec.versions[\(i)].schema.openAPIV3Schema")
        }
        guard !faults.isEmpty else { return remove(&crd, "NonStructuralSchema") }
        let texts: [String] = faults.map { $0.description }
        set(
            &crd, "NonStructuralSchema", "True", "Violations",
            texts.count == 1 ? texts[0] : "[" + texts.joined(separator: ", ") + "]", now: now)
    }

    private static func approval(_ crd: inout JSON, _ now: String) {
        guard APIApproval.isProtected(crd.spec.group.text) else { return }
        let approval: APIApproval = APIApproval(crd)
        set(
            &crd, "KubernetesAPIApprovalPolicyConformant", approval.state == .approved ? "True" : "False",
            approval.state.rawValue, approval.reason, now: now)
    }
}

/// The annotation that kinds in groups of the Kubernetes community must carry.
struct APIApproval {
    enum State: String {
        case missing = "MissingAnnotation"
        case bypassed = "UnapprovedAnnotation"
        case approved = "ApprovedAnnotation"
        case invalid = "InvalidAnnotation"
    }
    static let annotation: String = "api-approved.kubernetes.io"
    private static let more: String = "see https://github.com/kubernetes/enhancements/pull/1111"
    let state: State
    let reason: String

    init(_ crd: JSON) {
        let text: String = crd.metadata.annotations[APIApproval.annotation].text
        if text.isEmpty {
            state = .missing
            reason =
                "protected groups must have approval annotation \"\(APIApproval.annotation)\", \(APIApproval.more)"
        } else if text.hasPrefix("unapproved") {
            state = .bypassed
            reason = "not approved: \"\(text)\""
        } else if let r = text.firstRange(of: "://"), r.lowerBound > text.startIndex, r.upperBound < text.endIndex {
            state = .approved
            reason = "approved in \(text)"
        } else {
            state = .invalid
            reason =
                "protected groups must have approval annotation \"\(APIApproval.annotation)\" with either a URL or a "
                + "reason starting with \"unapproved\", \(APIApproval.more)"
        }
    }

    static func isProtected(_ group: String) -> Bool {
        ["k8s.io", "kubernetes.io"].contains { group == $0 || group.hasSuffix("." + $0) }
    }
}
