// All priority levels together: a request is classified, queued in its level, and seats are lent between levels.

import KubeWire

/// API Priority and Fairness (KEP-1040) without clock, task or lock: see `Fairness` for those.
struct FairnessBrain: Sendable {
    struct Level: Sendable {
        var settings: PriorityLevel
        var range: SeatRange
        var queues: FairQueues
        var demand: SeatDemand = SeatDemand()
        /// Gone from the configuration; its requests drain.
        var isLeaving: Bool = false
        var exemptExecuting: Int = 0
        var exemptSeats: Int = 0
        var isContended: Bool = false

        var executing: Int { settings.isExempt ? exemptExecuting : queues.executingCount }
        var seats: Int { settings.isExempt ? exemptSeats : queues.seatsInUse }
        var limit: Int { settings.isExempt ? range.nominal : queues.limit }
    }
    struct Counts: Sendable {
        var dispatched: Int = 0
        var rejected: [FairQueues.Rejection: Int] = [:]
        var waiting: Int = 0
        var executing: Int = 0
        var seats: Int = 0
    }
    /// A schema in use, with its counters.
    struct Schema: Sendable {
        var schema: FlowSchema
        var level: Int
        /// Index of `counts`.
        var counter: Int
    }
    /// A running request's claim.
    struct Ticket: Sendable {
        var schema: Int
        var level: Int
        /// nil: exempt.
        var seat: FairQueues.Seat?
        var width: RequestWidth
        var started: Int64
    }
    enum Arrival: Sendable {
        case executing(Ticket)
        case queued(id: UInt64, queue: Int)
        case rejected(FairQueues.Rejection)
    }
    struct Waiter: Sendable {
        var schema: Int
        var level: Int
        var queue: Int
        var arrived: Int64
        var deadline: Int64
    }

    /// Between adjustments of what is lent while levels are contended, and the least time between two.
    static let lendingNanoseconds: Int64 = 10_000_000_000
    static let lendingNanosecondsMin: Int64 = 1_000_000_000

    let serverSeats: Int
    private(set) var levels: [Level] = []
    private var levelByName: [String: Int] = [:]
    /// In matching order; those whose level does not exist are left out.
    private(set) var schemas: [Schema] = []
    private(set) var counts: [Counts] = []
    private var candidates: [FlowSubject: [(schema: Int, rule: Int)]] = [:]
    /// Users whose rules are remembered.
    static let candidatesMax: Int = 2_048
    /// Every schema ever counted, so that counters never fall: index of `counts`.
    private var countIndex: [String: Int] = [:]
    private(set) var countNames: [(schema: String, level: String)] = []
    private(set) var waiters: [UInt64: Waiter] = [:]
    /// In order of arrival, which is the order of their deadlines.
    private var deadlines: [UInt64] = []
    private var deadlinesHead: Int = 0
    private var nextID: UInt64 = 1
    private var lent: Int64 = 0
    private var isLent: Bool = false

    init(serverSeats: Int, levels: [PriorityLevel], schemas: [FlowSchema]) {
        self.serverSeats = serverSeats
        configure(levels: levels, schemas: schemas)
    }

    // MARK: configuration

    mutating func configure(levels new: [PriorityLevel], schemas newSchemas: [FlowSchema]) {
        let sum: Int = new.reduce(0) { $0 + $1.shares }
        let names: Set<String> = Set(new.map { $0.name })
        for i in levels.indices { levels[i].isLeaving = !names.contains(levels[i].settings.name) }
        for settings in new {
            let range: SeatRange = SeatRange(settings, serverSeats: serverSeats, sharesSum: sum)
            if let i = levelByName[settings.name] {
                levels[i].queues.configure(settings.overload)
                if levels[i].range != range { levels[i].queues.limit = max(1, range.nominal) }
                levels[i].settings = settings
                levels[i].range = range
            } else {
                levelByName[settings.name] = levels.count
                levels.append(
                    Level(
                        settings: settings, range: range,
                        queues: FairQueues(settings.overload, limit: max(1, range.nominal))))
            }
        }
        schemas = []
        candidates = [:]
        for schema in newSchemas.sorted(by: { FlowSchema.precedes($0, $1) }) {
            guard let level = levelByName[schema.level], !levels[level].isLeaving else { continue }
            schemas.append(Schema(schema: schema, level: level, counter: counter(schema.name, level)))
        }
    }

