// Judges a custom object by its OpenAPI v3 schema, in the words of go-openapi as the API server gives them.

import KubeModel
import KubeWire

extension StructuralSchema {
    /// Faults of one object at most, so that an answer stays readable.
    static let faultsMax: Int = 100

    /// `old` is what the object was before this write: what has not changed is not judged again (KEP-4008).
    func faults(_ value: JSON, old: JSON? = nil) -> [FieldError] {
        var judge: SchemaJudge = SchemaJudge()
        judge.check(value, old, root, "", isResource: true)
        return judge.faults
    }

    /// Of one member, as a write of the status alone is judged.
    func faults(_ value: JSON, old: JSON?, member: String) -> [FieldError] {
        guard let node = root.properties[member] else { return [] }
        var judge: SchemaJudge = SchemaJudge()
        judge.check(value, old, node, member, isResource: false)
        return judge.faults
    }
}

struct SchemaJudge {
    private(set) var faults: [FieldError] = []

    private var isFull: Bool { faults.count >= StructuralSchema.faultsMax }

    static func faults(_ value: JSON, _ node: SchemaNode, _ path: String) -> [FieldError] {
        var judge: SchemaJudge = SchemaJudge()
        judge.check(value, nil, node, path, isResource: false)
        return judge.faults
    }

    mutating func check(_ value: JSON, _ old: JSON?, _ node: SchemaNode, _ path: String, isResource: Bool) {
        guard !isFull else { return }
        if let old, old == value { return }
        if value.isNull {
            if !node.isNullable, !node.type.isEmpty || node.isIntOrString { wrongType(value, node, path) }
            return
        }
        guard SchemaJudge.isOfType(value, node) else { return wrongType(value, node, path) }
        checkCombinations(value, node, path)
        switch value {
        case .string(let text): check(text: text, value, node, path)
        case .int, .double: check(number: value.asDouble ?? 0, value, node, path)
        case .array(let elements): check(elements: elements, old, node, path)
        default: break
        }
        if !node.values.isEmpty, !node.values.contains(value) {
            faults.append(.notSupported(shown(path), value, node.values.map { $0.asString ?? $0.description }))
        }
        if case .object(let object) = value { check(members: object, old, node, path, isResource: isResource) }
    }

    private static func isOfType(_ value: JSON, _ node: SchemaNode) -> Bool {
        if node.isIntOrString {
            if case .string = value { return true }
            return value.asInt64 != nil
        }
        switch (node.type, value) {
        case ("", _), ("object", .object), ("array", .array), ("string", .string), ("boolean", .bool): return true
        case ("number", .int), ("number", .double): return true
        case ("integer", _): return value.asInt64 != nil
        default: return false
        }
    }

    /// Go's word for the place of the whole object.
    private func shown(_ path: String) -> String { path.isEmpty ? "<nil>" : path }

    private mutating func wrongType(_ value: JSON, _ node: SchemaNode, _ path: String) {
        let given: String
        switch value {
        case .int: given = "integer"
        case .bool: given = "boolean"
        default: given = value.typeName
        }
        let wanted: String = node.isIntOrString ? "integer,string" : node.type
        faults.append(
            .wrongType(shown(path), "\"\(given)\"", "\(path) in body must be of type \(wanted): \"\(given)\""))
    }

    private mutating func say(_ value: JSON, _ path: String, _ what: String) {
        faults.append(.invalid(shown(path), value, "\(path) in body \(what)"))
    }

    private mutating func check(text: String, _ value: JSON, _ node: SchemaNode, _ path: String) {
        if let n = node.maxLength, text.unicodeScalars.count > n { faults.append(.tooLong(shown(path), maxLength: n)) }
        if let n = node.minLength, text.unicodeScalars.count < n {
            say(value, path, "should be at least \(n) chars long")
        }
        if let pattern = node.pattern, !pattern.matches(text) { say(value, path, "should match '\(pattern.text)'") }
        if !node.format.isEmpty, !SchemaFormat.isValid(text, as: node.format) {
            faults.append(
                .wrongType(
                    shown(path), value.description, "\(path) in body must be of type \(node.format): \(value)"))
        }
    }

