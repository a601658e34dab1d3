// Which pods go first when there are too many: upstream's ActivePodsWithRanks.

import KubeBase
import KubeWire

/// The smallest goes first. `doubles` is the number of related active pods on the same node.
struct DeletionRank: Sendable, Comparable {
    private let isAssigned: Bool
    /// Pending 0, Unknown 1, Running 2
    private let phase: Int
    private let isReady: Bool
    private let cost: Int32
    private let doubles: Int
    /// Seconds ready and seconds old on a logarithmic scale, so that ages of one order are equal; nil: no time known.
    private let readyAge: Int?
    private let restarts: Int
    private let age: Int?
    private let uid: String

    init(_ pod: JSON, doubles: Int, now: Timestamp) {
        isAssigned = !pod.spec.nodeName.text.isEmpty
        switch pod.status.phase.text {
        case "Running": phase = 2
        case "Unknown": phase = 1
        default: phase = 0
        }
        isReady = Pod.isReady(pod)
        cost = Pod.deletionCost(pod)
        self.doubles = doubles
        readyAge = Pod.readySince(pod).map { Self.scale(now - $0) }
        restarts = Pod.restarts(pod)
        age = pod.metadata.creationTimestamp.asString.flatMap { Timestamp(rfc3339: $0) }.map { Self.scale(now - $0) }
        uid = pod.metadata.uid.text
    }

    private static func scale(_ age: Duration) -> Int {
        let nanoseconds: Double = Double(age.components.seconds) * 1e9 + Double(age.components.attoseconds) / 1e9
        guard nanoseconds >= 1 else { return -1 }
        return Int(nanoseconds).bitWidth - Int(nanoseconds).leadingZeroBitCount - 1
    }

    static func < (a: DeletionRank, b: DeletionRank) -> Bool {
        if a.isAssigned != b.isAssigned { return !a.isAssigned }
        if a.phase != b.phase { return a.phase < b.phase }
        if a.isReady != b.isReady { return !a.isReady }
        if a.cost != b.cost { return a.cost < b.cost }
        if a.doubles != b.doubles { return a.doubles > b.doubles }
        if a.isReady, b.isReady, a.readyAge != b.readyAge {
            // An unknown time counts as the newest.
            guard let x = a.readyAge, let y = b.readyAge else { return a.readyAge == nil }
            return x < y
        }
        if a.restarts != b.restarts { return a.restarts > b.restarts }
        if a.age != b.age {
            guard let x = a.age, let y = b.age else { return a.age == nil }
            return x < y
        }
        return a.uid < b.uid
    }
}
