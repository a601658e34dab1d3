// What this machine must have, and the command that mends what it lacks.

import Glibc
import KubeOS

/// One thing looked at.
struct Finding: Sendable {
    enum Verdict: Sendable { case fine, warning, missing }
    var verdict: Verdict
    var what: String
    /// A sentence, with the command that mends it.
    var mend: String = ""
}

enum Preflight {
    static let cniFolders: [String] = ["/usr/lib/cni", "/opt/cni/bin"]
    static let plugins: [String] = ["ptp", "host-local", "portmap", "loopback"]

    /// The programs a node needs; throws a sentence with what lacks.
    static func programs() throws -> NodePrograms {
        guard let containerd = Command.find("containerd") else {
            throw ClusterError("containerd is not installed; mend it with: apt-get install -y containerd")
        }
        let runtimes: [(name: String, path: String)] = ["crun", "runc"].compactMap { name in
            Command.find(name).map { (name, $0) }
        }
        guard !runtimes.isEmpty else {
            throw ClusterError(
                "no container runtime (crun or runc) is installed; mend it with: apt-get install -y crun")
        }
        guard let folder = cniFolders.first(where: { f in plugins.allSatisfy { Files.exists("\(f)/\($0)") } }) else {
            throw ClusterError(
                "the CNI plugins (\(plugins.joined(separator: ", "))) are not installed; mend it with: "
                    + "apt-get install -y containernetworking-plugins")
        }
        guard Command.find("ip") != nil else {
            throw ClusterError("the program ip is not installed; mend it with: apt-get install -y iproute2")
        }
        return NodePrograms(containerd: containerd, cniFolder: folder, runtimes: runtimes)
    }

    static func requireRoot(_ command: String) throws {
        guard geteuid() == 0 else {
            throw ClusterError(
                "`apus \(command)` makes namespaces and links, so it must run as root; try: sudo apus \(command)")
        }
    }

    /// Everything `doctor` tells, in the order of importance.
    static func findings() -> [Finding] {
        var all: [Finding] = []
        func look(_ isFine: Bool, _ what: String, _ mend: String, _ bad: Finding.Verdict = .missing) {
            all.append(Finding(verdict: isFine ? .fine : bad, what: what, mend: isFine ? "" : mend))
        }
        look(geteuid() == 0, "root", "run it as root: sudo apus up")
        let packages: [(program: String, package: String, needed: Bool)] = [
            ("containerd", "containerd", true), ("ctr", "containerd", true), ("ip", "iproute2", true),
            ("nft", "nftables", false), ("iptables", "iptables", false), ("conntrack", "conntrack", false),
        ]
        for p in packages {
            look(
                Command.find(p.program) != nil, p.program, "apt-get install -y \(p.package)",
                p.needed ? .missing : .warning)
        }
        let runtimes: [String] = ["crun", "runc"].filter { Command.find($0) != nil }
        look(!runtimes.isEmpty, "OCI runtime: \(runtimes.joined(separator: ", "))", "apt-get install -y crun runc")
        let folder: String? = cniFolders.first { f in plugins.allSatisfy { Files.exists("\(f)/\($0)") } }
        look(
            folder != nil, "CNI plugins in \(folder ?? cniFolders[0])", "apt-get install -y containernetworking-plugins"
        )
        look(kernelHas("overlay", in: "/proc/filesystems"), "overlayfs", "modprobe overlay")
        look(Files.exists("/proc/sys/net/bridge"), "bridge netfilter", "modprobe br_netfilter", .warning)
        look(
            Files.exists("/sys/fs/cgroup"), "cgroups (\(CgroupVersion.detect()))",
            "mount -t cgroup2 none /sys/fs/cgroup")
        let refusal: String? = Self.refusal()
        if let refusal {
            look(
                false, "nftables", "the kernel refuses nftables (\(refusal)); modprobe nf_tables",
                geteuid() == 0 ? .missing : .warning)
        } else {
            look(true, "nftables", "")
        }
        if let space = try? Files.space("/var/lib") {
            let free: Int64 = space.availableBytes >> 20
            look(
                free > 2048, "disk: \(free) MiB free in /var/lib", "images and logs need room: free at least 2 GiB",
                .warning)
        }
        return all
    }

    private static func refusal() -> String? {
        do {
            _ = try NFTables.list("tables")
            return nil
        } catch {
            return "\(error)"
        }
    }

    private static func kernelHas(_ word: String, in path: String) -> Bool {
        ((try? Files.text(path)) ?? "").split { $0.isWhitespace }.contains { $0 == word }
    }
}
