// A count or a percentage as it stands in the API.

import KubeModel
import KubeWire

enum IntOrStringValue {
    /// nil when absent or malformed; percentages round up.
    static func scaled(_ json: JSON, of total: Int, roundsUp: Bool = true) -> Int? {
        IntOrString(json).flatMap { $0.scaled(total: total, roundsUp: roundsUp) }
    }
}
