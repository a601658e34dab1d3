// The OpenAPI v3 schema of a custom resource: what is pruned and what is filled in.

import KubeAPI
import KubeModel
package import KubeWire

/// The schema of one version of a CustomResourceDefinition, ready for use.
package struct StructuralSchema: Sendable {
    let root: SchemaNode
    /// Rules in CEL; nil when the schema has none.
    let rules: RuleNode?

    package init(_ json: JSON) {
        root = SchemaNode(json)
        rules = RuleNode(root: root)
    }

    private static let typeMembers: Set<String> = ["apiVersion", "kind", "metadata"]

    /// The value without members that the schema does not know. `unknown` gets their paths, sorted.
    func pruned(_ value: JSON, unknown: inout [String]) -> JSON {
        var found: [String] = []
        let result: JSON = StructuralSchema.prune(value, root, "", isResource: true, &found)
        unknown += found.sorted()
        return result
    }

    static func prune(
        _ value: JSON, _ node: SchemaNode?, _ path: String, isResource: Bool, _ unknown: inout [String]
    ) -> JSON {
        switch value {
        case .object(let object):
            let isWhole: Bool = isResource || node?.isEmbedded == true
            var pairs: [(key: String, value: JSON)] = []
            pairs.reserveCapacity(object.count)
            for (key, member) in object {
                if isWhole, typeMembers.contains(key) {
                    pairs.append((key, member))
                    continue
                }
                let here: String = path.isEmpty ? key : path + "." + key
                if let schema = node?.child(key) {
                    pairs.append((key, prune(member, schema, here, isResource: false, &unknown)))
                } else if node?.keepsUnknown == true || node?.allowsAny == true {
                    pairs.append((key, member))
                } else {
                    unknown.append(here)
                }
            }
            return .object(JSONObject(unique: pairs))
        case .array(let elements):
            guard let node else { return value }
            if node.keepsUnknown, node.items == nil { return value }
            var out: [JSON] = []
            out.reserveCapacity(elements.count)
            for (i, element) in elements.enumerated() {
                out.append(prune(element, node.items, "\(path)[\(i)]", isResource: false, &unknown))
            }
            return .array(out)
        default: return value
        }
    }

    /// Explicit nulls of members that may not be null and have no default are absent.
    static func withoutNulls(_ value: JSON, _ node: SchemaNode?) -> JSON {
        guard let node else { return value }
        switch value {
        case .object(let object):
            var pairs: [(key: String, value: JSON)] = []
            pairs.reserveCapacity(object.count)
            for (key, member) in object {
                guard let schema = node.child(key) else {
                    pairs.append((key, member))
                    continue
                }
                if member.isNull, !schema.isNullable, !schema.standard.exists { continue }
                pairs.append((key, withoutNulls(member, schema)))
            }
            return .object(JSONObject(unique: pairs))
        case .array(let elements): return .array(elements.map { withoutNulls($0, node.items) })
        default: return value
        }
    }

    /// The value with defaults where members are absent; nulls of members that may not be null count as absent.
    func defaulted(_ value: JSON) -> JSON { root.hasDefaults ? StructuralSchema.fill(value, root) : value }

    static func fill(_ value: JSON, _ node: SchemaNode) -> JSON {
        guard node.hasDefaults else { return value }
        switch value {
        case .object(let object):
            var result: JSONObject = object
            for name in node.names {
                guard let schema = node.properties[name], schema.standard.exists else { continue }
                let isAbsent: Bool = result[name].map { $0.isNull && !schema.isNullable } ?? true
                if isAbsent { result[name] = schema.standard }
            }
            for (key, member) in result.pairs {
                if let schema = node.properties[key] {
                    if schema.hasDefaults { result[key] = fill(member, schema) }
                } else if let additional = node.additional {
                    let isAbsent: Bool = member.isNull && !additional.isNullable && additional.standard.exists
                    result[key] = fill(isAbsent ? additional.standard : member, additional)
                }
            }
            return .object(result)
        case .array(let elements):
            guard let items = node.items, items.hasDefaults else { return value }
            return .array(
                elements.map {
                    fill($0.isNull && !items.isNullable && items.standard.exists ? items.standard : $0, items)
                })
        default: return value
        }
    }

    /// As an object is read from the store: pruned, its metadata coerced, with today's defaults.
    func read(_ stored: JSON) -> JSON {
        var unknown: [String] = []
        return defaulted(StructuralSchema.withoutNulls(pruned(stored, unknown: &unknown), root))
    }

    /// Fields that nobody may apply, since the schema does not know them.
    func checkApplied(_ config: JSON, _ gvk: GroupVersionKind) throws(StatusError) {
        var unknown: [String] = []
        _ = pruned(config, unknown: &unknown)
        guard !unknown.isEmpty else { return }
        let faults: [String] = unknown.map { ".\($0): field not declared in schema" }
        let text: String = faults.count == 1 ? faults[0] : "errors:\n  " + faults.joined(separator: "\n  ")
        let key: String = config.metadata.namespace.text + "/" + config.metadata.name.text
        throw .internalErrorPlain(
            "failed to create typed patch object (\(key); \(gvk.groupVersion), Kind=\(gvk.kind)): \(text)")
    }

    // MARK: metadata of embedded resources

    /// The metadata of embedded resources as ObjectMeta would have it: unknown members dropped and told.
    func coerced(_ value: JSON, unknown: inout [String]) throws(StatusError) -> JSON {
        try StructuralSchema.coerce(value, root, "", isRoot: true, &unknown)
    }

    private static func coerce(
        _ value: JSON, _ node: SchemaNode?, _ path: String, isRoot: Bool, _ unknown: inout [String]
    ) throws(StatusError) -> JSON {
        guard let node else { return value }
        switch value {
        case .object(let object):
            var pairs: [(key: String, value: JSON)] = []
            for (key, member) in object {
                let here: String = path.isEmpty ? key : path + "." + key
                if node.isEmbedded, !isRoot, key == "metadata" {
                    pairs.append((key, try metadata(member, here, &unknown)))
                } else {
                    pairs.append((key, try coerce(member, node.child(key), here, isRoot: false, &unknown)))
                }
            }
            return .object(JSONObject(unique: pairs))
        case .array(let elements):
            var out: [JSON] = []
            for (i, e) in elements.enumerated() {
                out.append(try coerce(e, node.items, "\(path)[\(i)]", isRoot: false, &unknown))
            }
            return .array(out)
        default: return value
        }
    }

    private static func metadata(_ value: JSON, _ path: String, _ unknown: inout [String]) throws(StatusError) -> JSON {
        let (normal, warnings): (JSON, [String]) = try BuiltIn.schema.normalise(
            value, as: "meta/v1.ObjectMeta", validation: .warn)
        for warning in warnings {
            if let name = unknownField(warning) { unknown.append(path + "." + name) }
        }
        return normal
    }

    /// `unknown field "a.b"` → `a.b`
    static func unknownField(_ warning: String) -> String? {
        guard warning.hasPrefix("unknown field \""), warning.hasSuffix("\"") else { return nil }
        return String(warning.dropFirst("unknown field \"".count).dropLast())
    }
}
