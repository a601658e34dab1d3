// The brain of one probe: thresholds over a row of results.

import KubeWire

struct ProbeCount: Sendable {
    let successThreshold: Int
    let failureThreshold: Int
    private(set) var isSuccess: Bool?
    private var last: Bool?
    private var run: Int = 0

    init(_ probe: JSON) {
        successThreshold = max(1, probe.successThreshold.asInt ?? 1)
        failureThreshold = max(1, probe.failureThreshold.asInt ?? 3)
    }

    /// True when the verdict is due: the row is as long as its threshold asks. Also told again at each further result.
    mutating func on(_ success: Bool) -> Bool {
        run = last == success ? run + 1 : 1
        last = success
        guard run >= (success ? successThreshold : failureThreshold) else { return false }
        isSuccess = success
        return true
    }
}
