// The events below a description.

import KubeAPI
import KubeBase
import KubeModel
import KubeWire

enum DescribeEvents {
    static func write(_ events: [JSON], into w: inout DescribeWriter) {
        if events.isEmpty { return w.field("Events", "<none>") }
        w.add(0, "Events:")
        let sorted: [JSON] = oldestFirst(events)
        let rows: [[String]] = sorted.map { event in
            let source: String = event.source.component.text.isEmpty ? event.reportingComponent.text : event.source.component.text
            return [event.type.text, event.reason.text, age(event), source, event.message.text.split(separator: "\n").joined(separator: " ")]
        }
        w.table(1, ["Type", "Reason", "Age", "From", "Message"], rows)
    }

    /// By the time each happened last; those of the same time as they came.
    static func oldestFirst(_ events: [JSON]) -> [JSON] {
        let timed: [(time: Timestamp, at: Int, event: JSON)] = events.enumerated().map {
            (Timestamp(rfc3339: lastSeen($0.element)) ?? Timestamp(seconds: 0), $0.offset, $0.element)
        }
        return timed.sorted { ($0.time, $0.at) < ($1.time, $1.at) }.map { $0.event }
    }

    /// When it happened last: RFC 3339, or empty.
    static func lastSeen(_ event: JSON) -> String {
        for time in [event.series.lastObservedTime, event.lastTimestamp, event.eventTime, event.metadata.creationTimestamp] {
            if let text = time.asString { return text }
        }
        return ""
    }

    /// `12s`, or `4s (x3 over 9s)`.
    static func age(_ event: JSON) -> String {
        let count: Int = event.series.count.asInt ?? event.count.asInt ?? 1
        let last: String = since(lastSeen(event))
        let first: String = since(event.firstTimestamp.asString ?? event.eventTime.asString ?? event.metadata.creationTimestamp.text)
        return count > 1 ? "\(last) (x\(count) over \(first))" : first
    }

    static func since(_ time: String) -> String { HumanDuration.age(time, now: .now) }
}