    private mutating func check(number: Double, _ value: JSON, _ node: SchemaNode, _ path: String) {
        if let step = node.multipleOf.asDouble, step > 0, (number / step).rounded() * step != number {
            say(value, path, "should be a multiple of \(node.multipleOf)")
        }
        if let high = node.maximum.asDouble {
            if node.isExclusiveMaximum, number >= high {
                say(value, path, "should be less than \(node.maximum)")
            } else if number > high {
                say(value, path, "should be less than or equal to \(node.maximum)")
            }
        }
        if let low = node.minimum.asDouble {
            if node.isExclusiveMinimum, number <= low {
                say(value, path, "should be greater than \(node.minimum)")
            } else if number < low {
                say(value, path, "should be greater than or equal to \(node.minimum)")
            }
        }
    }

    private mutating func check(elements: [JSON], _ old: JSON?, _ node: SchemaNode, _ path: String) {
        if let items = node.items {
            let before: [JSON: JSON] = SchemaJudge.byKeys(old, node)
            for (i, e) in elements.enumerated() {
                let known: JSON? = node.listType == "map" ? before[SchemaJudge.keys(e, node)] : nil
                check(e, known, items, "\(path)[\(i)]", isResource: false)
            }
        }
        if let n = node.minItems, elements.count < n {
            say(JSON(elements.count), path, "should have at least \(n) items")
        }
        if let n = node.maxItems, elements.count > n {
            faults.append(.tooMany(shown(path), elements.count, max: n))
        }
        if node.isUnique, Set(elements).count < elements.count {
            say(.array(elements), path, "shouldn't contain duplicates")
        }
    }

    /// The elements of an older list by their map keys.
    static func byKeys(_ old: JSON?, _ node: SchemaNode) -> [JSON: JSON] {
        guard node.listType == "map", let elements = old?.asArray else { return [:] }
        return Dictionary(elements.map { (keys($0, node), $0) }, uniquingKeysWith: { first, _ in first })
    }
    static func keys(_ element: JSON, _ node: SchemaNode) -> JSON {
        .object(JSONObject(node.mapKeys.map { ($0, element[$0]) }))
    }

    private mutating func check(
        members object: JSONObject, _ old: JSON?, _ node: SchemaNode, _ path: String, isResource: Bool
    ) {
        func below(_ key: String) -> String { path.isEmpty ? key : path + "." + key }
        if let n = node.minProperties, object.count < n {
            say(.object(object), path, "should have at least \(n) properties")
        }
        if let n = node.maxProperties, object.count > n { faults.append(.tooMany(shown(path), object.count, max: n)) }
        for key in node.required where object[key] == nil { faults.append(.required(below(key))) }
        let before: JSONObject? = old?.asObject
        for (key, member) in object {
            if isResource, key == "apiVersion" || key == "kind" || key == "metadata", node.properties[key] == nil {
                continue
            }
            guard let schema = node.child(key) else { continue }
            check(member, before?[key], schema, below(key), isResource: false)
        }
    }

    private mutating func checkCombinations(_ value: JSON, _ node: SchemaNode, _ path: String) {
        func best(_ nodes: [SchemaNode]) -> (matches: Int, faults: [FieldError]) {
            var count: Int = 0
            var closest: [FieldError]?
            for n in nodes {
                let found: [FieldError] = SchemaJudge.faults(value, n, path)
                if found.isEmpty { count += 1 }
                if found.count < closest?.count ?? .max { closest = found }
            }
            return (count, closest ?? [])
        }
        if !node.anyOf.isEmpty {
            let (matches, near): (Int, [FieldError]) = best(node.anyOf)
            if matches == 0 {
                say("", path, "must validate at least one schema (anyOf)")
                faults += near
            }
        }
        if !node.oneOf.isEmpty {
            let (matches, near): (Int, [FieldError]) = best(node.oneOf)
            if matches != 1 {
                let found: String = matches == 0 ? "none valid" : "\(matches) valid alternatives"
                say("", path, "must validate one and only one schema (oneOf). Found \(found)")
                if matches == 0 { faults += near }
            }
        }
        if !node.allOf.isEmpty {
            var isFine: Bool = true
            for part in node.allOf {
                let found: [FieldError] = SchemaJudge.faults(value, part, path)
                if !found.isEmpty { isFine = false }
                faults += found
            }
            if !isFine { say("", path, "must validate all the schemas (allOf)") }
        }
        if let not = node.not, SchemaJudge.faults(value, not, path).isEmpty {
            say("", path, "must not validate the schema (not)")
        }
    }
}
