// The gate of the API server: lock, clock and waiting around `FairnessBrain`.

import Glibc
import KubeBase
import KubeModel
import Synchronization

/// A request enters before it is authorized and leaves when its answer is made. Nobody waits on an idle server:
/// entering and leaving are then two short critical sections.
final class Fairness: Sendable {
    fileprivate typealias Turn = CheckedContinuation<FairnessBrain.Ticket?, Never>
    fileprivate struct State {
        var brain: FairnessBrain
        var turns: [UInt64: Turn] = [:]
        /// Tickets and refusals of those who do not wait in `turns` yet.
        var early: [UInt64: FairnessBrain.Ticket?] = [:]
        /// When `run` wakes by itself.
        var armed: Int64 = .max
    }

    /// Held while a request is in flight.
    struct Place: Sendable {
        fileprivate let fairness: Fairness?
        fileprivate let ticket: FairnessBrain.Ticket?
        let schemaUID: String
        let levelUID: String
        let waitedSeconds: Double
        func leave() { if let fairness, let ticket { fairness.leave(ticket) } }
    }
    enum Entrance: Sendable {
        case admitted(Place)
        case refused(schemaUID: String, levelUID: String, FairQueues.Rejection)
    }

    private let state: Mutex<State>
    private let pokes: AsyncStream<Void>
    private let poke: AsyncStream<Void>.Continuation
    let metrics: FairnessMetrics

    init(serverSeats: Int) {
        let levels: [PriorityLevel] = FairnessDefaults.levels.map { PriorityLevel($0) }
        let schemas: [FlowSchema] = FairnessDefaults.schemas.map { FlowSchema($0) }
        state = Mutex(State(brain: FairnessBrain(serverSeats: serverSeats, levels: levels, schemas: schemas)))
        (pokes, poke) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        metrics = FairnessMetrics()
    }

    static func now() -> Int64 {
        var t: timespec = timespec()
        clock_gettime(CLOCK_MONOTONIC, &t)
        return Int64(t.tv_sec) * 1_000_000_000 + Int64(t.tv_nsec)
    }

    func configure(levels: [PriorityLevel], schemas: [FlowSchema]) {
        let now: Int64 = Fairness.now()
        let resumed: [() -> Void] = state.withLock { s in
            s.brain.configure(levels: levels, schemas: schemas)
            return s.brain.waitingLevels.flatMap { s.start($0, now) }
        }
        for resume in resumed { resume() }
    }

    /// A view for metrics and tests.
    var view: FairnessBrain { state.withLock { $0.brain } }

    // MARK: requests

    /// Returns when it is this request's turn. `width` is asked with the seats that the level has of its own.
    func enter(
        _ request: FlowDigest, waitNanoseconds: Int64, width: (_ nominalSeats: Int) -> RequestWidth
    ) async -> Entrance {
        let now: Int64 = Fairness.now()
        enum Step {
            case done(Entrance)
            case wait(UInt64, schemaUID: String, levelUID: String, names: (schema: String, level: String))
        }
        let step: Step = state.withLock { s in
            guard let index = s.brain.classify(request) else {
                // Nothing matches only while somebody has broken catch-all: it is put back at once.
                return .done(
                    .admitted(Place(fairness: nil, ticket: nil, schemaUID: "", levelUID: "", waitedSeconds: 0)))
            }
            let schema: FairnessBrain.Schema = s.brain.schemas[index]
            let levelUID: String = s.brain.levels[schema.level].settings.uid
            let arrival: FairnessBrain.Arrival = s.brain.arrive(
                schema: index, flow: schema.schema.flow(request), width: width(s.brain.nominalSeats(schema: index)),
                waitNanoseconds: waitNanoseconds, now: now)
            switch arrival {
            case .executing(let ticket):
                return .done(
                    .admitted(
                        Place(
                            fairness: self, ticket: ticket, schemaUID: schema.schema.uid, levelUID: levelUID,
                            waitedSeconds: 0)))
            case .rejected(let why):
                return .done(.refused(schemaUID: schema.schema.uid, levelUID: levelUID, why))
            case .queued(let id, _):
                arm(&s)
                return .wait(
                    id, schemaUID: schema.schema.uid, levelUID: levelUID,
                    names: s.brain.countNames[schema.counter])
            }
        }
        switch step {
        case .done(let entrance): return entrance
        case .wait(let id, let schemaUID, let levelUID, let names):
            let ticket: FairnessBrain.Ticket? = await turn(id)
            let waited: Double = Double(Fairness.now() - now) * 1e-9
            metrics.waited(waited, execute: ticket != nil, schema: names.schema, level: names.level)
            guard let ticket else {
                let why: FairQueues.Rejection = Task.isCancelled ? .cancelled : .timeOut
                return .refused(schemaUID: schemaUID, levelUID: levelUID, why)
            }
            return .admitted(
                Place(
                    fairness: self, ticket: ticket, schemaUID: schemaUID, levelUID: levelUID, waitedSeconds: waited))
        }
    }

