// The OpenAPI v3 schema of a custom resource: what is pruned and what is filled in.

package import KubeWire

/// A node of `spec.versions[].schema.openAPIV3Schema`, read in place.
package struct StructuralSchema: Sendable {
    let node: JSON
    package init(_ node: JSON) { self.node = node }

    var properties: JSONObject { node.properties.fields }
    var items: StructuralSchema? { node["items"].exists ? StructuralSchema(node["items"]) : nil }
    var additional: StructuralSchema? {
        node.additionalProperties.asObject == nil ? nil : StructuralSchema(node.additionalProperties)
    }
    var allowsAdditional: Bool { additional != nil || node.additionalProperties.isTrue }
    var keepsUnknown: Bool { node["x-kubernetes-preserve-unknown-fields"].isTrue }
    var isEmbedded: Bool { node["x-kubernetes-embedded-resource"].isTrue }

    func child(_ key: String) -> StructuralSchema? {
        if let known = properties[key] { return StructuralSchema(known) }
        return additional
    }

    /// The value without members that the schema does not know; their paths are added to `unknown`.
    func pruned(_ value: JSON, path: String, isRoot: Bool, unknown: inout [String]) -> JSON {
        switch value {
        case .object(let object):
            var pairs: [(key: String, value: JSON)] = []
            for (key, member) in object {
                let here: String = path.isEmpty ? key : path + "." + key
                if isRoot || isEmbedded, ["apiVersion", "kind", "metadata"].contains(key) {
                    pairs.append((key, member))
                } else if let schema = child(key) {
                    pairs.append((key, schema.pruned(member, path: here, isRoot: false, unknown: &unknown)))
                } else if keepsUnknown || node.additionalProperties.isTrue {
                    pairs.append((key, member))
                } else {
                    unknown.append(here)
                }
            }
            return .object(JSONObject(unique: pairs))
        case .array(let elements):
            guard let items else { return value }
            var out: [JSON] = []
            for (i, element) in elements.enumerated() {
                out.append(items.pruned(element, path: "\(path)[\(i)]", isRoot: false, unknown: &unknown))
            }
            return .array(out)
        default: return value
        }
    }

    /// The value with defaults where members are absent; explicit nulls of members that may not be null count as absent.
    func defaulted(_ value: JSON) -> JSON {
        switch value {
        case .object(let object):
            var result: JSONObject = object
            for (key, property) in properties {
                let schema: StructuralSchema = StructuralSchema(property)
                let isAbsent: Bool = result[key].map { $0.isNull && !property.nullable.isTrue } ?? true
                if isAbsent, property["default"].exists {
                    result[key] = schema.defaulted(property["default"])
                } else if let member = result[key] {
                    if isAbsent { result.remove(key) } else { result[key] = schema.defaulted(member) }
                }
            }
            if let additional {
                for (key, member) in object where properties[key] == nil { result[key] = additional.defaulted(member) }
            }
            return .object(result)
        case .array(let elements):
            guard let items else { return value }
            return .array(elements.map { items.defaulted($0) })
        default: return value
        }
    }
}
