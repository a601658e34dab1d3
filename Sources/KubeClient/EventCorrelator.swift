// Which events are sent, counted up or dropped: the rules of client-go's EventCorrelator as a value.

package import KubeBase
package import KubeWire

/// Bounded: forgets the least recently used records beyond `recordsMax`.
package struct EventCorrelator: Sendable {
    package static let recordsMax: Int = 4096
    /// Similar events (same but for the message) beyond this many within `similarWindow` share one record.
    package static let similarMax: Int = 10
    package static var similarWindow: Duration { .seconds(600) }
    /// Token bucket per source and object.
    package static let burst: Double = 25
    package static let refillPerSecond: Double = 1.0 / 300

    package enum Decision: Sendable, Equatable {
        case create(JSON)
        /// The event to bump, and the merge patch that does it; `whole` replaces it when it is gone.
        case bump(name: String, patch: JSON, whole: JSON)
        case drop
    }

    private struct Record {
        var event: JSON
        var count: Int
        var used: Timestamp
    }
    private struct Similar {
        var messages: Set<String> = []
        var last: Timestamp
    }
    private struct Bucket {
        var tokens: Double
        var last: Timestamp
    }

    private var records: [String: Record] = [:]
    private var similar: [String: Similar] = [:]
    private var buckets: [String: Bucket] = [:]

    package init() {}

    package mutating func on(_ event: JSON, at now: Timestamp) -> Decision {
        let about: JSON = event.involvedObject
        let object: String =
            "\(event.source.component.text)|\(event.source.host.text)|\(about.kind.text)|\(about.namespace.text)|"
            + "\(about.name.text)|\(about.uid.text)|\(about.apiVersion.text)"
        guard spend(object, now) else { return .drop }
        let group: String = "\(object)|\(about.fieldPath.text)|\(event.type.text)|\(event.reason.text)"
        var sent: JSON = event
        var key: String = group + "|" + event.message.text
        if isCrowded(group, event.message.text, now) {
            sent.message = .string("(combined from similar events): " + event.message.text)
            key = group
        }
        defer { trim() }
        if var record = records[key] {
            record.count += 1
            record.used = now
            record.event.count = JSON(record.count)
            record.event.lastTimestamp = sent.lastTimestamp
            record.event.message = sent.message
            records[key] = record
            let patch: JSON = [
                "count": JSON(record.count), "lastTimestamp": sent.lastTimestamp, "message": sent.message,
            ]
            return .bump(name: record.event.metadata.name.text, patch: patch, whole: record.event)
        }
        records[key] = Record(event: sent, count: 1, used: now)
        return .create(sent)
    }

    private mutating func spend(_ object: String, _ now: Timestamp) -> Bool {
        var bucket: Bucket = buckets[object] ?? Bucket(tokens: Self.burst, last: now)
        let seconds: Double = Double((now - bucket.last).components.seconds)
        if seconds > 0 {
            bucket.tokens = min(Self.burst, bucket.tokens + seconds * Self.refillPerSecond)
            bucket.last = now
        }
        let isAllowed: Bool = bucket.tokens >= 1
        if isAllowed { bucket.tokens -= 1 }
        buckets[object] = bucket
        return isAllowed
    }

    private mutating func isCrowded(_ group: String, _ message: String, _ now: Timestamp) -> Bool {
        var seen: Similar = similar[group] ?? Similar(last: now)
        if now - seen.last > Self.similarWindow { seen.messages = [] }
        seen.last = now
        if seen.messages.count < Self.similarMax || seen.messages.contains(message) {
            seen.messages.insert(message)
            similar[group] = seen
            return seen.messages.count > Self.similarMax
        }
        similar[group] = seen
        return true
    }

    private mutating func trim() {
        if records.count > Self.recordsMax {
            let keep: Int = Self.recordsMax * 3 / 4
            let oldest: [String] = records.sorted { $0.value.used < $1.value.used }.prefix(records.count - keep).map {
                $0.key
            }
            for key in oldest { records[key] = nil }
        }
        if buckets.count > Self.recordsMax {
            let oldest: [String] = buckets.sorted { $0.value.last < $1.value.last }.prefix(Self.recordsMax / 4).map {
                $0.key
            }
            for key in oldest { buckets[key] = nil }
        }
        if similar.count > Self.recordsMax {
            let oldest: [String] = similar.sorted { $0.value.last < $1.value.last }.prefix(Self.recordsMax / 4).map {
                $0.key
            }
            for key in oldest { similar[key] = nil }
        }
    }
}
