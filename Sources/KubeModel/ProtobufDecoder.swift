// A protobuf message of upstream's types to the JSON tree of the object; Normaliser puts it into canonical form.

import KubeBase
import KubeWire

struct ProtobufDecoder {
    private typealias Bytes = UnsafeBufferPointer<UInt8>
    /// Messages inside messages; CRD schemas are the deepest.
    private static let depthMax: Int = 300

    let types: [ObjectType]
    private var depth: Int = 0

    init(types: [ObjectType]) { self.types = types }

    /// Adds the members of the message; the pairs hold none of them yet.
    mutating func message(
        _ bytes: UnsafeBufferPointer<UInt8>, _ i: Int, into pairs: inout [(key: String, value: JSON)]
    ) throws(ProtobufError) {
        depth += 1
        defer { depth -= 1 }
        if depth > ProtobufDecoder.depthMax { throw ProtobufError("exceeded max depth") }
        let type: ObjectType = types[i]
        var reader: ProtobufReader = ProtobufReader(bytes)
        var places: [Int] = Array(repeating: -1, count: type.fields.count)
        var hint: Int = 0
        while let (number, value) = try reader.next() {
            guard let k = fieldIndex(number, type.fields, from: hint) else { continue }
            hint = k
            let f: Field = type.fields[k]
            if f.isInline, case .object(let inner) = f.type {
                guard case .bytes(let content) = value else { throw wrongWire(f) }
                try message(content, inner, into: &pairs)
                continue
            }
            if places[k] < 0 {
                places[k] = pairs.count
                switch f.type {
                case .list: pairs.append((f.name, .array([])))
                case .map: pairs.append((f.name, .object(JSONObject())))
                default: pairs.append((f.name, .null))
                }
            }
            try add(value, f, to: &pairs[places[k]].value)
        }
    }

    /// Fields come in ascending order, mostly as they are declared.
    private func fieldIndex(_ number: Int, _ fields: [Field], from hint: Int) -> Int? {
        let count: Int = fields.count
        var k: Int = hint
        for _ in 0..<count {
            if fields[k].number == number { return k }
            k += 1
            if k == count { k = 0 }
        }
        return nil
    }

    private func wrongWire(_ f: Field) -> ProtobufError { ProtobufError("proto: wrong wireType for field \(f.name)") }

    private mutating func add(_ value: ProtobufReader.Value, _ f: Field, to slot: inout JSON) throws(ProtobufError) {
        switch f.type {
        case .list(let element):
            guard case .array(var a) = slot else { return }
            slot = .null
            if f.wire == .items {
                guard case .bytes(let content) = value else { throw wrongWire(f) }
                a = try items(content)
            } else {
                a.append(try single(value, element, f))
            }
            slot = .array(a)
        case .map(let element):
            guard case .object(var o) = slot, case .bytes(let content) = value else { throw wrongWire(f) }
            slot = .null
            let (key, v): (String, JSON) = try entry(content, element, f)
            o[key] = v
            slot = .object(o)
        default: slot = try single(value, f.type, f)
        }
    }

    private func items(_ content: UnsafeBufferPointer<UInt8>) throws(ProtobufError) -> [JSON] {
        var reader: ProtobufReader = ProtobufReader(content)
        var out: [JSON] = []
        while let (number, value) = try reader.next() {
            if number == 1, case .bytes(let text) = value { out.append(.string(String(decoding: text, as: UTF8.self))) }
        }
        return out
    }

    private mutating func entry(
        _ content: UnsafeBufferPointer<UInt8>, _ element: ValueType, _ f: Field
    ) throws(ProtobufError) -> (String, JSON) {
        var reader: ProtobufReader = ProtobufReader(content)
        var key: String = ""
        var out: JSON = f.valueIsItems ? [] : element == .string || element == .bytes ? "" : .null
        while let (number, value) = try reader.next() {
            if number == 1, case .bytes(let text) = value { key = String(decoding: text, as: UTF8.self) }
            if number == 2 {
                if f.valueIsItems, case .bytes(let list) = value {
                    out = .array(try items(list))
                } else {
                    out = try single(value, element, f)
                }
            }
        }
        return (key, out)
    }

    private mutating func single(
        _ value: ProtobufReader.Value, _ type: ValueType, _ f: Field
    ) throws(ProtobufError) -> JSON {
        switch (type, value) {
        case (.string, .bytes(let b)): return .string(String(decoding: b, as: UTF8.self))
        case (.bytes, .bytes(let b)): return .string(Base64.encode(b))
        case (.bool, .varint(let n)): return .bool(n != 0)
        case (.int32, .varint(let n)): return .int(Int64(Int32(truncatingIfNeeded: n)))
        case (.int64, .varint(let n)): return .int(Int64(bitPattern: n))
        case (.double, .fixed64(let n)):
            let d: Double = Double(bitPattern: n)
            return d.isFinite ? (Int64(exactly: d).map { .int($0) } ?? .double(d)) : .null
        case (.object(let i), .bytes(let b)):
            var pairs: [(key: String, value: JSON)] = []
            try message(b, i, into: &pairs)
            let object: JSON = .object(JSONObject(unique: pairs))
            return types[i].custom == nil ? object : custom(object, types[i].custom)
        case (_, .bytes(let b)): return try special(b, type)
        default: throw wrongWire(f)
        }
    }

    private func custom(_ o: JSON, _ custom: ObjectType.Custom?) -> JSON {
        if o.schema.exists { return o.schema }
        switch custom {
        case .schemaOrBool: return .bool(o.allows.isTrue)
        case .schemaOrArray: return .array(o.jSONSchemas.elements)
        case .schemaOrStringArray: return .array(o.property.elements)
        default: return o
        }
    }

    private func special(_ content: UnsafeBufferPointer<UInt8>, _ type: ValueType) throws(ProtobufError) -> JSON {
        var reader: ProtobufReader = ProtobufReader(content)
        var numbers: (Int64, Int64) = (0, 0)
        var text: UnsafeBufferPointer<UInt8>?
        var isEmpty: Bool = true
        while let (number, value) = try reader.next() {
            isEmpty = false
            switch value {
            case .varint(let n):
                if number == 1 { numbers.0 = Int64(bitPattern: n) }
                if number == 2 { numbers.1 = Int64(bitPattern: n) }
            case .bytes(let b): text = b
            default: break
            }
        }
        let string: String = text.map { String(decoding: $0, as: UTF8.self) } ?? ""
        switch type {
        case .quantity: return .string(string)
        case .intOrString: return numbers.0 == 1 ? .string(string) : .int(numbers.1)
        case .time, .microTime:
            if isEmpty { return .null }
            guard CivilTime.range.contains(numbers.0), (0..<1_000_000_000).contains(numbers.1) else {
                throw ProtobufError("time out of range")
            }
            let t: CivilTime = CivilTime(seconds: numbers.0, nanoseconds: Int32(numbers.1))
            return .string(type == .time ? t.rfc3339 : t.rfc3339Micro)
        case .duration: return .string(GoDuration.format(nanoseconds: numbers.0))
        default:
            guard let text, !text.isEmpty else { return .null }
            guard let json = try? JSON.parse(Array(text)) else { throw ProtobufError("raw value is not JSON") }
            return json
        }
    }
}
