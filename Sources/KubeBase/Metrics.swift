// Counters, gauges and histograms in the text format of Prometheus (exposition format 0.0.4).

import Synchronization

/// Families in the order of their names. A server has one; what belongs to the process is in `shared`.
package final class MetricRegistry: Sendable {
    package static let shared: MetricRegistry = MetricRegistry()
    private let families: Mutex<[String: any MetricFamily]> = Mutex([:])

    package init() {}

    @discardableResult
    package func add<F: MetricFamily>(_ family: F) -> F {
        families.withLock { $0[family.name] = family }
        return family
    }

    package static func text(_ registries: [MetricRegistry]) -> [UInt8] {
        var all: [any MetricFamily] = []
        for registry in registries { all += registry.families.withLock { Array($0.values) } }
        var out: MetricText = MetricText()
        for family in all.sorted(by: { $0.name < $1.name }) {
            out.begin(family.name, family.help, family.type)
            family.write(into: &out)
            out.end()
        }
        return out.bytes
    }
}

package enum MetricType: String, Sendable { case counter, gauge, histogram }

package protocol MetricFamily: Sendable {
    var name: String { get }
    var help: String { get }
    var type: MetricType { get }
    func write(into out: inout MetricText)
}

/// Writes samples. HELP and TYPE stand before the first sample of a family; a family without samples is left out.
package struct MetricText {
    private(set) package var bytes: [UInt8] = []
    private var name: String = ""
    private var head: String = ""

    mutating func begin(_ name: String, _ help: String, _ type: MetricType) {
        self.name = name
        head = "# HELP \(name) \(help)\n# TYPE \(name) \(type.rawValue)\n"
    }
    mutating func end() { head = "" }

    /// `suffix`: `_bucket`, `_sum`, `_count` of a histogram.
    package mutating func sample(
        _ value: Double, _ labels: [(name: String, value: String)] = [], suffix: String = ""
    ) {
        if !head.isEmpty {
            bytes += Array(head.utf8)
            head = ""
        }
        bytes += Array(name.utf8)
        bytes += Array(suffix.utf8)
        if !labels.isEmpty {
            bytes.append(UInt8(ascii: "{"))
            for (i, label) in labels.enumerated() {
                if i > 0 { bytes.append(UInt8(ascii: ",")) }
                bytes += Array(label.name.utf8)
                bytes += Array("=\"".utf8)
                escape(label.value)
                bytes.append(UInt8(ascii: "\""))
            }
            bytes.append(UInt8(ascii: "}"))
        }
        bytes.append(32)
        bytes += Array(MetricText.number(value).utf8)
        bytes.append(10)
    }

    private mutating func escape(_ value: String) {
        for c in value.utf8 {
            switch c {
            case UInt8(ascii: "\\"), UInt8(ascii: "\""): bytes += [UInt8(ascii: "\\"), c]
            case 10: bytes += [UInt8(ascii: "\\"), UInt8(ascii: "n")]
            default: bytes.append(c)
            }
        }
    }

    package static func number(_ value: Double) -> String {
        if value == .infinity { return "+Inf" }
        if value == value.rounded(), abs(value) < 1e15 { return String(Int64(value)) }
        return "\(value)"
    }
}

/// Values by labels. Series beyond `seriesMax` are not counted: whoever invents labels must not fill the memory.
package final class MetricCounter: MetricFamily {
    package static let seriesMax: Int = 10_000
    package let name: String
    package let help: String
    package let type: MetricType
    private let labels: [String]
    private let values: Mutex<[[String]: Double]>

    package init(_ name: String, _ help: String, labels: [String] = [], type: MetricType = .counter) {
        self.name = name
        self.help = help
        self.type = type
        self.labels = labels
        values = Mutex(labels.isEmpty ? [[]: 0] : [:])
    }

    package func add(_ labels: [String] = [], _ amount: Double = 1) {
        values.withLock { v in
            guard v.count < MetricCounter.seriesMax || v[labels] != nil else { return }
            v[labels, default: 0] += amount
        }
    }

    package func set(_ labels: [String] = [], _ value: Double) {
        values.withLock { v in
            guard v.count < MetricCounter.seriesMax || v[labels] != nil else { return }
            v[labels] = value
        }
    }

    package func value(_ labels: [String] = []) -> Double { values.withLock { $0[labels] ?? 0 } }

    package func write(into out: inout MetricText) {
        let all: [[String]: Double] = values.withLock { $0 }
        for (key, value) in all.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            out.sample(value, Array(zip(labels, key)).map { (name: $0.0, value: $0.1) })
        }
    }
}

/// Counts of values up to each bound.
package struct MetricBuckets: Sendable {
    package let bounds: [Double]
    package private(set) var counts: [Int]
    package private(set) var sum: Double = 0
    package private(set) var count: Int = 0

    package init(_ bounds: [Double]) {
        self.bounds = bounds
        counts = [Int](repeating: 0, count: bounds.count)
    }

    package mutating func observe(_ value: Double, times: Int = 1) {
        if let i = bounds.firstIndex(where: { value <= $0 }) { counts[i] += times }
        sum += value * Double(times)
        count += times
    }

    package func write(_ labels: [(name: String, value: String)], into out: inout MetricText) {
        var running: Int = 0
        for (bound, n) in zip(bounds, counts) {
            running += n
            out.sample(Double(running), labels + [("le", MetricText.number(bound))], suffix: "_bucket")
        }
        out.sample(Double(count), labels + [("le", "+Inf")], suffix: "_bucket")
        out.sample(sum, labels, suffix: "_sum")
        out.sample(Double(count), labels, suffix: "_count")
    }
}

package final class MetricHistogram: MetricFamily {
    package let name: String
    package let help: String
    package var type: MetricType { .histogram }
    private let labels: [String]
    private let bounds: [Double]
    private let series: Mutex<[[String]: MetricBuckets]> = Mutex([:])

    package init(_ name: String, _ help: String, labels: [String] = [], buckets: [Double]) {
        self.name = name
        self.help = help
        self.labels = labels
        bounds = buckets
    }

    package func observe(_ labels: [String] = [], _ value: Double, times: Int = 1) {
        series.withLock { s in
            guard s.count < MetricCounter.seriesMax || s[labels] != nil else { return }
            s[labels, default: MetricBuckets(bounds)].observe(value, times: times)
        }
    }

    package func write(into out: inout MetricText) {
        let all: [[String]: MetricBuckets] = series.withLock { $0 }
        for (key, buckets) in all.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
            buckets.write(Array(zip(labels, key)).map { (name: $0.0, value: $0.1) }, into: &out)
        }
    }
}

/// Asked when somebody reads `/metrics`.
package struct MetricReading: MetricFamily {
    package let name: String
    package let help: String
    package let type: MetricType
    private let read: @Sendable (inout MetricText) -> Void

    package init(
        _ name: String, _ help: String, type: MetricType = .gauge, _ read: @escaping @Sendable (inout MetricText) -> Void
    ) {
        self.name = name
        self.help = help
        self.type = type
        self.read = read
    }
    package func write(into out: inout MetricText) { read(&out) }
}
