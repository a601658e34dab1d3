// ConfigMaps and what they share with Secrets: keys, size, immutability.

import KubeAPI
import KubeModel
import KubeServer
import KubeWire

struct ConfigMapStrategy: Strategy {
    func validate(_ o: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        KeyedData.keys(o.data, at: "data", &out)
        for (key, _) in o.binaryData.fields {
            out.name("binaryData[\(key)]", key, NameRules.configMapKey)
            if o.data.fields[key] != nil { out.invalid("data[\(key)]", .string(key), "duplicate of key present in binaryData") }
        }
        let size: Int = KeyedData.size(o.data) + KeyedData.decodedSize(o.binaryData)
        if size > KeyedData.sizeMax { out.tooLong("", maxLength: KeyedData.sizeMax) }
        return out.list
    }
    func validateUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        KeyedData.immutability(new, old, fields: ["data", "binaryData"], &out)
        out.append(validate(new, context))
        return out.list
    }
}

enum KeyedData {
    /// Bytes of all values together.
    static let sizeMax: Int = 1 << 20

    static func keys(_ map: JSON, at path: String, _ out: inout Faults) {
        for (key, _) in map.fields { out.name("\(path)[\(key)]", key, NameRules.configMapKey) }
    }
    static func size(_ map: JSON) -> Int { map.fields.reduce(0) { $0 + $1.value.text.utf8.count } }
    static func decodedSize(_ map: JSON) -> Int { map.fields.reduce(0) { $0 + $1.value.text.utf8.count / 4 * 3 } }

    static func immutability(_ new: JSON, _ old: JSON, fields: [String], _ out: inout Faults) {
        guard old.immutable.isTrue else { return }
        if !new.immutable.isTrue { out.forbidden("immutable", "field is immutable when `immutable` is set") }
        for f in fields where !Faults.same(new[f], old[f]) {
            out.forbidden(f, "field is immutable when `immutable` is set")
        }
    }
}

enum ConfigMaps {
    static let entry: Entry = Entry(API.configMaps, ConfigMapStrategy())
}
