// A decode into the Go struct and an encode from it, without the struct.

import KubeBase
package import KubeWire

package enum FieldValidation: String, Sendable {
    case strict = "Strict"
    case warn = "Warn"
    case ignore = "Ignore"
}

extension Schema {
    /// As a decode into the Go struct and an encode from it would leave the object: types checked, unknown fields
    /// dropped (or reported), empty optional fields dropped, keys in canonical order, quantities and times canonical.
    /// `type` is a name of the tables such as `core/v1.Pod`; `duplicates` are paths that the JSON parser reported.
    /// Throws BadRequest in upstream's words.
    package func normalise(
        _ object: JSON, as type: String, validation: FieldValidation = .ignore, duplicates: [String] = []
    ) throws(StatusError) -> (object: JSON, warnings: [String]) {
        guard let i = position(of: type) else { throw .internalError("no type \(type) in the schema") }
        var run: Normaliser = Normaliser(types: types, reportsUnknown: validation != .ignore)
        let out: JSON
        do throws(TypeFault) {
            out = try run.object(object, i)
        } catch {
            throw .badRequest(prefix(i) + error.message)
        }
        guard validation != .ignore else { return (out, []) }
        let faults: [String] =
            duplicates.isEmpty && run.unknown.isEmpty
            ? [] : DecodingFaults.texts(object, unknown: run.unknown, duplicates: duplicates)
        if validation == .strict, !faults.isEmpty {
            throw .badRequest(prefix(i) + "strict decoding error: " + faults.joined(separator: ", "))
        }
        return (out, faults)
    }

    /// `Deployment in version "v1" cannot be handled as a Deployment: `
    private func prefix(_ i: Int) -> String {
        guard types[i].isKind, let p = packages[types[i].package] else { return "" }
        let kind: String = types[i].shortName
        return "\(kind) in version \"\(p.version)\" cannot be handled as a \(kind): "
    }
}

/// A value that does not fit the Go type.
struct TypeFault: Error { var message: String }

struct Normaliser {
    private enum Step {
        /// A member of a struct; the struct's Go name for messages.
        case member(String, of: Int)
        case index(Int)
        case key(String)
    }

    let types: [ObjectType]
    let reportsUnknown: Bool
    private(set) var unknown: [String] = []
    private var path: [Step] = []

    init(types: [ObjectType], reportsUnknown: Bool) {
        self.types = types
        self.reportsUnknown = reportsUnknown
        path.reserveCapacity(16)
    }

    // MARK: objects

    mutating func object(_ json: JSON, _ i: Int) throws(TypeFault) -> JSON {
        if let custom = types[i].custom { return try self.custom(json, i, custom) }
        guard case .object(let source) = json else {
            if json.isNull { return types[i].zero }
            throw mismatch(json, types[i].goName)
        }
        return .object(JSONObject(unique: try members(source.pairs, i)))
    }

    private mutating func members(
        _ pairs: [(key: String, value: JSON)], _ i: Int
    ) throws(TypeFault) -> [(key: String, value: JSON)] {
        let type: ObjectType = types[i]
        let members: [Field] = type.members
        var slots: [Int] = Array(repeating: -1, count: members.count)
        var hint: Int = 0
        for p in pairs.indices {
            if let m = type.position(of: pairs[p].key, from: hint) {
                slots[m] = p
                hint = m + 1
            } else if reportsUnknown {
                unknown.append(dotted(pairs[p].key))
            }
        }
        var out: [(key: String, value: JSON)] = []
        out.reserveCapacity(pairs.count + 4)
        for m in members.indices {
            let f: Field = members[m]
            let p: Int = slots[m]
            if p < 0 || pairs[p].value.isNull {
                if f.isOmittedWhenAbsent { continue }
                if let zero = Schema.absent(f, types) { out.append((f.name, zero)) }
                continue
            }
            path.append(.member(f.name, of: i))
            if let v = try member(pairs[p].value, f) { out.append((f.name, v)) }
            path.removeLast()
        }
        return out
    }

    /// A member that is present; `nil` = left out of the encoding.
    private mutating func member(_ json: JSON, _ f: Field) throws(TypeFault) -> JSON? {
        let out: JSON = try value(json, f.type, f.enumName)
        if f.isPointer || f.isAlwaysWritten { return out }
        switch out {
        case .null: return Schema.absent(f, types)
        case .string(let s):
            if s.isEmpty, f.type == .string || f.type == .bytes { return nil }
        case .int(let n):
            if n == 0, f.type != .intOrString { return nil }
        case .double(let d):
            if d == 0 { return nil }
        case .bool(let b):
            if !b { return nil }
        case .array(let a):
            if a.isEmpty { return nil }
        case .object(let o):
            if o.isEmpty {
                switch f.type {
                case .map: return nil
                case .object: return f.omitsZeroStruct ? JSON?.none : out
                default: return out
                }
            }
        }
        return out
    }

