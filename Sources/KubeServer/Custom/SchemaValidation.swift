// Judges a custom object by its OpenAPI v3 schema, in the words of go-openapi as the API server gives them.

import KubeModel
import KubeWire

extension StructuralSchema {
    /// Faults of one object at most, so that an answer stays readable.
    static let faultsMax: Int = 100

    func faults(_ value: JSON, at path: String) -> [FieldError] {
        var out: [FieldError] = []
        check(value, path, &out)
        return out
    }

    private func check(_ value: JSON, _ path: String, _ out: inout [FieldError]) {
        guard out.count < StructuralSchema.faultsMax else { return }
        if value.isNull {
            if !node.nullable.isTrue, node.type.exists { wrongType(value, path, &out) }
            return
        }
        guard isOfType(value) else { return wrongType(value, path, &out) }
        if node["enum"].exists, !node["enum"].elements.contains(value) {
            out.append(.notSupported(path, value, node["enum"].elements.map { $0.asString ?? $0.description }))
        }
        switch value {
        case .string(let text): check(text: text, value, path, &out)
        case .int, .double: check(number: value.asDouble ?? 0, value, path, &out)
        case .array(let elements): check(elements: elements, value, path, &out)
        case .object(let object): check(members: object, value, path, &out)
        default: break
        }
        checkCombinations(value, path, &out)
    }

    private func isOfType(_ value: JSON) -> Bool {
        if node["x-kubernetes-int-or-string"].isTrue {
            if case .string = value { return true }
            return value.asInt64 != nil
        }
        switch (node.type.text, value) {
        case ("", _), ("object", .object), ("array", .array), ("string", .string), ("boolean", .bool): return true
        case ("number", .int), ("number", .double): return true
        case ("integer", _): return value.asInt64 != nil
        default: return false
        }
    }

    private func wrongType(_ value: JSON, _ path: String, _ out: inout [FieldError]) {
        let given: String
        switch value {
        case .int: given = "integer"
        case .bool: given = "boolean"
        default: given = value.typeName
        }
        let wanted: String = node["x-kubernetes-int-or-string"].isTrue ? "integer,string" : node.type.text
        out.append(.wrongType(path, "\"\(given)\"", "\(path) in body must be of type \(wanted): \"\(given)\""))
    }

    private func say(_ value: JSON, _ path: String, _ what: String, _ out: inout [FieldError]) {
        out.append(.invalid(path, value, "\(path) in body \(what)"))
    }

    private func check(text: String, _ value: JSON, _ path: String, _ out: inout [FieldError]) {
        if let n = node.maxLength.asInt, text.unicodeScalars.count > n { out.append(.tooLong(path, maxLength: n)) }
        if let n = node.minLength.asInt, text.unicodeScalars.count < n {
            say(value, path, "should be at least \(n) chars long", &out)
        }
        if let pattern = node.pattern.asString, let regex = try? Regex(pattern),
            (try? regex.firstMatch(in: text)) == nil
        {
            say(value, path, "should match '\(pattern)'", &out)
        }
        if node.format.text == "date-time", !DateTime.isValid(text) {
            say(value, path, "must be of type date-time: \(value)", &out)
        }
    }

    private func check(number: Double, _ value: JSON, _ path: String, _ out: inout [FieldError]) {
        if let low = node.minimum.asDouble {
            if node.exclusiveMinimum.isTrue, number <= low {
                say(value, path, "should be greater than \(node.minimum)", &out)
            } else if number < low {
                say(value, path, "should be greater than or equal to \(node.minimum)", &out)
            }
        }
        if let high = node.maximum.asDouble {
            if node.exclusiveMaximum.isTrue, number >= high {
                say(value, path, "should be less than \(node.maximum)", &out)
            } else if number > high {
                say(value, path, "should be less than or equal to \(node.maximum)", &out)
            }
        }
        if let step = node.multipleOf.asDouble, step > 0,
            (number / step).rounded() * step != number
        {
            say(value, path, "should be a multiple of \(node.multipleOf)", &out)
        }
    }

    private func check(elements: [JSON], _ value: JSON, _ path: String, _ out: inout [FieldError]) {
        if let n = node.maxItems.asInt, elements.count > n {
            out.append(.tooMany(path, elements.count, max: n))
        }
        if let n = node.minItems.asInt, elements.count < n {
            say(value, path, "should have at least \(n) items", &out)
        }
        if node.uniqueItems.isTrue, Set(elements).count < elements.count {
            say(value, path, "shouldn't contain duplicates", &out)
        }
        if let items { for (i, e) in elements.enumerated() { items.check(e, "\(path)[\(i)]", &out) } }
        let keys: [String] = node["x-kubernetes-list-map-keys"].strings
        let listType: String = node["x-kubernetes-list-type"].text
        guard listType == "set" || listType == "map" else { return }
        var seen: Set<JSON> = []
        for (i, e) in elements.enumerated() {
            let identity: JSON = listType == "set" ? e : .object(JSONObject(keys.map { ($0, e[$0]) }))
            if !seen.insert(identity).inserted { out.append(.duplicate("\(path)[\(i)]", identity)) }
        }
    }

    private func check(members: JSONObject, _ value: JSON, _ path: String, _ out: inout [FieldError]) {
        func below(_ key: String) -> String { path.isEmpty ? key : path + "." + key }
        for key in node.required.strings where members[key] == nil { out.append(.required(below(key))) }
        if let n = node.maxProperties.asInt, members.count > n {
            out.append(.tooMany(path, members.count, max: n))
        }
        if let n = node.minProperties.asInt, members.count < n {
            say(value, path, "should have at least \(n) properties", &out)
        }
        for (key, member) in members {
            if path.isEmpty, ["apiVersion", "kind", "metadata"].contains(key) { continue }
            child(key)?.check(member, below(key), &out)
        }
    }

    private func checkCombinations(_ value: JSON, _ path: String, _ out: inout [FieldError]) {
        for part in node.allOf.elements { StructuralSchema(part).check(value, path, &out) }
        func matches(_ list: JSON) -> Int {
            list.elements.filter { StructuralSchema($0).faults(value, at: path).isEmpty }.count
        }
        let shown: JSON = value.asObject == nil ? value : ""
        if node.anyOf.exists, !node["x-kubernetes-int-or-string"].isTrue, matches(node.anyOf) == 0 {
            say(shown, path, "must validate at least one schema (anyOf)", &out)
        }
        if node.oneOf.exists {
            let n: Int = matches(node.oneOf)
            if n != 1 {
                let found: String = n == 0 ? "none valid" : "\(n) valid alternatives"
                say(shown, path, "must validate one and only one schema (oneOf). Found \(found)", &out)
            }
        }
        if node["not"].exists, StructuralSchema(node["not"]).faults(value, at: path).isEmpty {
            say(shown, path, "must not validate the schema (not)", &out)
        }
    }
}
