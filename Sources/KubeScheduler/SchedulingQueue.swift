// Pods that have no node yet: which is next, and which wait for what.

package import KubeBase
package import KubeModel
import KubeWire

/// The life of a pod in the queue:
///
///     add ─→ active ─→ pop ─→ in flight ─→ bound: forgotten
///      │ gates  ↑                │ rejected             │ error
///      ↓        │ event wakes    ↓                      ↓
///     gated   later/active ←── waiting (≤ 5 min)     penalty ─→ active
///
/// `later` holds woken pods whose back-off has not passed: they are taken when nothing else is active (KEP-5142).
package struct SchedulingQueue: Sendable {
    package static let backoffMin: Duration = .seconds(1)
    package static let backoffMax: Duration = .seconds(10)
    /// A rejected pod is tried again after this time even if nothing seems to have changed.
    package static let waitingMax: Duration = .seconds(300)

    package enum Place: Sendable, Equatable { case active, later, waiting, penalty, gated, inFlight }

    private struct Entry {
        var pod: PodView
        var place: Place
        /// The plugins that rejected it last; none: any event may help.
        var rejectedBy: Set<String> = []
        var attempts: Int = 0
        var lastAttempt: Timestamp = Timestamp(seconds: 0)
        /// Tells a heap's item of this stay from one of an earlier stay.
        var ticket: Int = 0

        var backoffEnd: Timestamp {
            let doublings: Int = min(max(attempts - 1, 0), 10)
            return lastAttempt + min(backoffMin * (1 << doublings), backoffMax)
        }
    }

    private struct Ticket: Comparable {
        var priority: Int
        var number: Int
        var key: ObjectKey
        static func < (a: Ticket, b: Ticket) -> Bool { (-a.priority, a.number) < (-b.priority, b.number) }
    }

    private var entries: [ObjectKey: Entry] = [:]
    private var active: Heap<Ticket> = Heap()
    private var later: Heap<Ticket> = Heap()
    private var waiting: Set<ObjectKey> = []
    private var tickets: Int = 0

    package init() {}

    package var count: Int { entries.count }
    package func place(of key: ObjectKey) -> Place? { entries[key]?.place }
    package func pod(_ key: ObjectKey) -> PodView? { entries[key]?.pod }

    /// A new pod, or a new state of one. A change of its spec or labels is a reason to try again.
    package mutating func set(_ pod: PodView, now: Timestamp) {
        guard let old: Entry = entries[pod.key], old.pod.uid == pod.uid else {
            entries[pod.key] = Entry(pod: pod, place: .gated)
            if pod.gates.isEmpty { activate(pod.key) }
            return
        }
        entries[pod.key]!.pod = pod
        if old.place == .gated {
            if pod.gates.isEmpty { activate(pod.key) }
        } else if old.place == .waiting, old.pod.json.spec != pod.json.spec || old.pod.labels != pod.labels {
            wake(pod.key, now: now)
        }
    }

    package mutating func remove(_ key: ObjectKey) {
        entries[key] = nil
        waiting.remove(key)
    }

    /// The next pod, in flight from now on.
    package mutating func pop(now: Timestamp) -> PodView? {
        guard let key: ObjectKey = take(&active, .active) ?? take(&later, .later) else { return nil }
        entries[key]!.place = .inFlight
        entries[key]!.attempts += 1
        entries[key]!.lastAttempt = now
        return entries[key]!.pod
    }

    private func take(_ heap: inout Heap<Ticket>, _ place: Place) -> ObjectKey? {
        while let t: Ticket = heap.pop() {
            if let e: Entry = entries[t.key], e.place == place, e.ticket == t.number { return t.key }
        }
        return nil
    }

    /// No node would have it; `plugins` said so.
    package mutating func rejected(_ key: ObjectKey, by plugins: Set<String>) {
        guard entries[key] != nil else { return }
        entries[key]!.rejectedBy = plugins
        entries[key]!.place = .waiting
        waiting.insert(key)
    }

    /// Something went wrong that is not the pod's fault: again after its back-off.
    package mutating func failed(_ key: ObjectKey) {
        guard entries[key] != nil else { return }
        entries[key]!.place = .penalty
        waiting.insert(key)
    }

    /// Wakes the pods for which `helps` holds, given the plugins that rejected them.
    package mutating func wake(now: Timestamp, where helps: (PodView, Set<String>) -> Bool) {
        for key in waiting where entries[key]?.place == .waiting {
            if helps(entries[key]!.pod, entries[key]!.rejectedBy) { wake(key, now: now) }
        }
    }

    private mutating func wake(_ key: ObjectKey, now: Timestamp) {
        if entries[key]!.backoffEnd <= now {
            activate(key)
        } else {
            waiting.remove(key)
            entries[key]!.place = .later
            later.push(ticket(for: key))
        }
    }

    private mutating func activate(_ key: ObjectKey) {
        waiting.remove(key)
        entries[key]!.place = .active
        active.push(ticket(for: key))
    }

    private mutating func ticket(for key: ObjectKey) -> Ticket {
        tickets += 1
        entries[key]!.ticket = tickets
        return Ticket(priority: entries[key]!.pod.priority, number: tickets, key: key)
    }

    /// Moves what has waited long enough; answers when to call again, nil: never, as things stand.
    package mutating func flush(now: Timestamp) -> Timestamp? {
        var next: Timestamp?
        for key in waiting {
            let e: Entry = entries[key]!
            let due: Timestamp = e.place == .penalty ? e.backoffEnd : e.lastAttempt + Self.waitingMax
            if due <= now {
                activate(key)
            } else {
                next = next.map { min($0, due) } ?? due
            }
        }
        return next
    }
}

/// A binary heap: the least element first.
struct Heap<Element: Comparable & Sendable>: Sendable {
    private var items: [Element] = []

    mutating func push(_ item: Element) {
        items.append(item)
        var i: Int = items.count - 1
        while i > 0, items[i] < items[(i - 1) / 2] {
            items.swapAt(i, (i - 1) / 2)
            i = (i - 1) / 2
        }
    }

    mutating func pop() -> Element? {
        guard let top: Element = items.first else { return nil }
        let last: Element = items.removeLast()
        guard !items.isEmpty else { return top }
        items[0] = last
        var i: Int = 0
        while true {
            var least: Int = i
            for child in [2 * i + 1, 2 * i + 2] where child < items.count && items[child] < items[least] {
                least = child
            }
            if least == i { return top }
            items.swapAt(i, least)
            i = least
        }
    }
}
