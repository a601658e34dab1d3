// Objects compared and hashed by what they mean: absent, null and empty are the same, members are unordered.

import KubeWire

enum Canonical {
    /// Without nulls and empty lists and maps, keys sorted.
    static func form(_ json: JSON) -> JSON {
        switch json {
        case .object(let object):
            var out: [(key: String, value: JSON)] = []
            for (key, value) in object {
                let v: JSON = form(value)
                if v.exists { out.append((key, v)) }
            }
            if out.isEmpty { return .null }
            out.sort { $0.key < $1.key }
            return .object(JSONObject(unique: out))
        case .array(let elements):
            return elements.isEmpty
                ? .null : .array(elements.map { e in e.asObject != nil ? keepObject(form(e)) : form(e) })
        default: return json
        }
    }
    private static func keepObject(_ json: JSON) -> JSON { json.exists ? json : [:] }

    static func equal(_ a: JSON, _ b: JSON) -> Bool { a == b || form(a) == form(b) }

    /// 32-bit FNV-1a.
    static func fnv(_ bytes: some Sequence<UInt8>, seed: UInt32 = 2_166_136_261) -> UInt32 {
        var h: UInt32 = seed
        for b in bytes { h = (h ^ UInt32(b)) &* 16_777_619 }
        return h
    }

    /// A pod template's hash in letters that are safe in names: `pod-template-hash`, `controller-revision-hash`.
    static func hash(_ template: JSON, collisionCount: Int?) -> String {
        var h: UInt32 = fnv(form(template).encoded())
        if let collisionCount {
            let n: UInt32 = UInt32(truncatingIfNeeded: collisionCount)
            h = fnv([UInt8(n & 255), UInt8(n >> 8 & 255), UInt8(n >> 16 & 255), UInt8(n >> 24)], seed: h)
        }
        let alphabet: [UInt8] = Array("bcdfghjklmnpqrstvwxz2456789".utf8)
        return String(decoding: String(h).utf8.map { alphabet[Int($0) % alphabet.count] }, as: UTF8.self)
    }
}
