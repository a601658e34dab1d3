// How many requests of one priority may run: flowcontrol.apiserver.k8s.io/v1 PriorityLevelConfiguration as a value.

import KubeWire

struct PriorityLevel: Sendable, Equatable {
    /// What becomes of a request that finds no seat.
    enum Overload: Sendable, Equatable {
        case reject
        case queue(queues: Int, handSize: Int, lengthMax: Int)
    }

    var name: String
    var uid: String
    /// Never waits, never refused.
    var isExempt: Bool
    /// Its part of the server's seats among all levels' shares.
    var shares: Int
    /// Percent of its own seats that others may borrow.
    var lendablePercent: Int
    /// Percent of its own seats that it may borrow beside them; nil: as many as there are.
    var borrowingPercent: Int?
    var overload: Overload

    init(_ object: JSON) {
        let spec: JSON = object.spec
        name = object.metadata.name.text
        uid = object.metadata.uid.text
        isExempt = spec.type.text == "Exempt"
        let limits: JSON = isExempt ? spec.exempt : spec.limited
        shares = max(0, limits.nominalConcurrencyShares.asInt ?? (isExempt ? 0 : 30))
        lendablePercent = min(100, max(0, limits.lendablePercent.asInt ?? 0))
        borrowingPercent = limits.borrowingLimitPercent.asInt
        let response: JSON = limits.limitResponse
        if !isExempt, response.type.text == "Queue" {
            let queues: Int = min(max(1, response.queuing.queues.asInt ?? 64), FairnessDefaults.queuesMax)
            overload = .queue(
                queues: queues, handSize: min(max(1, response.queuing.handSize.asInt ?? 8), queues),
                lengthMax: max(1, response.queuing.queueLengthLimit.asInt ?? 50))
        } else {
            overload = .reject
        }
    }
}

/// The seats that a level's shares come to.
struct SeatRange: Sendable, Equatable {
    var nominal: Int
    /// What is left when everything lendable is lent.
    var lower: Int
    var upper: Int

    init(_ level: PriorityLevel, serverSeats: Int, sharesSum: Int) {
        let part: Double = sharesSum > 0 ? Double(level.shares) / Double(sharesSum) : 0
        let nominal: Int = Int((Double(serverSeats) * part).rounded(.up))
        self.nominal = nominal
        lower = nominal - Int((Double(nominal) * Double(level.lendablePercent) / 100).rounded())
        upper =
            level.borrowingPercent.map { nominal + Int((Double(nominal) * Double($0) / 100).rounded()) }
            ?? max(serverSeats, nominal)
    }
}