    // MARK: values

    private mutating func value(_ json: JSON, _ type: ValueType, _ enumName: String) throws(TypeFault) -> JSON {
        switch type {
        case .string:
            if case .string = json { return json }
            if json.isNull { return "" }
            throw mismatch(json, enumName.isEmpty ? "string" : goName(enumName))
        case .int32, .int64: return try integer(json, isWide: type == .int64)
        case .bool:
            if case .bool = json { return json }
            if json.isNull { return false }
            throw mismatch(json, "bool")
        case .double:
            switch json {
            case .int, .double: return json
            case .null: return 0
            default: throw mismatch(json, "float64")
            }
        case .object(let i): return try object(json, i)
        case .list(let element): return try list(json, element, enumName)
        case .map(let element): return try map(json, element)
        case .raw, .json, .any: return json
        case .fieldsV1: return json
        default: return try special(json, type)
        }
    }

    private func integer(_ json: JSON, isWide: Bool) throws(TypeFault) -> JSON {
        switch json {
        case .int(let n):
            if isWide || (n >= Int64(Int32.min) && n <= Int64(Int32.max)) { return json }
            throw mismatch("number \(n)", "int32")
        case .double(let d): throw mismatch("number \(JSON.double(d))", isWide ? "int64" : "int32")
        case .null: return 0
        default: throw mismatch(json, isWide ? "int64" : "int32")
        }
    }

    private mutating func list(_ json: JSON, _ element: ValueType, _ enumName: String) throws(TypeFault) -> JSON {
        guard case .array(let source) = json else {
            if json.isNull { return .null }
            throw mismatch(json, goName(.list(element)))
        }
        var out: [JSON] = []
        out.reserveCapacity(source.count)
        for i in source.indices {
            path.append(.index(i))
            out.append(try value(source[i], element, enumName))
            path.removeLast()
        }
        return .array(out)
    }

    private mutating func map(_ json: JSON, _ element: ValueType) throws(TypeFault) -> JSON {
        guard case .object(let source) = json else {
            if json.isNull { return .null }
            throw mismatch(json, goName(.map(element)))
        }
        var out: [(key: String, value: JSON)] = []
        let pairs: [(key: String, value: JSON)] = source.pairs
        out.reserveCapacity(pairs.count)
        var isSorted: Bool = true
        for i in pairs.indices {
            let key: String = pairs[i].key
            path.append(.key(key))
            if isSorted, let last = out.last, !(last.key < key) { isSorted = false }
            out.append((key, try value(pairs[i].value, element, "")))
            path.removeLast()
        }
        if !isSorted { out.sort { $0.key < $1.key } }
        return .object(JSONObject(unique: out))
    }

    private func special(_ json: JSON, _ type: ValueType) throws(TypeFault) -> JSON {
        switch type {
        case .quantity:
            if json.isNull { return "0" }
            let text: String = json.asString.map { trimmed($0) } ?? json.description
            do throws(Quantity.Fault) {
                let q: Quantity = try Quantity.parse(text)
                let canonical: String = q.description
                return canonical == json.asString ? json : .string(canonical)
            } catch { throw TypeFault(message: error.rawValue) }
        case .intOrString:
            switch json {
            case .string: return json
            case .null: return 0
            case .int(let n) where n >= Int64(Int32.min) && n <= Int64(Int32.max): return json
            case .int, .double: throw plain("number \(json)", "int32")
            default: throw plain(json.typeName, "int32")
            }
        case .time, .microTime: return try time(json, isMicro: type == .microTime)
        case .duration:
            if json.isNull { return "0s" }
            guard let text = json.asString else { throw plain(json.typeName, "string") }
            guard let n = GoDuration.parse(text) else { throw TypeFault(message: "time: invalid duration \"\(text)\"") }
            return .string(GoDuration.format(nanoseconds: n))
        default:
            if json.isNull { return .null }
            guard let text = json.asString else { throw mismatch(json, "[]uint8") }
            switch Base64.decodeReportingOffset(text) {
            case .success(let bytes): return text.utf8.contains(10) ? .string(Base64.encode(bytes)) : json
            case .failure(let illegal):
                throw TypeFault(message: "illegal base64 data at input byte \(illegal.offset)")
            }
        }
    }

