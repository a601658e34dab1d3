// Who is next, who sleeps, and what wakes whom.

import KubeBase
import KubeScheduler
import KubeWire
import Testing

@Suite struct QueueTests {
    @Test func priorityThenArrival() {
        var b: Bench = Bench(nodes: [Sample.node("n1")])
        b.add(pod: Sample.pod("a"))
        b.add(pod: Sample.pod("b", priority: 10))
        b.add(pod: Sample.pod("c"))
        #expect([b.outcome(), b.outcome(), b.outcome(), b.outcome()] == ["b → n1", "a → n1", "c → n1", "none"])
    }

    @Test func gatedPodsWait() {
        var b: Bench = Bench(nodes: [Sample.node("n1")])
        let gated: JSON = Sample.pod("p", ["schedulingGates": [["name": "example.com/wait"]]])
        #expect(b.schedule(gated) == "none")
        b.brain.on(pod: gated, Sample.pod("p"), now: b.now)
        #expect(b.outcome() == "p → n1")
    }

    @Test func roomWakesTheRejected() {
        let blocker: JSON = Sample.pod("a", cpu: "4", node: "n1")
        var b: Bench = Bench(nodes: [Sample.node("n1")], pods: [blocker])
        #expect(b.schedule(Sample.pod("p", cpu: "1")).hasPrefix("p: "))
        // An event that cannot help wakes nobody.
        b.brain.on(namespace: nil, ["metadata": ["name": "x"]], now: b.now)
        #expect(b.outcome() == "none")
        b.brain.on(pod: blocker, nil, now: b.now)
        #expect(b.outcome() == "p → n1")
    }

    @Test func heartbeatsWakeNobody() {
        var b: Bench = Bench(nodes: [Sample.node("n1", cpu: "1")])
        #expect(b.schedule(Sample.pod("p", cpu: "2")).hasPrefix("p: "))
        var same: JSON = Sample.node("n1", cpu: "1")
        same.status.conditions = [["type": "Ready", "lastHeartbeatTime": "x"]]
        b.brain.on(node: Sample.node("n1", cpu: "1"), same, now: b.now)
        #expect(b.outcome() == "none")
        b.brain.on(node: same, Sample.node("n1", cpu: "2"), now: b.now)
        #expect(b.outcome() == "p → n1")
    }

    @Test func uncordonAndUntaintWake() {
        let cordoned: JSON = Sample.node("n1", ["unschedulable": true])
        var b: Bench = Bench(nodes: [cordoned])
        #expect(b.schedule(Sample.pod("p")).hasPrefix("p: "))
        b.brain.on(node: cordoned, Sample.node("n1"), now: b.now)
        #expect(b.outcome() == "p → n1")
    }

    @Test func finishedPodsFreeTheirRoom() {
        let running: JSON = Sample.pod("a", cpu: "4", node: "n1")
        var b: Bench = Bench(nodes: [Sample.node("n1")], pods: [running])
        #expect(b.schedule(Sample.pod("p", cpu: "1")).hasPrefix("p: "))
        var done: JSON = running
        done.status.phase = "Succeeded"
        b.brain.on(pod: running, done, now: b.now)
        #expect(b.outcome() == "p → n1")
    }

    @Test func sleepersAreTriedAgainAfterFiveMinutes() {
        var b: Bench = Bench(nodes: [Sample.node("n1", cpu: "1")])
        #expect(b.schedule(Sample.pod("p", cpu: "2")).hasPrefix("p: "))
        #expect(b.brain.deadline(now: b.now) == b.now + .seconds(300))
        b.now = b.now + .seconds(300)
        #expect(b.brain.deadline(now: b.now) == nil)
        #expect(b.outcome().hasPrefix("p: "))
    }

    @Test func refusedBindingFreesTheRoomAndBacksOff() {
        var b: Bench = Bench(nodes: [Sample.node("n1", cpu: "1")])
        b.add(pod: Sample.pod("p", cpu: "1"))
        guard case .bind(let pod, _)? = b.next() else {
            Issue.record("no binding")
            return
        }
        b.brain.bindingFailed(pod, now: b.now)
        #expect(b.schedule(Sample.pod("q", cpu: "1")) == "q → n1")
        #expect(b.brain.deadline(now: b.now) == b.now + .seconds(1))
    }

    @Test func assumedPodsCountUntilSeen() {
        var b: Bench = Bench(nodes: [Sample.node("n1", cpu: "1")])
        let p: JSON = Sample.pod("p", cpu: "1")
        #expect(b.schedule(p) == "p → n1")
        // An update that does not show the binding yet must not queue it again.
        b.brain.on(pod: p, p, now: b.now)
        #expect(b.outcome() == "none")
        b.brain.on(pod: p, Sample.pod("p", cpu: "1", node: "n1"), now: b.now)
        #expect(b.schedule(Sample.pod("q", cpu: "1")).hasPrefix("q: "))
        #expect(b.brain.cluster.node("n1")?.pods.count == 1)
    }

    @Test func otherSchedulersPodsAreLeftAlone() {
        var b: Bench = Bench(nodes: [Sample.node("n1")])
        #expect(b.schedule(Sample.pod("p", ["schedulerName": "mine"])) == "none")
    }

    @Test func lostNodesTakeNoPods() {
        var b: Bench = Bench(nodes: [Sample.node("n1"), Sample.node("n2")], pods: [Sample.pod("a", node: "n1")])
        b.brain.on(node: Sample.node("n1"), nil, now: b.now)
        for i in 0..<4 { #expect(b.schedule(Sample.pod("p\(i)")).hasSuffix("→ n2")) }
    }
}
