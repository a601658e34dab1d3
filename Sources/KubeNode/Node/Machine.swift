// The machine under a node: its size and its names, from /proc and /etc.

import Glibc
import KubeModel
import KubeOS
import KubeWire

struct Machine: Sendable {
    var cpus: Int
    var memoryBytes: Int64
    var diskBytes: Int64
    var inodes: Int64
    var kernel: String
    var osImage: String
    var architecture: String
    var machineID: String
    var bootID: String
    var hostname: String

    init(_ options: NodeAgentOptions) {
        cpus = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        var memory: Int64 = 0
        for line in ((try? Files.text("/proc/meminfo")) ?? "").split(separator: "\n") where line.hasPrefix("MemTotal:")
        {
            memory = (Int64(line.split(separator: " ")[1]) ?? 0) * 1024
        }
        memoryBytes = memory
        var root: String = options.rootDirectory
        while !Files.exists(root), let slash = root.lastIndex(of: "/") { root = String(root[..<slash]) }
        let space = (try? Files.space(root.isEmpty ? "/" : root)) ?? (0, 0, 0, 0)
        diskBytes = space.0
        inodes = space.2
        var u: utsname = utsname()
        uname(&u)
        func text<T>(_ field: T) -> String {
            withUnsafeBytes(of: field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        }
        kernel = text(u.release)
        hostname = text(u.nodename)
        architecture = text(u.machine) == "aarch64" ? "arm64" : text(u.machine) == "x86_64" ? "amd64" : text(u.machine)
        func line(_ path: String) -> String {
            ((try? Files.text(path)) ?? "").split(separator: "\n").first.map { String($0) } ?? ""
        }
        machineID = line("/etc/machine-id")
        bootID = line("/proc/sys/kernel/random/boot_id")
        osImage = "Linux"
        for l in ((try? Files.text("/etc/os-release")) ?? "").split(separator: "\n") where l.hasPrefix("PRETTY_NAME=") {
            osImage = l.dropFirst("PRETTY_NAME=".count).filter { $0 != "\"" }
        }
    }

    func capacity(_ options: NodeAgentOptions) -> [String: String] {
        var c: [String: String] = [
            "cpu": "\(cpus)", "memory": "\(memoryBytes / 1024)Ki", "ephemeral-storage": "\(diskBytes / 1024)Ki",
            "pods": "\(options.podsMax)", "hugepages-1Gi": "0", "hugepages-2Mi": "0",
        ]
        for (key, value) in options.capacity { c[key] = value }
        return c
    }

    func allocatable(_ options: NodeAgentOptions) -> [String: String] {
        var a: [String: String] = capacity(options)
        for (key, value) in options.reserved {
            guard let have = Quantity(a[key] ?? ""), let less = Quantity(value) else { continue }
            if key == "cpu" {
                a[key] = Quantity(milli: max(0, have.milliValue - less.milliValue)).description
            } else {
                a[key] = "\(max(0, have.value - less.value))"
            }
        }
        return a
    }
}
