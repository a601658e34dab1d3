// The queues of one priority level: seats are given so that every flow gets its share of time, whatever others ask.

/// Fair queuing by virtual time, as in upstream's fairqueuing package: R grows as each busy queue's fair share of seat
/// time does; a queue's next request is served in the order of the R at which it would end if served fairly.
/// Times are nanoseconds of a monotonic clock. A value: no clock, no task.
struct FairQueues: Sendable {
    /// What a request is thought to take before it has run, in seconds.
    static let guessSeconds: Double = 0.003

    struct Waiting: Sendable {
        var id: UInt64
        var width: RequestWidth
        var arrived: Int64
    }
    private struct Queue: Sendable {
        var waiting: [Waiting] = []
        var waitingSeats: Int = 0
        var executing: Int = 0
        var seats: Int = 0
        /// The R at which its next request starts.
        var nextR: Double = 0
        var isIdle: Bool { waiting.isEmpty && executing == 0 }
    }
    /// A seat that is held on after its request has ended: watchers are still being told.
    private struct Lingering: Sendable {
        var until: Int64
        var seats: Int
        var queue: Int
    }
    /// What runs, for `finish`.
    struct Seat: Sendable {
        var queue: Int
        var width: RequestWidth
        var started: Int64
    }
    enum Arrival: Sendable {
        case executing(Seat)
        case queued(queue: Int)
        case rejected(Rejection)
    }
    enum Rejection: String, Sendable {
        case queueFull = "queue-full"
        case concurrencyLimit = "concurrency-limit"
        case timeOut = "time-out"
        case cancelled = "cancelled"
    }

    private var queues: [Queue] = []
    private var lingering: [Lingering] = []
    private var overload: PriorityLevel.Overload
    private var shard: ShuffleShard
    /// Seats that may be in use at a time.
    var limit: Int
    private(set) var seatsInUse: Int = 0
    private(set) var executingCount: Int = 0
    private(set) var waitingCount: Int = 0
    private(set) var waitingSeats: Int = 0
    private var busyQueues: Int = 0
    private var virtualTime: Double = 0
    private var last: Int64 = 0

    init(_ overload: PriorityLevel.Overload, limit: Int) {
        self.limit = limit
        self.overload = overload
        shard = ShuffleShard(queues: 1, handSize: 1)
        configure(overload)
    }

    /// Queues that are no longer dealt drain.
    mutating func configure(_ overload: PriorityLevel.Overload) {
        self.overload = overload
        var count: Int = 1
        var hand: Int = 1
        if case .queue(let queues, let handSize, _) = overload { (count, hand) = (queues, handSize) }
        shard = ShuffleShard(queues: count, handSize: hand)
        if queues.count < count { queues += [Queue](repeating: Queue(), count: count - queues.count) }
    }

    var demand: Int { seatsInUse + waitingSeats }
    var isQuiet: Bool { executingCount == 0 && waitingCount == 0 && lingering.isEmpty }
    /// When seats that are held on come free; nil: none are.
    var nextRelease: Int64? { lingering.first?.until }

    private mutating func advance(to now: Int64) {
        if busyQueues > 0, now > last {
            let wanted: Int = min(demand, max(1, limit))
            virtualTime += Double(now - last) * 1e-9 * Double(wanted) / Double(busyQueues)
        }
        last = max(last, now)
        while let first = lingering.first, first.until <= now {
            lingering.removeFirst()
            seatsInUse -= first.seats
            queues[first.queue].seats -= first.seats
        }
    }

    private func fits(_ seats: Int) -> Bool {
        // A request wider than the level runs alone.
        seats > limit ? seatsInUse == 0 : seatsInUse + seats <= limit
    }

