// Control groups by path: one directory on v2, one in each controller's tree on v1 (and hybrid).

import Glibc

/// How the machine mounts cgroups.
package enum CgroupVersion: Sendable {
    case v1, v2

    /// Of the calling thread's mount namespace; hybrid machines count as v1.
    package static func detect() -> CgroupVersion { Files.exists("/sys/fs/cgroup/cgroup.controllers") ? .v2 : .v1 }
}

/// What a group used. Absent figures (no such controller) are 0.
package struct CgroupUsage: Sendable {
    package var cpuNanoseconds: UInt64 = 0
    package var memoryBytes: UInt64 = 0
    /// Without the page cache that can be dropped: what eviction and `top` count.
    package var workingSetBytes: UInt64 = 0
    package var rssBytes: UInt64 = 0
    package var pids: UInt64 = 0
    package var oomKills: UInt64 = 0
    package init() {}
}

/// A group such as `/kubepods/burstable/pod1234`.
package struct Cgroup: Sendable {
    package static let root: String = "/sys/fs/cgroup"
    /// The v1 controllers that we set or read; the runtime makes what it needs elsewhere.
    private static let controllers: [String] = ["cpu", "cpuacct", "cpuset", "memory", "pids"]

    /// Starts with `/`, no dots.
    package let path: String
    package let version: CgroupVersion

    package init(_ path: String, version: CgroupVersion = .detect()) {
        self.path = path
        self.version = version
    }

    private func directory(_ controller: String) -> String {
        version == .v2 ? "\(Self.root)\(path)" : "\(Self.root)/\(controller)\(path)"
    }

    private var directories: [String] {
        if version == .v2 { return ["\(Self.root)\(path)"] }
        return ((try? Files.list(Self.root)) ?? []).filter { $0 != "unified" }.map { "\(Self.root)/\($0)\(path)" }
    }

    package var exists: Bool { Files.exists(directory("memory")) }

    /// Makes the group and its parents; on v2 the controllers are enabled on the way down.
    package func create() throws(OSError) {
        if version == .v2 {
            var here: String = Self.root
            for part in path.split(separator: "/") {
                try Self.enableControllers(here)
                here += "/\(part)"
                try Files.makeDirectories(here)
            }
            return
        }
        for controller in Self.controllers where Files.exists("\(Self.root)/\(controller)") {
            try Files.makeDirectories(directory(controller))
        }
        if Files.exists("\(Self.root)/cpuset") { Self.fillCPUSet(path) }
    }

    private static func enableControllers(_ directory: String) throws(OSError) {
        let has: Set<Substring> = Set(
            (try Files.text("\(directory)/cgroup.controllers")).split { $0 == " " || $0 == "\n" })
        let on: Set<Substring> = Set(
            (try Files.text("\(directory)/cgroup.subtree_control")).split { $0 == " " || $0 == "\n" })
        for c: Substring in ["cpu", "cpuset", "memory", "pids"] where has.contains(c) && !on.contains(c) {
            try Files.write("\(directory)/cgroup.subtree_control", "+\(c)")
        }
    }

    /// A new v1 cpuset is empty, and no process may join an empty one: it takes its parent's values, from the top down.
    private static func fillCPUSet(_ path: String) {
        var here: String = "\(root)/cpuset"
        for part in path.split(separator: "/") {
            let parent: String = here
            here += "/\(part)"
            for file in ["cpuset.cpus", "cpuset.mems"] {
                guard let own = try? Files.text("\(here)/\(file)"), own.allSatisfy({ $0.isWhitespace }),
                    let value = try? Files.text("\(parent)/\(file)")
                else { continue }
                try? Files.write("\(here)/\(file)", value)
            }
        }
    }

    /// Relative weight in v1's shares (2–262144; 1024 is one cpu); turned into cpu.weight on v2 (KEP-2254's formula).
    package func setCPUShares(_ shares: UInt64) throws(OSError) {
        let s: UInt64 = min(max(shares, 2), 262144)
        if version == .v2 {
            try Files.write("\(directory(""))/cpu.weight", "\(1 + ((s - 2) * 9999) / 262142)")
        } else {
            try Files.write("\(directory("cpu"))/cpu.shares", "\(s)")
        }
    }

    /// nil: no limit. `quota` may exceed `period` (several cpus).
    package func setCPUQuota(microseconds quota: Int64?, periodMicroseconds period: Int64 = 100_000) throws(OSError) {
        if version == .v2 {
            try Files.write("\(directory(""))/cpu.max", "\(quota.map { "\($0)" } ?? "max") \(period)")
        } else {
            try Files.write("\(directory("cpu"))/cpu.cfs_period_us", "\(period)")
            try Files.write("\(directory("cpu"))/cpu.cfs_quota_us", "\(quota ?? -1)")
        }
    }

    /// nil: no limit.
    package func setMemoryLimit(bytes: Int64?) throws(OSError) {
        if version == .v2 {
            try Files.write("\(directory(""))/memory.max", bytes.map { "\($0)" } ?? "max")
        } else {
            try Files.write("\(directory("memory"))/memory.limit_in_bytes", "\(bytes ?? -1)")
        }
    }

    /// nil: no limit.
    package func setPidsLimit(_ count: Int64?) throws(OSError) {
        try Files.write("\(directory("pids"))/pids.max", count.map { "\($0)" } ?? "max")
    }

    package func add(process pid: Int32) throws(OSError) {
        if version == .v2 { return try Files.write("\(directory(""))/cgroup.procs", "\(pid)") }
        for controller in Self.controllers where Files.exists(directory(controller)) {
            try Files.write("\(directory(controller))/cgroup.procs", "\(pid)")
        }
    }

    /// Ids of the processes in this group and below.
    package func processes() -> [Int32] {
        var found: Set<Int32> = []
        for directory in directories { Self.collect(directory, &found) }
        return found.sorted()
    }

    private static func collect(_ directory: String, _ into: inout Set<Int32>) {
        guard let text = try? Files.text("\(directory)/cgroup.procs") else { return }
        for line in text.split(separator: "\n") { if let pid = Int32(line) { into.insert(pid) } }
        for name in (try? Files.list(directory)) ?? [] where Files.status("\(directory)/\(name)")?.isDirectory == true {
            collect("\(directory)/\(name)", &into)
        }
    }

    /// Sends SIGKILL to everything in the group and below.
    package func killAll() { for pid in processes() { kill(pid, SIGKILL) } }

    /// Removes the group and those below it; `EBUSY` while a process is left in one.
    package func delete() throws(OSError) { for directory in directories { try Self.delete(directory) } }

    private static func delete(_ directory: String) throws(OSError) {
        guard let names = try? Files.list(directory) else { return }
        for name in names where Files.status("\(directory)/\(name)")?.isDirectory == true {
            try delete("\(directory)/\(name)")
        }
        guard rmdir(directory) == 0 || errno == ENOENT else { throw OSError("rmdir", path: directory) }
    }

    /// nil when the group is gone.
    package func usage() -> CgroupUsage? {
        guard exists else { return nil }
        var u: CgroupUsage = CgroupUsage()
        u.pids = Self.number("\(directory("pids"))/pids.current")
        if version == .v2 {
            let d: String = directory("")
            u.cpuNanoseconds = (Self.table("\(d)/cpu.stat")["usage_usec"] ?? 0) * 1000
            u.memoryBytes = Self.number("\(d)/memory.current")
            let stat: [String: UInt64] = Self.table("\(d)/memory.stat")
            if path == "/" { u.memoryBytes = Self.machineMemoryBytes() }
            u.workingSetBytes = u.memoryBytes - min(u.memoryBytes, stat["inactive_file"] ?? 0)
            u.rssBytes = stat["anon"] ?? 0
            u.oomKills = Self.table("\(d)/memory.events")["oom_kill"] ?? 0
        } else {
            u.cpuNanoseconds = Self.number("\(directory("cpuacct"))/cpuacct.usage")
            let d: String = directory("memory")
            u.memoryBytes = Self.number("\(d)/memory.usage_in_bytes")
            let stat: [String: UInt64] = Self.table("\(d)/memory.stat")
            u.workingSetBytes = u.memoryBytes - min(u.memoryBytes, stat["total_inactive_file"] ?? 0)
            u.rssBytes = stat["total_rss"] ?? 0
            u.oomKills = Self.table("\(d)/memory.oom_control")["oom_kill"] ?? 0
        }
        return u
    }

    /// The root group has no memory.current on v2: all that is not free, as runc and cadvisor count it.
    private static func machineMemoryBytes() -> UInt64 {
        var kibibytes: [Substring: UInt64] = [:]
        for line in ((try? Files.text("/proc/meminfo")) ?? "").split(separator: "\n") {
            let f: [Substring] = line.split(separator: " ")
            if f.count > 1, let n = UInt64(f[1]) { kibibytes[f[0]] = n }
        }
        let total: UInt64 = kibibytes["MemTotal:"] ?? 0
        return (total - min(total, kibibytes["MemFree:"] ?? 0)) * 1024
    }

    private static func number(_ path: String) -> UInt64 {
        guard let text = try? Files.text(path) else { return 0 }
        return UInt64(text.prefix { $0.isNumber }) ?? 0
    }

    private static func table(_ path: String) -> [String: UInt64] {
        var out: [String: UInt64] = [:]
        for line in ((try? Files.text(path)) ?? "").split(separator: "\n") {
            let f: [Substring] = line.split(separator: " ")
            if f.count == 2, let n = UInt64(f[1]) { out[String(f[0])] = n }
        }
        return out
    }
}