    private mutating func counter(_ schema: String, _ level: Int) -> Int {
        let key: String = schema + "/" + levels[level].settings.name
        if let known = countIndex[key] { return known }
        countIndex[key] = counts.count
        counts.append(Counts())
        countNames.append((schema, levels[level].settings.name))
        return counts.count - 1
    }

    // MARK: requests

    /// The index of the first schema that matches. Which rules can match somebody at all is remembered.
    mutating func classify(_ request: FlowDigest) -> Int? {
        let rules: [(schema: Int, rule: Int)] = candidates[request.user] ?? remember(request.user)
        return rules.first { schemas[$0.schema].schema.rules[$0.rule].covers(request) }?.schema
    }

    private mutating func remember(_ user: FlowSubject) -> [(schema: Int, rule: Int)] {
        var mine: [(schema: Int, rule: Int)] = []
        for (i, entry) in schemas.enumerated() {
            for (j, rule) in entry.schema.rules.enumerated() where rule.hasSubject(user) { mine.append((i, j)) }
        }
        if candidates.count >= FairnessBrain.candidatesMax { candidates = [:] }
        candidates[user] = mine
        return mine
    }

    func nominalSeats(schema: Int) -> Int { levels[schemas[schema].level].range.nominal }

    /// `waitNanoseconds`: how long it may wait for its turn.
    mutating func arrive(
        schema index: Int, flow: String, width: RequestWidth, waitNanoseconds: Int64, now: Int64
    ) -> Arrival {
        let l: Int = schemas[index].level
        let c: Int = schemas[index].counter
        if levels[l].settings.isExempt {
            levels[l].exemptExecuting += 1
            levels[l].exemptSeats += width.seats
            count(started: c, width)
            return .executing(Ticket(schema: c, level: l, seat: nil, width: width, started: now))
        }
        let hash: UInt64 = ShuffleShard.hash(schemas[index].schema.name, flow)
        let id: UInt64 = nextID
        let arrival: FairQueues.Arrival = levels[l].queues.arrive(id, hash: hash, width: width, now: now)
        levels[l].demand.set(levels[l].queues.demand, now: now)
        switch arrival {
        case .executing(let seat):
            count(started: c, width)
            if isLent, now - lent >= FairnessBrain.lendingNanoseconds { lend(now) }
            return .executing(Ticket(schema: c, level: l, seat: seat, width: width, started: now))
        case .queued(let queue):
            nextID += 1
            counts[c].waiting += 1
            waiters[id] = Waiter(schema: c, level: l, queue: queue, arrived: now, deadline: now + waitNanoseconds)
            deadlines.append(id)
            contended(l, now)
            return .queued(id: id, queue: queue)
        case .rejected(let why):
            counts[c].rejected[why, default: 0] += 1
            contended(l, now)
            return .rejected(why)
        }
    }

    private mutating func count(started c: Int, _ width: RequestWidth) {
        counts[c].dispatched += 1
        counts[c].executing += 1
        counts[c].seats += width.seats
    }

    mutating func finish(_ ticket: Ticket, now: Int64) {
        counts[ticket.schema].executing -= 1
        counts[ticket.schema].seats -= ticket.width.seats
        guard let seat = ticket.seat else {
            levels[ticket.level].exemptExecuting -= 1
            levels[ticket.level].exemptSeats -= ticket.width.seats
            return
        }
        levels[ticket.level].queues.finish(seat, now: now)
        levels[ticket.level].demand.set(levels[ticket.level].queues.demand, now: now)
    }