    private func turn(_ id: UInt64) async -> FairnessBrain.Ticket? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { (turn: Turn) in
                let answer: FairnessBrain.Ticket?? = state.withLock { s in
                    if let early = s.early.removeValue(forKey: id) { return .some(early) }
                    s.turns[id] = turn
                    return nil
                }
                if let answer { turn.resume(returning: answer) }
            }
        } onCancel: {
            let turn: Turn? = state.withLock { s in
                guard s.brain.cancel(id, why: .cancelled, now: Fairness.now()) else { return nil }
                guard let turn = s.turns.removeValue(forKey: id) else {
                    s.early[id] = .some(nil)
                    return nil
                }
                return turn
            }
            turn?.resume(returning: nil)
        }
    }

    private func leave(_ ticket: FairnessBrain.Ticket) {
        let now: Int64 = Fairness.now()
        let resumed: [() -> Void] = state.withLock { s in
            s.brain.finish(ticket, now: now)
            guard s.brain.levels[ticket.level].queues.waitingCount > 0 else { return [] }
            let started: [() -> Void] = s.start(ticket.level, now)
            arm(&s)
            return started
        }
        for resume in resumed { resume() }
    }

    // MARK: time

    /// Sees to it that `run` wakes in time.
    private func arm(_ s: inout State) {
        guard let due = s.brain.nextDue(), due < s.armed else { return }
        s.armed = due
        poke.yield()
    }

    /// Refuses those who have waited too long, lends seats, and starts those whose seats came free by time alone.
    /// Sleeps without a timer while nobody waits.
    func run(_ clock: any TimeSource) async {
        while !Task.isCancelled {
            let due: Int64? = state.withLock { s in
                let due: Int64? = s.brain.nextDue()
                s.armed = due ?? .max
                return due
            }
            let now: Int64 = Fairness.now()
            if let due, due <= now {
                tick(now)
            } else {
                await pokedOrDue(due.map { $0 - now }, clock)
            }
        }
    }

    private func pokedOrDue(_ nanoseconds: Int64?, _ clock: any TimeSource) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in self.pokes { return } }
            if let nanoseconds { group.addTask { try? await clock.sleep(for: .nanoseconds(nanoseconds)) } }
            await group.next()
            group.cancelAll()
        }
    }

    func tick(_ now: Int64) {
        let resumed: [() -> Void] = state.withLock { s in
            var resumed: [() -> Void] = s.brain.expire(now: now).map { s.tell($0, nil) }
            if !s.brain.waitingLevels.isEmpty { s.brain.lend(now) }
            for level in s.brain.waitingLevels { resumed += s.start(level, now) }
            return resumed
        }
        for resume in resumed { resume() }
    }
}

extension Fairness.State {
    /// What to call outside the lock.
    fileprivate mutating func start(_ level: Int, _ now: Int64) -> [() -> Void] {
        brain.dispatch(level: level, now: now).map { tell($0.id, $0.ticket) }
    }

    fileprivate mutating func tell(_ id: UInt64, _ ticket: FairnessBrain.Ticket?) -> () -> Void {
        guard let turn = turns.removeValue(forKey: id) else {
            early[id] = .some(ticket)
            return {}
        }
        return { turn.resume(returning: ticket) }
    }
}
