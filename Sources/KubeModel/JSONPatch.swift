// RFC 6902 (JSON patch) and RFC 7386 (merge patch).

package import KubeWire

package enum Patch {
    /// Operations of one patch; more are refused, as upstream does.
    package static let operationsMax: Int = 10_000

    /// RFC 6902. Throws BadRequest for a malformed patch, 422 when an operation does not apply.
    package static func json(_ patch: JSON, to object: JSON) throws(StatusError) -> JSON {
        guard let operations = patch.asArray else {
            throw .badRequest("json: cannot unmarshal \(patch.typeName) into Go value of type jsonpatch.Patch")
        }
        if operations.count > operationsMax {
            throw .tooLarge(
                "The allowed maximum operations in a JSON patch is \(operationsMax), got \(operations.count)")
        }
        var out: JSON = object
        for operation in operations { try apply(operation, to: &out) }
        return out
    }

    /// RFC 7386: null removes, objects merge, everything else replaces.
    package static func merge(_ patch: JSON, to object: JSON) -> JSON {
        guard case .object(let changes) = patch else { return patch }
        var out: JSONObject = object.fields
        for (key, value) in changes {
            if value.isNull {
                out.remove(key)
            } else if case .object = value {
                out[key] = merge(value, to: out[key] ?? [:])
            } else {
                out[key] = value
            }
        }
        return .object(out)
    }

    private static func rejected(_ why: String) -> StatusError {
        StatusError(
            code: 422, reason: "Invalid", message: "the server rejected our request due to an error in our request",
            details: ["causes": [["reason": "UnexpectedServerResponse", "message": .string(why)]]])
    }

    private static func pointer(_ text: String) throws(StatusError) -> [String] {
        if text.isEmpty { return [] }
        guard text.hasPrefix("/") else { throw rejected("invalid JSON pointer: \(text)") }
        return text.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map { part in
            guard part.utf8.contains(UInt8(ascii: "~")) else { return String(part) }
            var token: String = ""
            var isEscaped: Bool = false
            for c in part {
                if isEscaped {
                    token += c == "1" ? "/" : c == "0" ? "~" : "~" + String(c)
                    isEscaped = false
                } else if c == "~" {
                    isEscaped = true
                } else {
                    token.append(c)
                }
            }
            return token
        }
    }

    private static func apply(_ operation: JSON, to root: inout JSON) throws(StatusError) {
        guard case .object(let o) = operation else {
            throw .badRequest("json: cannot unmarshal \(operation.typeName) into Go value of type jsonpatch.Operation")
        }
        let path: [String] = try pointer(operation.path.text)
        guard o["path"] != nil else { throw .badRequest("missing path in JSON patch operation") }
        let op: String = operation.op.text
        switch op {
        case "add": try edit(&root, path[...], .add(o["value"] ?? .null), op, operation.path.text)
        case "replace": try edit(&root, path[...], .replace(o["value"] ?? .null), op, operation.path.text)
        case "remove": try edit(&root, path[...], .remove, op, operation.path.text)
        case "test":
            guard let found = try? value(root, path, op, operation.path.text) else {
                if o["value"]?.isNull ?? true { return }
                throw rejected("testing path \(operation.path.text) has failed: test failed")
            }
            if found != o["value"] ?? .null {
                throw rejected("testing value \(operation.path.text) failed: test failed")
            }
        case "move", "copy":
            let from: [String] = try pointer(operation.from.text)
            let moved: JSON = try value(root, from, op, operation.from.text)
            if op == "move" { try edit(&root, from[...], .remove, op, operation.from.text) }
            try edit(&root, path[...], .add(moved), op, operation.path.text)
        default: throw rejected("unexpected kind: \(op)")
        }
    }

    private enum Edit {
        case add(JSON), replace(JSON), remove
    }

    private static func missing(_ op: String, _ path: String) -> StatusError {
        rejected("\(op) operation does not apply: doc is missing path: \"\(path)\": missing value")
    }

    private static func value(_ root: JSON, _ path: [String], _ op: String, _ text: String) throws(StatusError) -> JSON
    {
        var here: JSON = root
        for token in path {
            switch here {
            case .object(let o):
                guard let next = o[token] else { throw missing(op, text) }
                here = next
            case .array(let a):
                guard let i = index(token, a.count) else { throw missing(op, text) }
                here = a[i]
            default: throw missing(op, text)
            }
        }
        return here
    }

    /// Negative indices count from the end, as evanphx/json-patch allows.
    private static func index(_ token: String, _ count: Int) -> Int? {
        guard let n = Int(token) else { return nil }
        let i: Int = n < 0 ? n + count : n
        return (0..<count).contains(i) ? i : nil
    }

    private static func edit(
        _ here: inout JSON, _ path: ArraySlice<String>, _ edit: Edit, _ op: String, _ text: String
    ) throws(StatusError) {
        guard let token = path.first else {
            switch edit {
            case .add(let v), .replace(let v): here = v
            case .remove: throw missing(op, text)
            }
            return
        }
        switch here {
        case .object(var o):
            here = .null
            defer { here = .object(o) }
            if path.count > 1 {
                guard var child = o[token] else { throw missing(op, text) }
                o[token] = .null
                defer { o[token] = child }
                try self.edit(&child, path.dropFirst(), edit, op, text)
                return
            }
            switch edit {
            case .add(let v): o[token] = v
            case .replace(let v):
                guard o[token] != nil else { throw missing(op, text) }
                o[token] = v
            case .remove: if o.remove(token) == nil { throw missing(op, text) }
            }
        case .array(var a):
            here = .null
            defer { here = .array(a) }
            if path.count > 1 {
                guard let i = index(token, a.count) else { throw missing(op, text) }
                try self.edit(&a[i], path.dropFirst(), edit, op, text)
                return
            }
            switch edit {
            case .add(let v):
                if token == "-" {
                    a.append(v)
                } else if let n = Int(token), (0...a.count).contains(n < 0 ? n + a.count + 1 : n) {
                    a.insert(v, at: n < 0 ? n + a.count + 1 : n)
                } else {
                    throw rejected(
                        "add operation does not apply: doc is missing path: \"\(text)\": invalid index referenced")
                }
            case .replace(let v):
                guard let i = index(token, a.count) else { throw missing(op, text) }
                a[i] = v
            case .remove:
                guard let i = index(token, a.count) else { throw missing(op, text) }
                a.remove(at: i)
            }
        default: throw missing(op, text)
        }
    }
}
