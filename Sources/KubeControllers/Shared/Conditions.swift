// Lists of status conditions: set one by type and keep the time of its last transition.

import KubeBase
import KubeWire

enum Conditions {
    static func find(_ conditions: [JSON], _ type: String) -> JSON? { conditions.first { $0.type.text == type } }

    static func make(
        _ type: String, _ isTrue: Bool, reason: String, message: String, at now: Timestamp
    ) -> JSON {
        [
            "type": .string(type), "status": isTrue ? "True" : "False",
            "lastTransitionTime": .string(now.rfc3339), "reason": .string(reason), "message": .string(message),
        ]
    }

    /// Replaces the condition of that type, or appends it. The transition time stays when the status does; nothing
    /// changes when status, reason and message stay.
    static func set(_ conditions: inout [JSON], _ condition: JSON) {
        guard let i = conditions.firstIndex(where: { $0.type == condition.type }) else {
            conditions.append(condition)
            return
        }
        let old: JSON = conditions[i]
        if old.status == condition.status, old.reason == condition.reason, old.message == condition.message { return }
        var new: JSON = condition
        if old.status == condition.status { new.lastTransitionTime = old.lastTransitionTime }
        conditions[i] = new
    }

    static func remove(_ conditions: inout [JSON], _ type: String) {
        conditions.removeAll { $0.type.text == type }
    }
}
