// Two samples of a node → what it and its pods use: cpu as a rate between the two, memory as it is.

import KubeBase

/// What something used during a window of time.
struct MeasuredUsage: Sendable, Equatable {
    /// Billionths of a core, on average.
    var cpuNanoCores: UInt64
    var memoryBytes: UInt64
    /// The window's end.
    var at: Timestamp
    var window: Duration
}

struct UsageWindow: Sendable {
    /// A shorter window says little: the kernel's own period for cpu limits is 100 ms.
    static let windowMin: Duration = .seconds(1)
    /// Older samples would tell of the past.
    static let windowMax: Duration = .seconds(60)

    var older: NodeSample
    var newer: NodeSample

    /// Whether `sample` can be the older one of a window that ends at `end`.
    static func canStart(_ sample: NodeSample, end: Timestamp) -> Bool {
        guard let start = sample.node.cpuTakenAt else { return false }
        let age: Duration = end - start
        return age >= windowMin && age < windowMax
    }

    var node: MeasuredUsage? { Self.measure(older.node, newer.node) }

    /// By container. A pod with a container that can't be told yet is not told at all, as a sum would be wrong.
    func pod(_ key: NodeSample.PodKey) -> [String: MeasuredUsage]? {
        guard let containers = newer.pods[key], !containers.isEmpty else { return nil }
        var out: [String: MeasuredUsage] = [:]
        for (name, usage) in containers {
            guard let measured = Self.measure(older.pods[key]?[name], usage) else { return nil }
            out[name] = measured
        }
        return out
    }

    /// A container that began after the older sample had used nothing when it began.
    private static func measure(_ older: NodeSample.Usage?, _ newer: NodeSample.Usage) -> MeasuredUsage? {
        guard let cpu = newer.cpuNanoseconds, let end = newer.cpuTakenAt, let memory = newer.workingSetBytes else {
            return nil
        }
        var before: UInt64 = 0
        var start: Timestamp
        if let older, let then = older.cpuNanoseconds, let at = older.cpuTakenAt, then <= cpu,
            (newer.startedAt ?? at) <= at
        {
            (before, start) = (then, at)
        } else if let startedAt = newer.startedAt {
            start = startedAt
        } else {
            return nil
        }
        let window: Int64 = end.nanoseconds - start.nanoseconds
        guard .nanoseconds(window) >= windowMin else { return nil }
        let rate: Double = Double(cpu - before) / Double(window) * 1e9
        return MeasuredUsage(
            cpuNanoCores: UInt64(rate.rounded()), memoryBytes: memory, at: end, window: .nanoseconds(window))
    }
}
