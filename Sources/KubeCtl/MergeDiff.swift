// The JSON merge patch (RFC 7386) that turns one value into another.

import KubeWire

enum MergeDiff {
    /// Both must be objects; equal members are left out, members gone become null, arrays are replaced whole.
    static func patch(from old: JSON, to new: JSON) -> JSON {
        var out: JSONObject = JSONObject()
        for (key, value) in new.fields {
            guard let before = old.fields[key] else {
                out[key] = value
                continue
            }
            if before == value { continue }
            if case .object = before, case .object = value {
                out[key] = patch(from: before, to: value)
            } else {
                out[key] = value
            }
        }
        for (key, _) in old.fields where new.fields[key] == nil { out[key] = .some(.null) }
        return .object(out)
    }
}