    /// Those whose turn it is in a level.
    mutating func dispatch(level l: Int, now: Int64) -> [(id: UInt64, ticket: Ticket)] {
        guard levels[l].queues.waitingCount > 0 else { return [] }
        var started: [(id: UInt64, ticket: Ticket)] = []
        levels[l].queues.dispatch(now: now) { waiting, seat in
            started.append((waiting.id, Ticket(schema: 0, level: l, seat: seat, width: waiting.width, started: now)))
        }
        for i in started.indices {
            guard let waiter = waiters.removeValue(forKey: started[i].id) else { continue }
            started[i].ticket.schema = waiter.schema
            counts[waiter.schema].waiting -= 1
            count(started: waiter.schema, started[i].ticket.width)
        }
        return started
    }

    /// False: it runs already, or was refused.
    mutating func cancel(_ id: UInt64, why: FairQueues.Rejection, now: Int64) -> Bool {
        guard let waiter = waiters[id] else { return false }
        guard levels[waiter.level].queues.cancel(id, queue: waiter.queue, now: now) else { return false }
        waiters[id] = nil
        counts[waiter.schema].waiting -= 1
        counts[waiter.schema].rejected[why, default: 0] += 1
        levels[waiter.level].demand.set(levels[waiter.level].queues.demand, now: now)
        return true
    }

    // MARK: time

    /// Whoever has waited too long.
    mutating func expire(now: Int64) -> [UInt64] {
        var out: [UInt64] = []
        while let id = firstDeadline, let waiter = waiters[id], waiter.deadline <= now {
            if cancel(id, why: .timeOut, now: now) { out.append(id) }
        }
        return out
    }

    private var firstDeadline: UInt64? {
        mutating get {
            while deadlinesHead < deadlines.count, waiters[deadlines[deadlinesHead]] == nil { deadlinesHead += 1 }
            if deadlinesHead > 1024, deadlinesHead * 2 > deadlines.count {
                deadlines.removeFirst(deadlinesHead)
                deadlinesHead = 0
            }
            return deadlinesHead < deadlines.count ? deadlines[deadlinesHead] : nil
        }
    }

    /// When something is due though nobody comes or goes; nil: nothing is.
    mutating func nextDue() -> Int64? {
        guard let id = firstDeadline, let first = waiters[id] else { return nil }
        var due: Int64 = min(first.deadline, lent + FairnessBrain.lendingNanosecondsMin)
        for level in levels where level.queues.waitingCount > 0 {
            if let release = level.queues.nextRelease { due = min(due, release) }
        }
        return due
    }

    private mutating func contended(_ l: Int, _ now: Int64) {
        levels[l].isContended = true
        if now - lent >= FairnessBrain.lendingNanosecondsMin { lend(now) }
    }

    /// Lends seats by what was asked for; back to the nominal numbers when nobody was short of any.
    mutating func lend(_ now: Int64) {
        lent = now
        var claims: [SeatLending.Claim] = []
        var limited: [Int] = []
        var isShort: Bool = false
        for i in levels.indices where !levels[i].settings.isExempt && !levels[i].isLeaving {
            let (high, smoothed): (Int, Double) = levels[i].demand.settle(now: now)
            claims.append(SeatLending.Claim(range: levels[i].range, high: high, smoothed: smoothed))
            limited.append(i)
            isShort = isShort || levels[i].isContended || levels[i].queues.waitingCount > 0
            levels[i].isContended = false
        }
        isLent = isShort
        let limits: [Int] =
            isShort
            ? SeatLending.limits(claims, serverSeats: serverSeats) : claims.map { max(1, $0.range.nominal) }
        for (i, limit) in zip(limited, limits) { levels[i].queues.limit = limit }
    }

    /// Levels that have both requests waiting and room: after `lend`, or when seats came free by time alone.
    var waitingLevels: [Int] { levels.indices.filter { levels[$0].queues.waitingCount > 0 } }
}