    private func time(_ json: JSON, isMicro: Bool) throws(TypeFault) -> JSON {
        guard let text = json.asString else {
            if json.isNull { return .null }
            throw plain(json.typeName, "string")
        }
        // The usual canonical form passes without a parse.
        if !isMicro, text.utf8.count == 20, Timestamp.isCanonical(text) { return json }
        guard let t = CivilTime(rfc3339: text), CivilTime.range.contains(t.seconds) else {
            let layout: String = isMicro ? "2006-01-02T15:04:05.000000Z07:00" : "2006-01-02T15:04:05Z07:00"
            throw TypeFault(message: "parsing time \"\(text)\" as \"\(layout)\": cannot parse \"\(text)\" as \"2006\"")
        }
        if text == "0001-01-01T00:00:00Z" { return .null }
        return .string(isMicro ? t.rfc3339Micro : t.rfc3339)
    }

    private mutating func custom(_ json: JSON, _ i: Int, _ custom: ObjectType.Custom) throws(TypeFault) -> JSON {
        guard let f = types[i].fields.first(where: { $0.name == "schema" }), case .object(let inner) = f.type else {
            return json
        }
        switch json {
        case .object: return try object(json, inner)
        case .bool where custom == .schemaOrBool: return json
        case .array(let elements) where custom == .schemaOrArray:
            var out: [JSON] = []
            for e in elements { out.append(try object(e, inner)) }
            return .array(out)
        case .array where custom == .schemaOrStringArray: return json
        case .null: return .null
        default: throw TypeFault(message: "boolean or JSON schema expected")
        }
    }

    // MARK: words

    private func mismatch(_ json: JSON, _ goType: String) -> TypeFault { mismatch(json.typeName, goType) }

    /// `json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32`
    private func mismatch(_ value: String, _ goType: String) -> TypeFault {
        var names: [String] = []
        var owner: String = ""
        for step in path {
            guard case .member(let name, let i) = step else { continue }
            names.append(name)
            owner = types[i].shortName
        }
        if names.isEmpty { return plain(value, goType) }
        return TypeFault(
            message: "json: cannot unmarshal \(value) into Go struct field \(owner).\(names.joined(separator: ".")) "
                + "of type \(goType)")
    }

    private func plain(_ value: String, _ goType: String) -> TypeFault {
        TypeFault(message: "json: cannot unmarshal \(value) into Go value of type \(goType)")
    }

    private func goName(_ qualified: String) -> String {
        qualified.lastIndex(of: "/").map { String(qualified[qualified.index(after: $0)...]) } ?? qualified
    }

    private func goName(_ type: ValueType) -> String {
        switch type {
        case .string: "string"
        case .int32: "int32"
        case .int64: "int64"
        case .bool: "bool"
        case .double: "float64"
        case .bytes: "[]uint8"
        case .quantity: "resource.Quantity"
        case .intOrString: "intstr.IntOrString"
        case .time: "v1.Time"
        case .microTime: "v1.MicroTime"
        case .duration: "v1.Duration"
        case .raw: "runtime.RawExtension"
        case .fieldsV1: "v1.FieldsV1"
        case .json: "v1.JSON"
        case .any: "interface {}"
        case .object(let i): types[i].goName
        case .list(let element): "[]" + goName(element)
        case .map(let element): "map[string]" + goName(element)
        }
    }

    /// `spec.containers[0].foo`
    private func dotted(_ last: String) -> String {
        var text: String = ""
        for step in path {
            switch step {
            case .member(let name, _), .key(let name): text += text.isEmpty ? name : "." + name
            case .index(let i): text += "[\(i)]"
            }
        }
        return text.isEmpty ? last : text + "." + last
    }

    private func trimmed(_ s: String) -> String {
        guard let f = s.utf8.first, let l = s.utf8.last, f <= 32 || l <= 32 else { return s }
        var t: Substring = s[...]
        while let c = t.first, c.isWhitespace { t = t.dropFirst() }
        while let c = t.last, c.isWhitespace { t = t.dropLast() }
        return String(t)
    }
}

extension Timestamp {
    /// `2006-01-02T15:04:05Z` with digits in range enough to be kept as they are.
    static func isCanonical(_ text: String) -> Bool {
        var copy: String = text
        return copy.withUTF8 { b in
            guard b.count == 20, b[4] == 45, b[7] == 45, b[10] == 84, b[13] == 58, b[16] == 58, b[19] == 90 else {
                return false
            }
            func two(_ i: Int) -> Int {
                let (a, c): (Int, Int) = (Int(b[i]) - 48, Int(b[i + 1]) - 48)
                return (0...9).contains(a) && (0...9).contains(c) ? a * 10 + c : 1000
            }
            return two(0) < 100 && two(2) < 100 && two(0) * 100 + two(2) > 1677 && (1...12).contains(two(5))
                && (1...28).contains(two(8)) && two(11) < 24 && two(14) < 60 && two(17) < 60
        }
    }
}
