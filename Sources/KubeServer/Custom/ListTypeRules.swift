// Lists of type set hold no element twice, lists of type map no key twice.

import KubeModel
import KubeWire

enum ListTypeRules {
    static func faults(_ object: JSON, _ node: SchemaNode) -> [FieldError] {
        var out: [FieldError] = []
        check(object, node, "", &out)
        return out
    }

    private static func check(_ value: JSON, _ node: SchemaNode, _ path: String, _ out: inout [FieldError]) {
        switch value {
        case .object(let object):
            for (key, member) in object {
                if let schema = node.properties[key] {
                    check(member, schema, path.isEmpty ? key : path + "." + key, &out)
                } else if let additional = node.additional {
                    check(member, additional, "\(path)[\(key)]", &out)
                }
            }
        case .array(let elements):
            if node.listType == "set" { set(elements, path, &out) }
            if node.listType == "map" { map(elements, node, path, &out) }
            if let items = node.items {
                for (i, e) in elements.enumerated() { check(e, items, "\(path)[\(i)]", &out) }
            }
        default: break
        }
    }

    /// Each value that occurs again is told once, where it occurs for the second time.
    private static func set(_ elements: [JSON], _ path: String, _ out: inout [FieldError]) {
        var times: [JSON: Int] = [:]
        for (i, e) in elements.enumerated() {
            times[e, default: 0] += 1
            if times[e] == 2 { out.append(.duplicate("\(path)[\(i)]", e)) }
        }
    }

    private static func map(_ elements: [JSON], _ node: SchemaNode, _ path: String, _ out: inout [FieldError]) {
        for (i, e) in elements.enumerated() where e.exists && e.asObject == nil {
            out.append(.invalid("\(path)[\(i)]", e, "must be an object for an array of list-type map"))
            return
        }
        var times: [JSON: Int] = [:]
        for (i, e) in elements.enumerated() where e.exists {
            let keys: JSON = .object(
                JSONObject(node.mapKeys.compactMap { k in e.fields[k].map { (k, $0) } }))
            times[keys, default: 0] += 1
            if times[keys] == 2 { out.append(.duplicate("\(path)[\(i)]", keys)) }
        }
    }
}