    mutating func arrive(_ id: UInt64, hash: UInt64, width: RequestWidth, now: Int64) -> Arrival {
        advance(to: now)
        let canRun: Bool = waitingCount == 0 && fits(width.seats)
        guard case .queue(_, _, let lengthMax) = overload else {
            guard canRun else { return .rejected(.concurrencyLimit) }
            wake(0)
            return .executing(start(0, width, now))
        }
        let q: Int = leastLoaded(hash)
        if canRun {
            wake(q)
            return .executing(start(q, width, now))
        }
        guard queues[q].waiting.count < lengthMax else { return .rejected(.queueFull) }
        wake(q)
        queues[q].waiting.append(Waiting(id: id, width: width, arrived: now))
        queues[q].waitingSeats += width.seats
        waitingCount += 1
        waitingSeats += width.seats
        return .queued(queue: q)
    }

    private func leastLoaded(_ hash: UInt64) -> Int {
        var best: Int = -1
        var least: Int = .max
        shard.deal(hash) { q in
            let load: Int = queues[q].seats + queues[q].waitingSeats
            if load < least {
                least = load
                best = q
            }
        }
        return best
    }

    /// A queue that was idle has no claim to the time that it did not use.
    private mutating func wake(_ q: Int) {
        guard queues[q].isIdle else { return }
        queues[q].nextR = virtualTime
        busyQueues += 1
    }

    private mutating func start(_ q: Int, _ width: RequestWidth, _ now: Int64) -> Seat {
        queues[q].executing += 1
        queues[q].seats += width.seats
        queues[q].nextR += FairQueues.guessSeconds * Double(width.seats)
        executingCount += 1
        seatsInUse += width.seats
        return Seat(queue: q, width: width, started: now)
    }

    /// Starts what has seats now; the caller tells those who waited.
    mutating func dispatch(now: Int64, _ started: (Waiting, Seat) -> Void) {
        advance(to: now)
        while waitingCount > 0 {
            var best: Int = -1
            var earliest: Double = .infinity
            for q in queues.indices where !queues[q].waiting.isEmpty {
                let end: Double = queues[q].nextR + queues[q].waiting[0].width.work
                if end < earliest {
                    earliest = end
                    best = q
                }
            }
            // Whoever's turn it is waits for its seats: narrower ones behind it would starve it.
            guard best >= 0, fits(queues[best].waiting[0].width.seats) else { return }
            let next: Waiting = remove(best, 0)
            started(next, start(best, next.width, now))
        }
    }

    private mutating func remove(_ q: Int, _ at: Int) -> Waiting {
        let w: Waiting = queues[q].waiting.remove(at: at)
        queues[q].waitingSeats -= w.width.seats
        waitingCount -= 1
        waitingSeats -= w.width.seats
        return w
    }

    /// A request has ended; then `dispatch`.
    mutating func finish(_ seat: Seat, now: Int64) {
        advance(to: now)
        let q: Int = seat.queue
        let took: Double = Double(max(0, now - seat.started)) * 1e-9
        queues[q].nextR += (took - FairQueues.guessSeconds) * Double(seat.width.seats) + seat.width.extraWork
        queues[q].executing -= 1
        queues[q].seats -= seat.width.seats
        executingCount -= 1
        seatsInUse -= seat.width.seats
        if seat.width.extraSeats > 0 { linger(seat, now) }
        if queues[q].isIdle { busyQueues -= 1 }
    }

    private mutating func linger(_ seat: Seat, _ now: Int64) {
        let until: Int64 = now + seat.width.extraNanoseconds
        let at: Int = lingering.lastIndex { $0.until <= until }.map { $0 + 1 } ?? 0
        lingering.insert(Lingering(until: until, seats: seat.width.extraSeats, queue: seat.queue), at: at)
        seatsInUse += seat.width.extraSeats
        queues[seat.queue].seats += seat.width.extraSeats
    }

    /// False: it does not wait any more.
    mutating func cancel(_ id: UInt64, queue q: Int, now: Int64) -> Bool {
        advance(to: now)
        guard q < queues.count, let at = queues[q].waiting.firstIndex(where: { $0.id == id }) else { return false }
        _ = remove(q, at)
        if queues[q].isIdle { busyQueues -= 1 }
        return true
    }
}
