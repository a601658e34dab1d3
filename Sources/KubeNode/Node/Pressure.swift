// What the machine runs short of: the signals of the kubelet's eviction.

import KubeBase
import KubeOS

/// Below these the node is short.
struct EvictionThresholds: Sendable, Equatable {
    /// As upstream's `memory.available<100Mi`.
    var memoryAvailableMin: Int64 = 100 << 20
    /// Of the disk under the agent's root. Upstream's 10 % suits servers; a developer's full disk shall
    /// still take pods.
    var diskAvailablePercentMin: Int64 = 2
    var inodesFreePercentMin: Int64 = 1
    var pidsAvailablePercentMin: Int64 = 5

    static let standard: EvictionThresholds = EvictionThresholds()

    /// As `evictionHard` of KubeletConfiguration writes it.
    var text: [String: String] {
        [
            "memory.available": "\(memoryAvailableMin >> 20)Mi", "nodefs.available": "\(diskAvailablePercentMin)%",
            "nodefs.inodesFree": "\(inodesFreePercentMin)%", "pid.available": "\(pidsAvailablePercentMin)%",
        ]
    }
}

struct Pressure: Sendable, Equatable {
    enum Signal: String, Sendable, CaseIterable {
        case memory, disk, inodes, pids
        /// In the words of eviction messages.
        var resource: String {
            switch self {
            case .memory: "memory"
            case .disk: "ephemeral-storage"
            case .inodes: "inodes"
            case .pids: "pids"
            }
        }
    }
    struct Shortage: Sendable, Equatable {
        var signal: Signal
        var threshold: String
        var available: String
    }

    /// Memory first: it hurts first.
    private(set) var shortages: [Shortage] = []
    /// Still told although over: as `evictionPressureTransitionPeriod`.
    private(set) var held: Set<Signal> = []

    private func isShort(of signals: Signal...) -> Bool {
        signals.contains { s in held.contains(s) || shortages.contains { $0.signal == s } }
    }
    var isMemoryShort: Bool { isShort(of: .memory) }
    var isDiskShort: Bool { isShort(of: .disk, .inodes) }
    var isPIDShort: Bool { isShort(of: .pids) }

    /// What was read of the machine.
    struct Reading: Sendable {
        var memoryAvailable: Int64?
        var disk: (total: Int64, available: Int64)?
        var inodes: (total: Int64, free: Int64)?
        var pids: (most: Int64, used: Int64)?
    }

    init() {}

    init(_ r: Reading, _ t: EvictionThresholds = .standard) {
        func percent(_ signal: Signal, _ total: Int64, _ available: Int64, _ least: Int64, _ unit: String) {
            let floor: Int64 = total / 100 * least
            guard total > 0, available < floor else { return }
            let scale: Int64 = unit == "Ki" ? 1024 : 1
            shortages.append(
                Shortage(
                    signal: signal, threshold: "\(floor / scale)\(unit)", available: "\(available / scale)\(unit)"))
        }
        if let m = r.memoryAvailable, m < t.memoryAvailableMin {
            shortages.append(
                Shortage(
                    signal: .memory, threshold: "\(t.memoryAvailableMin >> 20)Mi", available: "\(m / 1024)Ki"))
        }
        if let d = r.disk { percent(.disk, d.total, d.available, t.diskAvailablePercentMin, "Ki") }
        if let i = r.inodes { percent(.inodes, i.total, i.free, t.inodesFreePercentMin, "") }
        if let p = r.pids { percent(.pids, p.most, p.most - p.used, t.pidsAvailablePercentMin, "") }
    }

    static func now(root: String) -> Pressure {
        var r: Reading = Reading()
        for line in ((try? Files.text("/proc/meminfo")) ?? "").split(separator: "\n")
        where line.hasPrefix("MemAvailable:") {
            r.memoryAvailable = (line.split(separator: " ").dropFirst().first.flatMap { Int64($0) }).map { $0 << 10 }
        }
        if let s = try? Files.space(root) {
            r.disk = (s.totalBytes, s.availableBytes)
            if s.inodes > 0 { r.inodes = (s.inodes, s.inodesFree) }
        }
        // `0.00 0.01 0.05 1/321 4567`: running and existing tasks
        let tasks: Int64 =
            ((try? Files.text("/proc/loadavg")) ?? "").split(separator: " ").dropFirst(3).first
            .flatMap { $0.split(separator: "/").last }.flatMap { Int64($0) } ?? 0
        let most: Int64 = Int64(((try? Files.text("/proc/sys/kernel/pid_max")) ?? "").prefix { $0.isNumber }) ?? 32768
        r.pids = (most, tasks)
        return Pressure(r)
    }

    mutating func hold(_ signals: Set<Signal>) { held = signals }
}

/// A condition that was true stays true for a while, so that a node at the edge does not flap.
struct PressureMemory: Sendable {
    static let holdTime: Duration = .seconds(300)
    private var lastShort: [Pressure.Signal: Timestamp] = [:]

    mutating func on(_ pressure: Pressure, now: Timestamp) -> Pressure {
        for s in pressure.shortages { lastShort[s.signal] = now }
        var p: Pressure = pressure
        p.hold(Set(lastShort.filter { now - $0.value < Self.holdTime }.keys))
        return p
    }
}
