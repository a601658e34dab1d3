// The smallest strategic merge patch from one pod status to another.

import KubeWire

enum StatusPatch {
    /// nil when nothing differs.
    static func make(from old: JSON, to new: JSON, uid: String) -> JSON? {
        var status: JSONObject = JSONObject()
        for (key, value) in new.fields where old[key] != value {
            switch key {
            case "conditions":
                let gone: [JSON] = old.conditions.elements.filter { c in
                    PodWorker.passingConditions.contains(c.type.text) && !value.elements.contains { $0.type == c.type }
                }
                let changed: [JSON] =
                    value.elements.compactMap { change(of: $0, from: old.conditions.elements) }
                    + gone.map { ["$patch": "delete", "type": $0.type] }
                if !changed.isEmpty { status[key] = .array(changed) }
            case "podIPs", "hostIPs":
                // Merged by their key otherwise: an address that is gone would stay.
                status[key] = .array((old[key].exists ? [["$patch": "replace"]] : []) + value.elements)
            default: status[key] = value
            }
        }
        for (key, value) in old.fields where value.exists && !new[key].exists { status[key] = .some(.null) }
        if status.isEmpty { return nil }
        return ["metadata": ["uid": .string(uid)], "status": .object(status)]
    }

    /// Merged by type: members that are gone must be named. nil when the condition is the same.
    private static func change(of new: JSON, from old: [JSON]) -> JSON? {
        guard let before = old.first(where: { $0.type == new.type }) else { return new }
        if before == new { return nil }
        var members: JSONObject = new.fields
        for key in before.fields.keys where !new[key].exists { members[key] = .some(.null) }
        return .object(members)
    }
}
