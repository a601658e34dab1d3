// The `date-time` format of schemas.

import KubeBase

enum DateTime {
    static func isValid(_ text: String) -> Bool { Timestamp(rfc3339: text) != nil }
}
