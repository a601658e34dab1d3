// Processes and the machine, as /proc tells.

import Glibc

package struct ProcessInfo: Sendable {
    package var pid: Int32
    package var parent: Int32
    package var name: String
    package var state: Character
    /// Clock ticks since boot: with the pid it names one process for ever.
    package var startTicks: UInt64
    package var cpuSeconds: Double
    package var rssBytes: UInt64

    /// nil when there is no such process.
    package init?(_ pid: Int32) {
        guard let text = try? Files.text("/proc/\(pid)/stat"), let open = text.firstIndex(of: "("),
            let close = text.lastIndex(of: ")")
        else { return nil }
        let f: [Substring] = text[text.index(after: close)...].split(separator: " ")
        guard f.count > 21 else { return nil }
        self.pid = pid
        name = String(text[text.index(after: open)..<close])
        state = f[0].first ?? "?"
        parent = Int32(f[1]) ?? 0
        cpuSeconds = Double((UInt64(f[11]) ?? 0) + (UInt64(f[12]) ?? 0)) / Double(sysconf(Int32(_SC_CLK_TCK)))
        startTicks = UInt64(f[19]) ?? 0
        rssBytes = (UInt64(f[21]) ?? 0) * UInt64(getpagesize())
    }

    /// Every process that we can see.
    package static func all() -> [ProcessInfo] {
        ((try? Files.list("/proc")) ?? []).compactMap { Int32($0).flatMap { ProcessInfo($0) } }
    }

    package static func commandLine(_ pid: Int32) -> [String] {
        ((try? Files.read("/proc/\(pid)/cmdline")) ?? []).split(separator: 0).map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    /// There, and not a zombie.
    package static func isAlive(_ pid: Int32) -> Bool {
        guard let p = ProcessInfo(pid) else { return false }
        return p.state != "Z" && p.state != "X"
    }

    /// This program's own file.
    package static var executable: String { Files.readLink("/proc/self/exe") ?? CommandLine.arguments[0] }
}

/// Facts of the machine that a Node's status tells.
package enum Machine {
    package static var cpus: Int { Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
    package static var memoryBytes: UInt64 { memory("MemTotal") }
    package static var memoryAvailableBytes: UInt64 { memory("MemAvailable") }
    package static var hostName: String {
        var buffer: [CChar] = [CChar](repeating: 0, count: 256)
        gethostname(&buffer, 255)
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
    package static var bootID: String { line("/proc/sys/kernel/random/boot_id") }
    package static var machineID: String { line("/etc/machine-id") }
    package static var systemUUID: String {
        let u: String = line("/sys/class/dmi/id/product_uuid")
        return u.isEmpty ? machineID : u
    }
    package static var kernelVersion: String { line("/proc/sys/kernel/osrelease") }
    /// `PRETTY_NAME` of os-release(5).
    package static var osImage: String {
        for l in ((try? Files.text("/etc/os-release")) ?? "").split(separator: "\n") where l.hasPrefix("PRETTY_NAME=") {
            return l.dropFirst(12).filter { $0 != "\"" }
        }
        return "Linux"
    }
    /// Go's name of the processor: amd64, arm64.
    package static var architecture: String {
        #if arch(x86_64)
            "amd64"
        #elseif arch(arm64)
            "arm64"
        #else
            "unknown"
        #endif
    }

    private static func line(_ path: String) -> String {
        ((try? Files.text(path)) ?? "").split(separator: "\n").first.map { String($0) } ?? ""
    }

    private static func memory(_ field: String) -> UInt64 {
        for l in ((try? Files.text("/proc/meminfo")) ?? "").split(separator: "\n") where l.hasPrefix(field + ":") {
            return (UInt64(l.filter { $0.isNumber }) ?? 0) * 1024
        }
        return 0
    }
}
