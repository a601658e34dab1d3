import Testing

@testable import KubeServer

@Suite struct GateTests {
    @Test func placesPassFromHandToHand() async {
        let gate: Gate = Gate(max: 2, waitingMax: 1)
        #expect(await gate.enter())
        #expect(await gate.enter())
        async let third: Bool = gate.enter()
        while gate.waitingCount == 0 { await Task.yield() }
        #expect(await gate.enter() == false)
        gate.leave()
        #expect(await third)
        gate.leave()
        gate.leave()
        #expect(gate.inside == 0)
    }

    @Test func whoeverGoesAwayWaitsNoLonger() async {
        let gate: Gate = Gate(max: 1, waitingMax: 10)
        #expect(await gate.enter())
        let waiter: Task<Bool, Never> = Task { await gate.enter() }
        while gate.waitingCount == 0 { await Task.yield() }
        waiter.cancel()
        #expect(await waiter.value == false)
        gate.leave()
        #expect(gate.inside == 0)
    }
}
