// Repeats are counted, similar ones combined, floods stopped.

import KubeBase
import KubeClient
import KubeWire
import Testing

@Suite struct EventCorrelatorTests {
    private let now: Timestamp = Timestamp(seconds: 1_000_000)

    private func event(_ message: String, name: String = "web") -> JSON {
        let object: JSON = [
            "kind": "Pod", "apiVersion": "v1", "metadata": ["name": .string(name), "namespace": "default", "uid": "u"],
        ]
        return EventRecorder.event(
            about: object, .normal, reason: "Pulled", message, fieldPath: "", component: "kubelet", host: "n1", at: now)
    }

    @Test func repeatsAreCounted() {
        var c: EventCorrelator = EventCorrelator()
        guard case .create(let first) = c.on(event("a"), at: now) else {
            Issue.record("not created")
            return
        }
        #expect(first.count.asInt == 1)
        #expect(first.involvedObject.name.text == "web")
        guard case .bump(let name, let patch, _) = c.on(event("a"), at: now) else {
            Issue.record("not counted")
            return
        }
        #expect(name == first.metadata.name.text)
        #expect(patch.count.asInt == 2)
    }

    @Test func similarOnesAreCombinedAfterTen() {
        var c: EventCorrelator = EventCorrelator()
        for i in 0..<10 {
            guard case .create = c.on(event("m\(i)"), at: now) else {
                Issue.record("\(i) not created")
                return
            }
        }
        guard case .create(let combined) = c.on(event("m10"), at: now) else {
            Issue.record("not combined")
            return
        }
        #expect(combined.message.text == "(combined from similar events): m10")
        guard case .bump(let name, _, _) = c.on(event("m11"), at: now) else {
            Issue.record("not counted")
            return
        }
        #expect(name == combined.metadata.name.text)
    }

    @Test func floodsAreDropped() {
        var c: EventCorrelator = EventCorrelator()
        let sent: Int = (0..<100).reduce(0) { n, _ in c.on(event("a"), at: now) == .drop ? n : n + 1 }
        #expect(sent == 25)
        let later: EventCorrelator.Decision = c.on(event("a"), at: now + .seconds(301))
        #expect(later != .drop)
    }
}
