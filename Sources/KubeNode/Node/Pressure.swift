// What the machine runs short of: the signals of the kubelet's eviction.

import KubeOS

struct Pressure: Sendable, Equatable {
    /// As upstream's `memory.available<100Mi`.
    static let memoryAvailableMin: Int64 = 100 << 20
    /// Of the disk under the agent's root. Upstream's 10 % suits servers; a developer's full disk shall
    /// still take pods.
    static let diskAvailablePercentMin: Int64 = 2
    static let inodesFreePercentMin: Int64 = 1
    static let pidsAvailablePercentMin: Int64 = 5

    var isMemoryShort: Bool = false
    var isDiskShort: Bool = false
    var isPIDShort: Bool = false

    static func now(root: String) -> Pressure {
        var p: Pressure = Pressure()
        for line in ((try? Files.text("/proc/meminfo")) ?? "").split(separator: "\n")
        where line.hasPrefix("MemAvailable:") {
            let kib: Int64 = Int64(line.split(separator: " ").dropFirst().first ?? "") ?? .max >> 10
            p.isMemoryShort = kib << 10 < memoryAvailableMin
        }
        if let s = try? Files.space(root), s.totalBytes > 0 {
            p.isDiskShort =
                s.availableBytes * 100 < s.totalBytes * diskAvailablePercentMin
                || (s.inodes > 0 && s.inodesFree * 100 < s.inodes * inodesFreePercentMin)
        }
        // `0.00 0.01 0.05 1/321 4567`: running and existing tasks
        let tasks: Int64 =
            ((try? Files.text("/proc/loadavg")) ?? "").split(separator: " ").dropFirst(3).first
            .flatMap { $0.split(separator: "/").last }.flatMap { Int64($0) } ?? 0
        let most: Int64 = Int64(((try? Files.text("/proc/sys/kernel/pid_max")) ?? "").prefix { $0.isNumber }) ?? 32768
        p.isPIDShort = (most - tasks) * 100 < most * pidsAvailablePercentMin
        return p
    }
}
