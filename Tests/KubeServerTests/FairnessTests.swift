// The brain of API Priority and Fairness under seeded traffic.

import KubeBase
import KubeModel
import KubeNet
import KubeWire
import Testing

@testable import KubeServer

/// SplitMix64.
private struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z: UInt64 = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

private func digest(
    _ verb: String, _ path: String, query: String = "", user: String, groups: [String]
) -> FlowDigest {
    let q: Query = Query(raw: query)
    let info: RequestInfo = RequestInfo(HTTPRequest(method: verb, path: path, rawQuery: query), q)
    return FlowDigest(UserInfo(name: user, groups: groups + ["system:authenticated"]), info)
}

@Suite struct FairnessTests {
    private static func brain(serverSeats: Int = 600) -> FairnessBrain {
        FairnessBrain(
            serverSeats: serverSeats, levels: FairnessDefaults.levels.map { PriorityLevel($0) },
            schemas: FairnessDefaults.schemas.map { FlowSchema($0) })
    }

    @Test(arguments: [
        ("GET", "/api/v1/pods", "admin", ["system:masters"], "exempt"),
        ("GET", "/readyz", "system:anonymous", ["system:unauthenticated"], "probes"),
        ("GET", "/version", "system:anonymous", ["system:unauthenticated"], "global-default"),
        (
            "PUT", "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/x", "system:kube-scheduler", [],
            "system-leader-election"
        ),
        ("PUT", "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n", "system:node:n", ["system:nodes"], "system-node-high"),
        ("PATCH", "/api/v1/nodes/n/status", "system:node:n", ["system:nodes"], "system-node-high"),
        ("GET", "/api/v1/namespaces/a/secrets/s", "system:node:n", ["system:nodes"], "system-nodes"),
        ("GET", "/api/v1/pods", "system:kube-scheduler", [], "kube-scheduler"),
        (
            "GET", "/api/v1/pods", "system:serviceaccount:kube-system:job-controller", ["system:serviceaccounts"],
            "kube-system-service-accounts"
        ),
        ("GET", "/api/v1/pods", "system:serviceaccount:a:b", ["system:serviceaccounts"], "service-accounts"),
        ("GET", "/api/v1/pods", "jane", [], "global-default"),
    ])
    func theSuggestedSchemasMatchAsUpstream(
        verb: String, path: String, user: String, groups: [String], schema: String
    ) {
        var brain: FairnessBrain = Self.brain()
        let found: Int? = brain.classify(digest(verb, path, user: user, groups: groups))
        #expect(found.map { brain.schemas[$0].schema.name } == schema)
    }

