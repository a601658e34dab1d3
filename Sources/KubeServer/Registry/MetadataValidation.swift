// The rules of metav1.ObjectMeta: k8s.io/apimachinery/pkg/api/validation.ValidateObjectMeta.

import KubeModel
import KubeWire

enum MetadataValidation {
    /// Bytes of all annotations together.
    static let annotationBytesMax: Int = 256 << 10

    static func validate(_ object: JSON, isNamespaced: Bool, rule: NameRule) -> [FieldError] {
        let m: JSON = object.metadata
        var errors: [FieldError] = []
        if !m.generateName.text.isEmpty {
            for why in faults(m.generateName.text, rule, isPrefix: true) {
                errors.append(.invalid("metadata.generateName", m.generateName, why))
            }
        }
        if m.name.text.isEmpty {
            errors.append(.required("metadata.name", "name or generateName is required"))
        } else {
            for why in faults(m.name.text, rule, isPrefix: false) {
                errors.append(.invalid("metadata.name", m.name, why))
            }
        }
        if isNamespaced {
            if m.namespace.text.isEmpty {
                errors.append(.required("metadata.namespace"))
            } else {
                for why in NameRules.dns1123Label(m.namespace.text) {
                    errors.append(.invalid("metadata.namespace", m.namespace, why))
                }
            }
        } else if !m.namespace.text.isEmpty {
            errors.append(.forbidden("metadata.namespace", "not allowed on this type"))
        }
        if let generation = m.generation.asInt, generation < 0 {
            errors.append(.invalid("metadata.generation", m.generation, "must be greater than or equal to 0"))
        }
        errors += labels(m.labels, "metadata.labels")
        errors += annotations(m.annotations)
        errors += owners(m.ownerReferences)
        errors += finalizers(m.finalizers)
        return errors
    }

    private static func faults(_ name: String, _ rule: NameRule, isPrefix: Bool) -> [String] {
        // A prefix is judged as if something acceptable followed its trailing dash.
        let shown: String =
            isPrefix && name.utf8.count > 1 && name.hasSuffix("-") ? String(name.dropLast()) + "a" : name
        switch rule {
        case .subdomain: return NameRules.dns1123Subdomain(shown)
        case .label: return NameRules.dns1123Label(shown)
        case .label1035: return NameRules.dns1035Label(shown)
        case .pathSegment: return NameRules.pathSegment(name)
        case .custom: return []
        }
    }

    static func labels(_ labels: JSON, _ path: String) -> [FieldError] {
        var errors: [FieldError] = []
        for (key, value) in labels.fields {
            for why in NameRules.qualifiedName(key) { errors.append(.invalid(path, .string(key), why)) }
            for why in NameRules.labelValue(value.text) { errors.append(.invalid("\(path)[\(key)]", value, why)) }
        }
        return errors
    }

    private static func annotations(_ annotations: JSON) -> [FieldError] {
        var errors: [FieldError] = []
        var total: Int = 0
        for (key, value) in annotations.fields {
            for why in NameRules.qualifiedName(key.lowercased()) {
                errors.append(.invalid("metadata.annotations", .string(key), why))
            }
            total += key.utf8.count + value.text.utf8.count
        }
        if total > annotationBytesMax {
            errors.append(.tooLong("metadata.annotations", maxLength: annotationBytesMax))
        }
        return errors
    }

    private static func owners(_ list: JSON) -> [FieldError] {
        var errors: [FieldError] = []
        var controllers: [String] = []
        for (i, owner) in list.elements.enumerated() {
            let path: String = "metadata.ownerReferences[\(i)]"
            if owner.apiVersion.text.isEmpty {
                errors.append(
                    .invalid(
                        path + ".apiVersion", owner.apiVersion.exists ? owner.apiVersion : "",
                        "version must not be empty"))
            }
            if owner.kind.text.isEmpty { errors.append(.invalid(path + ".kind", "", "must not be empty")) }
            if owner.name.text.isEmpty { errors.append(.invalid(path + ".name", "", "must not be empty")) }
            if owner.uid.text.isEmpty { errors.append(.invalid(path + ".uid", "", "must not be empty")) }
            if owner.apiVersion.text == "v1", owner.kind.text == "Event" {
                errors.append(.invalid(path, owner, "/v1, Kind=Event is disallowed from being an owner"))
            }
            if owner.controller.isTrue { controllers.append(owner.name.text) }
        }
        if controllers.count > 1 {
            errors.append(
                .invalid(
                    "metadata.ownerReferences", list,
                    "Only one reference can have Controller set to true. Found \"true\" in references for "
                        + "\(controllers[0]) and \(controllers[1])"))
        }
        return errors
    }

    private static func finalizers(_ list: JSON) -> [FieldError] {
        var errors: [FieldError] = []
        for name in list.strings {
            for why in NameRules.qualifiedName(name) {
                errors.append(.invalid("metadata.finalizers", .string(name), why))
            }
        }
        if list.strings.contains("orphan"), list.strings.contains("foregroundDeletion") {
            errors.append(
                .invalid(
                    "metadata.finalizers", list, "finalizer orphan and foregroundDeletion cannot be both set"))
        }
        return errors
    }

    /// ValidateObjectMetaUpdate, after absent server-kept members were taken from `old`.
    static func validateUpdate(_ new: JSON, old: JSON) -> [FieldError] {
        let n: JSON = new.metadata
        let o: JSON = old.metadata
        var errors: [FieldError] = []
        for field in [
            "name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds",
        ]
        where n[field] != o[field] {
            errors.append(.invalid("metadata.\(field)", n[field], "field is immutable"))
        }
        if o.deletionTimestamp.exists {
            let known: Set<String> = Set(o.finalizers.strings)
            let added: [String] = n.finalizers.strings.filter { !known.contains($0) }
            if !added.isEmpty {
                let list: String = added.map { "\"\($0)\"" }.joined(separator: ", ")
                errors.append(
                    .forbidden(
                        "metadata.finalizers",
                        "no new finalizers can be added if the object is being deleted, found new finalizers "
                            + "[]string{\(list)}"))
            }
        }
        errors += labels(n.labels, "metadata.labels")
        errors += annotations(n.annotations)
        errors += owners(n.ownerReferences)
        errors += finalizers(n.finalizers)
        return errors
    }
}
