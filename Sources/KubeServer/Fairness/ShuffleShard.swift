// A flow's hand of queues: two flows seldom share all of theirs, so one heavy flow can't crowd out another.

struct ShuffleShard: Sendable {
    let queues: Int
    let handSize: Int

    /// FNV-1a of a flow's parts; stable, so that a flow keeps its hand.
    static func hash(_ schema: String, _ flow: String) -> UInt64 {
        var h: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in schema.utf8 { h = (h ^ UInt64(byte)) &* 0x100_0000_01b3 }
        h = (h ^ 0xff) &* 0x100_0000_01b3
        for byte in flow.utf8 { h = (h ^ UInt64(byte)) &* 0x100_0000_01b3 }
        // The low bits of FNV are good, the high ones of short texts are not.
        h ^= h >> 33
        h = h &* 0xff51_afd7_ed55_8ccd
        return h ^ (h >> 33)
    }

    /// Calls `see` for each queue of the hand: `handSize` distinct ones, all hands equally likely.
    func deal(_ hash: UInt64, _ see: (Int) -> Void) {
        // Each card is drawn among those left; taken ones before it shift it up (as upstream's dealer does).
        var rest: UInt64 = hash
        withUnsafeTemporaryAllocation(of: Int.self, capacity: handSize) { taken in
            for i in 0..<handSize {
                let left: UInt64 = UInt64(queues - i)
                var card: Int = Int(rest % left)
                rest /= left
                // Hashes are short for large hands: stir again.
                if rest < left { rest = (hash &+ UInt64(i)) &* 0x9e37_79b9_7f4a_7c15 }
                var at: Int = 0
                while at < i, taken[at] <= card {
                    card += 1
                    at += 1
                }
                var j: Int = i
                while j > at {
                    taken[j] = taken[j - 1]
                    j -= 1
                }
                taken[at] = card
                see(card)
            }
        }
    }
}
