// How many seats a level asked for lately, and what it is lent for it.

/// Time-weighted mean, spread and top of a level's demand since the last adjustment.
struct SeatDemand: Sendable {
    private var current: Double = 0
    private var since: Int64 = 0
    private var start: Int64 = 0
    private var sum: Double = 0
    private var squares: Double = 0
    private(set) var high: Int = 0
    /// Smoothed over adjustments: rises at once, falls slowly.
    private(set) var smoothed: Double = 0
    /// Of upstream: a half-life of five minutes at an adjustment every 10 s.
    static let keptPart: Double = 0.977

    mutating func set(_ seats: Int, now: Int64) {
        let passed: Double = Double(max(0, now - since))
        sum += current * passed
        squares += current * current * passed
        since = max(since, now)
        current = Double(seats)
        high = max(high, seats)
    }

    /// Ends a period; the new smoothed demand.
    mutating func settle(now: Int64) -> (high: Int, smoothed: Double) {
        set(Int(current), now: now)
        let passed: Double = Double(now - start)
        let mean: Double = passed > 0 ? sum / passed : current
        let variance: Double = passed > 0 ? max(0, squares / passed - mean * mean) : 0
        let envelope: Double = min(Double(high), mean + variance.squareRoot())
        smoothed = max(envelope, SeatDemand.keptPart * smoothed + (1 - SeatDemand.keptPart) * envelope)
        let top: Int = high
        (sum, squares, start, high) = (0, 0, now, Int(current))
        return (top, smoothed)
    }
}

/// Lending: every level gets the same multiple of what it asked for, within its own bounds, so that all seats are given.
enum SeatLending {
    struct Claim: Sendable {
        var range: SeatRange
        var high: Int
        var smoothed: Double
    }

    static func limits(_ claims: [Claim], serverSeats: Int) -> [Int] {
        let floors: [Double] = claims.map { Double(max($0.range.lower, min($0.range.nominal, $0.high))) }
        let total: Double = Double(serverSeats)
        if floors.reduce(0, +) >= total { return floors.map { max(1, Int($0)) } }
        func given(_ p: Double) -> [Double] {
            zip(claims, floors).map { claim, floor in
                min(Double(claim.range.upper), max(floor, p * max(1, floor, claim.smoothed)))
            }
        }
        var low: Double = 0
        var high: Double = total + 1
        for _ in 0..<50 {
            let p: Double = (low + high) / 2
            if given(p).reduce(0, +) > total { high = p } else { low = p }
        }
        return given(low).map { max(1, Int($0.rounded(.down))) }
    }
}
