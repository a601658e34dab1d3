// What a node agent tells at /metrics/resource at one moment, read from its Prometheus text.

import KubeBase

/// Counters and gauges of one node and its containers; each figure has the time at which it was taken.
struct NodeSample: Sendable, Equatable {
    struct Usage: Sendable, Equatable {
        /// Since its start, in nanoseconds of one core.
        var cpuNanoseconds: UInt64?
        var cpuTakenAt: Timestamp?
        /// Memory that can't be reclaimed at will: what eviction counts.
        var workingSetBytes: UInt64?
        var startedAt: Timestamp?
    }
    struct PodKey: Sendable, Hashable {
        var namespace: String
        var name: String
    }

    var node: Usage = Usage()
    var pods: [PodKey: [String: Usage]] = [:]

    init() {}

    /// Lines that say nothing we need are passed over; metric-format as in KEP-727 (`name{labels} value [ms]`).
    init(prometheus text: String) {
        for line in text.utf8.split(separator: UInt8(ascii: "\n")) where line.first != UInt8(ascii: "#") {
            if let sample = Line(line) { take(sample) }
        }
    }

    private mutating func take(_ line: Line) {
        switch line.name {
        case "node_cpu_usage_seconds_total":
            node.cpuNanoseconds = line.nanoseconds
            node.cpuTakenAt = line.at
        case "node_memory_working_set_bytes": node.workingSetBytes = line.count
        case "container_cpu_usage_seconds_total":
            change(line) { usage in
                usage.cpuNanoseconds = line.nanoseconds
                usage.cpuTakenAt = line.at
            }
        case "container_memory_working_set_bytes": change(line) { $0.workingSetBytes = line.count }
        case "container_start_time_seconds":
            change(line) { $0.startedAt = line.nanoseconds.map { Timestamp(nanoseconds: Int64(clamping: $0)) } }
        default: break
        }
    }

    private mutating func change(_ line: Line, _ body: (inout Usage) -> Void) {
        guard let namespace = line.labels["namespace"], let pod = line.labels["pod"],
            let container = line.labels["container"]
        else { return }
        body(&pods[PodKey(namespace: namespace, name: pod), default: [:]][container, default: Usage()])
    }
}

/// One sample of the text format.
private struct Line {
    var name: String
    var labels: [String: String] = [:]
    var value: Double
    var at: Timestamp?

    /// Of a value in seconds; nil when it is no time since a start.
    var nanoseconds: UInt64? { UInt64(exactly: (value * 1e9).rounded()) }
    var count: UInt64? { UInt64(exactly: value.rounded()) }

    init?(_ line: Substring.UTF8View) {
        var rest: Substring.UTF8View = line
        let head: Substring.UTF8View = rest.prefix { $0 != UInt8(ascii: "{") && $0 != UInt8(ascii: " ") }
        name = String(Substring(head))
        rest = rest.dropFirst(head.count)
        if rest.first == UInt8(ascii: "{") {
            rest = rest.dropFirst()
            while rest.first != UInt8(ascii: "}") {
                guard let (label, text) = Line.label(&rest) else { return nil }
                labels[label] = text
            }
            rest = rest.dropFirst()
        }
        let numbers: [Substring] = Substring(rest).split(separator: " ")
        guard let first = numbers.first, let number = Double(first), number.isFinite else { return nil }
        value = number
        if numbers.count > 1, let milliseconds = Int64(numbers[1]) {
            let (nanoseconds, isTooBig): (Int64, Bool) = milliseconds.multipliedReportingOverflow(by: 1_000_000)
            at = isTooBig ? nil : Timestamp(nanoseconds: nanoseconds)
        }
    }

    /// Takes `name="value"` and a comma behind it.
    private static func label(_ rest: inout Substring.UTF8View) -> (String, String)? {
        let name: Substring.UTF8View = rest.prefix { $0 != UInt8(ascii: "=") }
        rest = rest.dropFirst(name.count + 1)
        guard rest.popFirst() == UInt8(ascii: "\"") else { return nil }
        var value: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""):
                if rest.first == UInt8(ascii: ",") { rest = rest.dropFirst() }
                return (String(Substring(name)), String(decoding: value, as: UTF8.self))
            case UInt8(ascii: "\\"):
                guard let escaped = rest.popFirst() else { return nil }
                value.append(escaped == UInt8(ascii: "n") ? UInt8(ascii: "\n") : escaped)
            default: value.append(byte)
            }
        }
        return nil
    }
}