    @Test func nominalSeatsAreUpstreams() {
        // 600 seats over 245 shares.
        let brain: FairnessBrain = Self.brain()
        let seats: [String: Int] = Dictionary(
            uniqueKeysWithValues: brain.levels.map { ($0.settings.name, $0.range.nominal) })
        #expect(
            seats == [
                "exempt": 0, "catch-all": 13, "system": 74, "node-high": 98, "leader-election": 25,
                "workload-high": 98, "workload-low": 245, "global-default": 49,
            ])
    }

    @Test func handsAreDistinctAndEven() {
        var random: Seeded = Seeded(state: 7)
        let shard: ShuffleShard = ShuffleShard(queues: 64, handSize: 6)
        var seen: [Int] = [Int](repeating: 0, count: 64)
        for _ in 0..<20_000 {
            var hand: [Int] = []
            shard.deal(random.next()) { hand.append($0) }
            #expect(Set(hand).count == 6)
            for card in hand { seen[card] += 1 }
        }
        // 1,875 each; five standard deviations.
        #expect(seen.allSatisfy { abs($0 - 1875) < 210 }, "\(seen.min()!)…\(seen.max()!)")
    }

    @Test func anExemptRequestNeverWaits() {
        var brain: FairnessBrain = Self.brain(serverSeats: 1)
        let master: FlowDigest = digest("GET", "/api/v1/pods", user: "admin", groups: ["system:masters"])
        let schema: Int = brain.classify(master)!
        for i in 0..<10_000 {
            guard
                case .executing = brain.arrive(
                    schema: schema, flow: "", width: RequestWidth(), waitNanoseconds: 0, now: Int64(i))
            else {
                Issue.record("an exempt request waited")
                return
            }
        }
    }

    /// One flow sends a hundred times as much as each of nine others: the nine are served as if they were alone.
    @Test(arguments: [UInt64(1), 2, 3, 4, 5])
    func aHeavyFlowDoesNotStarveLightOnes(seed: UInt64) {
        var random: Seeded = Seeded(state: seed)
        var queues: FairQueues = FairQueues(.queue(queues: 64, handSize: 6, lengthMax: 50), limit: 4)
        var running: [(end: Int64, seat: FairQueues.Seat, flow: Int)] = []
        var flows: [UInt64: Int] = [:]
        var served: [Int] = [Int](repeating: 0, count: 10)
        var asked: [Int] = [Int](repeating: 0, count: 10)
        var waits: [Int64] = []
        var id: UInt64 = 0
        func length() -> Int64 { 10_000_000 }
        for millisecond in 0..<20_000 {
            let now: Int64 = Int64(millisecond) * 1_000_000
            for i in running.indices.reversed() where running[i].end <= now {
                queues.finish(running[i].seat, now: now)
                served[running[i].flow] += 1
                running.remove(at: i)
            }
            queues.dispatch(now: now) { waiting, seat in
                let flow: Int = flows.removeValue(forKey: waiting.id)!
                if flow > 0 { waits.append(now - waiting.arrived) }
                running.append((now + length(), seat, flow))
            }
            // Capacity: 4 seats / 10 ms = 400/s. Flow 0 asks 1,000/s, the others 10/s each.
            for flow in 0..<10 where flow == 0 || Int.random(in: 0..<100, using: &random) == 0 {
                id += 1
                asked[flow] += 1
                let hash: UInt64 = ShuffleShard.hash("s", "flow\(flow)")
                switch queues.arrive(id, hash: hash, width: RequestWidth(), now: now) {
                case .executing(let seat): running.append((now + length(), seat, flow))
                case .queued: flows[id] = flow
                case .rejected: #expect(flow == 0, "a light flow was refused")
                }
            }
        }
        for flow in 1..<10 { #expect(asked[flow] - served[flow] <= 2) }
        #expect(served[0] > 5_000, "the heavy flow gets what is left: \(served[0])")
        waits.sort()
        // Nobody light waits longer than a few turns of 10 ms.
        #expect(waits[waits.count * 99 / 100] <= 60_000_000)
    }

    /// Wide lists come to their turn though narrow requests would always fit.
    @Test func wideRequestsAreNotStarved() {
        var queues: FairQueues = FairQueues(.queue(queues: 16, handSize: 4, lengthMax: 50), limit: 10)
        var running: [(end: Int64, seat: FairQueues.Seat)] = []
        var started: Int64?
        var id: UInt64 = 0
        for millisecond in 0..<2_000 where started == nil {
            let now: Int64 = Int64(millisecond) * 1_000_000
            for i in running.indices.reversed() where running[i].end <= now {
                queues.finish(running[i].seat, now: now)
                running.remove(at: i)
            }
            queues.dispatch(now: now) { waiting, seat in
                if waiting.width.seats == 10 { started = now }
                running.append((now + 20_000_000, seat))
            }
            if millisecond == 100 {
                let width: RequestWidth = RequestWidth(seats: 10)
                _ = queues.arrive(1_000_000, hash: ShuffleShard.hash("s", "wide"), width: width, now: now)
            }
            for flow in 0..<2 {
                id += 1
                let hash: UInt64 = ShuffleShard.hash("s", "narrow\(flow)")
                if case .executing(let seat) = queues.arrive(id, hash: hash, width: RequestWidth(), now: now) {
                    running.append((now + 20_000_000, seat))
                }
            }
        }
        #expect(started != nil && started! - 100_000_000 < 500_000_000, "\(started ?? -1)")
    }

    /// Every arrival is answered once, nothing leaks, and no more seats are used than there are.
    @Test(arguments: [UInt64(11), 12, 13])
    func countsAddUp(seed: UInt64) {
        var random: Seeded = Seeded(state: seed)
        var brain: FairnessBrain = Self.brain(serverSeats: 40)
        var running: [(end: Int64, ticket: FairnessBrain.Ticket)] = []
        var queued: Set<UInt64> = []
        var (arrived, started, refused): (Int, Int, Int) = (0, 0, 0)
        var now: Int64 = 0
        let users: [String] = ["a", "b", "system:kube-scheduler", "system:serviceaccount:x:y"]
        for _ in 0..<20_000 {
            now += Int64.random(in: 0..<2_000_000, using: &random)
            if Int.random(in: 0..<3, using: &random) > 0 {
                let request: FlowDigest = digest(
                    "GET", "/api/v1/pods", user: users.randomElement(using: &random)!, groups: [])
                arrived += 1
                let width: RequestWidth = RequestWidth(
                    seats: Int.random(in: 1...3, using: &random), extraSeats: Int.random(in: 0...2, using: &random),
                    extraNanoseconds: 1_000_000)
                switch brain.arrive(
                    schema: brain.classify(request)!, flow: request.user.name, width: width,
                    waitNanoseconds: 200_000_000, now: now)
                {
                case .executing(let t):
                    started += 1
                    running.append((now + Int64.random(in: 1_000_000..<60_000_000, using: &random), t))
                case .queued(let id, _): queued.insert(id)
                case .rejected: refused += 1
                }
            }
            for i in running.indices.reversed() where running[i].end <= now {
                brain.finish(running.remove(at: i).ticket, now: now)
            }
            // After what has ended, and for seats that come free by time alone.
            for level in brain.waitingLevels {
                for (id, t) in brain.dispatch(level: level, now: now) {
                    #expect(queued.remove(id) != nil)
                    started += 1
                    running.append((now + Int64.random(in: 1_000_000..<60_000_000, using: &random), t))
                }
            }
            for id in brain.expire(now: now) {
                #expect(queued.remove(id) != nil)
                refused += 1
            }
            if let id = queued.min(), Int.random(in: 0..<50, using: &random) == 0 {
                let wasWaiting: Bool = brain.cancel(id, why: .cancelled, now: now)
                #expect(wasWaiting)
                queued.remove(id)
                refused += 1
            }
            let used: Int = brain.levels.reduce(0) { $0 + $1.executing }
            #expect(used == running.count)
        }
        #expect(arrived == started + refused + queued.count)
        #expect(brain.waiters.count == queued.count)
        #expect(started > 1_000 && refused > 100)
        now += 10_000_000_000
        for entry in running { brain.finish(entry.ticket, now: now) }
        for id in brain.expire(now: now) { queued.remove(id) }
        #expect(queued.isEmpty)
        for level in brain.levels { #expect(level.executing == 0 && level.queues.waitingCount == 0) }
    }

    @Test func seatsAreLentToWhoNeedsThem() {
        let range: (Int, Int, Int) -> SeatRange = { nominal, lower, upper in
            var r: SeatRange = SeatRange(
                PriorityLevel(["spec": ["type": "Limited"]]), serverSeats: 1, sharesSum: 1)
            r.nominal = nominal
            r.lower = lower
            r.upper = upper
            return r
        }
        let limits: [Int] = SeatLending.limits(
            [
                SeatLending.Claim(range: range(40, 10, 100), high: 90, smoothed: 90),
                SeatLending.Claim(range: range(40, 10, 100), high: 0, smoothed: 0),
                SeatLending.Claim(range: range(20, 20, 20), high: 5, smoothed: 5),
            ], serverSeats: 100)
        #expect(limits[0] >= 65 && limits[1] >= 10 && limits[2] == 20)
        #expect(limits.reduce(0, +) <= 100)
    }

    @Test func aLevelThatIsGoneLetsItsSchemasGo() {
        var brain: FairnessBrain = Self.brain()
        let jane: FlowDigest = digest("GET", "/api/v1/pods", user: "jane", groups: [])
        brain.configure(
            levels: FairnessDefaults.levels.map { PriorityLevel($0) }.filter { $0.name != "global-default" },
            schemas: FairnessDefaults.schemas.map { FlowSchema($0) })
        let found: Int? = brain.classify(jane)
        #expect(found.map { brain.schemas[$0].schema.name } == "catch-all")
    }

    @Test func widthsFollowObjectsAndWatchers() {
        #expect(RequestWidth.list(objects: 50, limit: 0, nominalSeats: 100).seats == 1)
        #expect(RequestWidth.list(objects: 550, limit: 0, nominalSeats: 100).seats == 6)
        #expect(RequestWidth.list(objects: 100_000, limit: 0, nominalSeats: 100).seats == 10)
        #expect(RequestWidth.list(objects: 100_000, limit: 100, nominalSeats: 100).seats == 2)
        #expect(RequestWidth.list(objects: 100_000, limit: 0, nominalSeats: 10).seats == 2)
        #expect(RequestWidth.write(watchers: 3) == RequestWidth())
        #expect(RequestWidth.write(watchers: 500).extraSeats == 5)
    }
}

@Suite struct FairnessGateTests {
    private func jane() -> FlowDigest { digest("GET", "/api/v1/pods", user: "jane", groups: []) }

    private func entered(_ entrance: Fairness.Entrance) -> Fairness.Place? {
        if case .admitted(let place) = entrance { place } else { nil }
    }

    @Test func placesPassFromHandToHand() async {
        // 12 seats: global-default has one of its own.
        let fairness: Fairness = Fairness(serverSeats: 12)
        let first: Fairness.Place? = entered(
            await fairness.enter(jane(), waitNanoseconds: 1_000_000_000) { _ in RequestWidth(seats: 20) })
        async let second: Fairness.Entrance = fairness.enter(jane(), waitNanoseconds: 60_000_000_000) { _ in
            RequestWidth(seats: 20)
        }
        while fairness.view.waiters.isEmpty { await Task.yield() }
        first?.leave()
        let next: Fairness.Place? = entered(await second)
        #expect(first != nil && next != nil)
        next?.leave()
        #expect(fairness.view.levels.allSatisfy { $0.executing == 0 })
    }

    @Test func whoeverGoesAwayWaitsNoLonger() async {
        let fairness: Fairness = Fairness(serverSeats: 12)
        let first: Fairness.Place? = entered(
            await fairness.enter(jane(), waitNanoseconds: 0) { _ in RequestWidth(seats: 20) })
        let request: FlowDigest = jane()
        let waiter: Task<Bool, Never> = Task {
            if case .refused(_, _, let why) = await fairness.enter(
                request, waitNanoseconds: 60_000_000_000, width: { _ in RequestWidth(seats: 20) })
            {
                return why == .cancelled
            }
            return false
        }
        while fairness.view.waiters.isEmpty { await Task.yield() }
        waiter.cancel()
        #expect(await waiter.value)
        first?.leave()
    }

    @Test func whoeverWaitsTooLongIsTold() async {
        let fairness: Fairness = Fairness(serverSeats: 12)
        let clock: Task<Void, Never> = Task { await fairness.run(SystemTime()) }
        defer { clock.cancel() }
        let first: Fairness.Place? = entered(
            await fairness.enter(jane(), waitNanoseconds: 0) { _ in RequestWidth(seats: 20) })
        guard
            case .refused(_, _, .timeOut) = await fairness.enter(
                jane(), waitNanoseconds: 20_000_000, width: { _ in RequestWidth(seats: 20) })
        else {
            Issue.record("nobody told it")
            return
        }
        first?.leave()
    }
}
