// Resources embedded in a custom object (x-kubernetes-embedded-resource) have a kind, an apiVersion and sound metadata.

import KubeModel
import KubeWire

enum EmbeddedRules {
    static func faults(_ object: JSON, _ node: SchemaNode) -> [FieldError] {
        var out: [FieldError] = []
        check(object, node, "", &out)
        return out
    }

    private static func check(_ value: JSON, _ node: SchemaNode, _ path: String, _ out: inout [FieldError]) {
        switch value {
        case .object(let object):
            if node.isEmbedded, !path.isEmpty { embedded(object, path, &out) }
            for (key, member) in object {
                if let schema = node.properties[key] {
                    check(member, schema, path.isEmpty ? key : path + "." + key, &out)
                } else if let additional = node.additional {
                    check(member, additional, "\(path)[\(key)]", &out)
                }
            }
        case .array(let elements):
            guard let items = node.items else { return }
            for (i, e) in elements.enumerated() { check(e, items, "\(path)[\(i)]", &out) }
        default: break
        }
    }

    static func embedded(_ object: JSONObject, _ path: String, _ out: inout [FieldError]) {
        for key in ["apiVersion", "kind"] {
            let at: String = path.isEmpty ? key : path + "." + key
            guard let value = object[key] else {
                out.append(.required(at))
                continue
            }
            guard let text = value.asString else {
                out.append(.invalid(at, value, "must be a string"))
                continue
            }
            if text.isEmpty {
                out.append(.invalid(at, value, "must not be empty"))
            } else if key == "apiVersion", text.split(separator: "/", omittingEmptySubsequences: false).count > 2 {
                out.append(.invalid(at, value, "unexpected GroupVersion string: \(text)"))
            } else if key == "kind" {
                let why: [String] = NameRules.dns1035Label(text.lowercased())
                if !why.isEmpty {
                    out.append(
                        .invalid(
                            at, value,
                            "may have mixed case, but should otherwise match: " + why.joined(separator: ",")))
                }
            }
        }
        guard let metadata = object["metadata"] else { return }
        var whole: JSON = ["metadata": metadata]
        if whole.metadata.name.text.isEmpty { whole.metadata.name = "fakename" }
        let isNamespaced: Bool = !whole.metadata.namespace.text.isEmpty
        for fault in MetadataValidation.validate(whole, isNamespaced: isNamespaced, rule: .pathSegment) {
            var placed: FieldError = fault
            placed.field = path.isEmpty ? fault.field : path + "." + fault.field
            out.append(placed)
        }
    }
}
