// A number or a percentage of something: k8s.io/apimachinery/pkg/util/intstr.

package import KubeWire

package enum IntOrString: Sendable, Equatable, CustomStringConvertible {
    case int(Int)
    case string(String)

    /// `nil` when the value is neither an integer nor a string.
    package init?(_ json: JSON) {
        if let s = json.asString {
            self = .string(s)
        } else if let i = json.asInt {
            self = .int(i)
        } else {
            return nil
        }
    }

    package var description: String {
        switch self {
        case .int(let i): String(i)
        case .string(let s): s
        }
    }

    /// The number itself, or the percentage of `total` (`"25%"`), rounded up or down; `nil` when the text is no percentage.
    package func scaled(total: Int, roundsUp: Bool) -> Int? {
        switch self {
        case .int(let i): return i
        case .string(let s):
            guard s.hasSuffix("%"), let percent = Int(s.dropLast()) else { return nil }
            let (product, overflow): (Int, Bool) = percent.multipliedReportingOverflow(by: total)
            if overflow { return nil }
            let down: Int = product / 100
            return roundsUp && product % 100 > 0 ? down + 1 : down
        }
    }
}
