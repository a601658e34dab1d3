// One object to the protobuf message that upstream's generated code would write.

import KubeBase
import KubeWire

/// Fields are written from the last to the first (see ProtobufReverseWriter).
struct ProtobufEncoder {
    let types: [ObjectType]
    let out: ProtobufReverseWriter

    func message(_ json: JSON, _ i: Int) {
        let type: ObjectType = types[i]
        if let custom = type.custom { return self.custom(json, i, custom) }
        let pairs: [(key: String, value: JSON)] = json.asObject?.pairs ?? []
        var slots: [Int] = Array(repeating: -1, count: type.members.count)
        var hint: Int = 0
        for p in pairs.indices {
            if let m = type.position(of: pairs[p].key, from: hint) {
                slots[m] = p
                hint = m + 1
            }
        }
        for step in type.protobufOrder.reversed() {
            if step.member < 0 {
                let mark: Int = out.count
                if case .object(let inner) = type.fields[step.field].type { message(json, inner) }
                out.close(type.fields[step.field].number, since: mark)
                continue
            }
            let p: Int = slots[step.member]
            let f: Field = type.members[step.member]
            if p >= 0 {
                field(pairs[p].value, f)
            } else if !f.isPointer {
                field(.null, f)
            }
        }
    }

    private func field(_ value: JSON, _ f: Field) {
        switch f.type {
        case .list(let element):
            guard case .array(let elements) = value else { return }
            if f.wire == .items {
                if elements.isEmpty, f.isPointer { return }
                items(elements, f.number)
            } else {
                for e in elements.reversed() { single(e, element, f.number) }
            }
        case .map(let element):
            guard case .object(let o) = value else { return }
            map(o, element, f)
        default:
            if value.isNull, f.isPointer || f.type == .bytes { return }
            single(value, f.type, f.number)
        }
    }

    private func items(_ elements: [JSON], _ number: Int) {
        let mark: Int = out.count
        for e in elements.reversed() { out.field(1, string: e.text) }
        out.close(number, since: mark)
    }

    private func map(_ o: JSONObject, _ element: ValueType, _ f: Field) {
        var pairs: [(key: String, value: JSON)] = o.pairs
        for i in pairs.indices.dropFirst() where !(pairs[i - 1].key < pairs[i].key) {
            pairs.sort { $0.key < $1.key }
            break
        }
        for pair in pairs.reversed() {
            let mark: Int = out.count
            if f.valueIsItems { items(pair.value.elements, 2) } else { single(pair.value, element, 2) }
            out.field(1, string: pair.key)
            out.close(f.number, since: mark)
        }
    }

    /// A value that is present, or the zero value of one that is always written.
    private func single(_ value: JSON, _ type: ValueType, _ number: Int) {
        switch type {
        case .string: out.field(number, string: value.text)
        case .int32, .int64: out.field(number, varint: UInt64(bitPattern: value.asInt64 ?? 0))
        case .bool: out.field(number, varint: value.isTrue ? 1 : 0)
        case .double: out.field(number, double: value.asDouble ?? 0)
        case .bytes: out.field(number, bytes: Base64.decode(value.text) ?? [])
        case .object(let i):
            let mark: Int = out.count
            message(value, i)
            out.close(number, since: mark)
        default:
            let mark: Int = out.count
            special(value, type)
            out.close(number, since: mark)
        }
    }

    private func special(_ value: JSON, _ type: ValueType) {
        switch type {
        case .quantity: out.field(1, string: value.asString ?? (value.exists ? value.description : "0"))
        case .intOrString:
            if let text = value.asString {
                out.field(3, string: text)
                out.field(2, varint: 0)
                out.field(1, varint: 1)
            } else {
                out.field(3, string: "")
                out.field(2, varint: UInt64(bitPattern: value.asInt64 ?? 0))
                out.field(1, varint: 0)
            }
        case .time, .microTime:
            guard let text = value.asString, let t = CivilTime(rfc3339: text) else { return }
            let nanos: Int32 = type == .time ? 0 : t.nanoseconds
            out.field(2, varint: UInt64(nanos))
            out.field(1, varint: UInt64(bitPattern: t.seconds))
        case .duration: out.field(1, varint: UInt64(bitPattern: GoDuration.parse(value.text) ?? 0))
        default: if value.exists { out.field(1, bytes: value.encoded()) }
        }
    }

    private func custom(_ json: JSON, _ i: Int, _ custom: ObjectType.Custom) {
        guard let f = types[i].fields.first(where: { $0.name == "schema" }), case .object(let inner) = f.type else {
            return
        }
        switch json {
        case .object:
            single(json, .object(inner), f.number)
            if custom == .schemaOrBool { out.field(1, varint: 1) }
        case .array(let elements):
            for e in elements.reversed() {
                if custom == .schemaOrArray { single(e, .object(inner), 2) } else { out.field(2, string: e.text) }
            }
        default: if custom == .schemaOrBool { out.field(1, varint: json.isTrue ? 1 : 0) }
        }
    }
}
