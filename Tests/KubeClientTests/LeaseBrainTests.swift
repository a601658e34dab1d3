// One leader at a time, by clocks that may disagree.

import KubeBase
import KubeClient
import KubeWire
import Testing

@Suite struct LeaseBrainTests {
    private let start: Timestamp = Timestamp(seconds: 1_700_000_000)

    private func acquired(_ id: String, _ lease: JSON?, at now: Timestamp) -> (LeaseBrain, JSON)? {
        var brain: LeaseBrain = LeaseBrain(identity: id, now: now)
        brain.observe(lease, now: now)
        switch brain.step(now: now) {
        case .create(let spec):
            let made: JSON = ["metadata": ["resourceVersion": "1"], "spec": spec]
            brain.wrote(made, now: now)
            return (brain, made)
        case .update(let lease):
            brain.wrote(lease, now: now)
            return (brain, lease)
        default: return nil
        }
    }

    @Test func followersWaitUntilTheLeaseIsSilent() throws {
        let (_, lease): (LeaseBrain, JSON) = try #require(acquired("a", nil, at: start))
        var b: LeaseBrain = LeaseBrain(identity: "b", now: start)
        b.observe(lease, now: start)
        let first: LeaseBrain.Action = b.step(now: start)
        #expect(first == .wait(.seconds(2)))
        // Renewed in time: the silence starts anew.
        var renewed: JSON = lease
        renewed.spec.renewTime = "later"
        b.observe(renewed, now: start + .seconds(10))
        let second: LeaseBrain.Action = b.step(now: start + .seconds(20))
        #expect(second == .wait(.seconds(2)))
        guard case .update(let taken) = b.step(now: start + .seconds(26)) else {
            Issue.record("does not take a silent lease")
            return
        }
        #expect(taken.spec.holderIdentity.text == "b")
        #expect(taken.spec.leaseTransitions.asInt == 1)
        #expect(taken.metadata.resourceVersion.text == "1")
    }

    @Test func leadersRenewAndStopWhenTheyCannot() throws {
        var (a, lease): (LeaseBrain, JSON) = try #require(acquired("a", nil, at: start))
        #expect(a.isLeader)
        let wait: LeaseBrain.Action = a.step(now: start + .seconds(1))
        #expect(wait == .wait(.seconds(1)))
        guard case .update(let renewal) = a.step(now: start + .seconds(2)) else {
            Issue.record("does not renew")
            return
        }
        #expect(renewal.spec.leaseTransitions.asInt == 0)
        #expect(renewal.spec.acquireTime == lease.spec.acquireTime)
        let end: LeaseBrain.Action = a.step(now: start + .seconds(10))
        #expect(end == .lost)
        #expect(!a.isLeader)
        lease.spec.holderIdentity = "b"
        var (c, _): (LeaseBrain, JSON) = try #require(acquired("a", nil, at: start))
        c.observe(lease, now: start)
        #expect(!c.isLeader)
    }
}
