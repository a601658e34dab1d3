// The kernel's part: namespaces, links, rules and cgroups that we make and remove. Needs root.

import Glibc
import KubeOS
import KubeWire
import Testing

@Suite(.enabled(if: geteuid() == 0, "needs root")) struct NamespaceTests {
    let folder: String

    init() throws {
        folder = "/tmp/kubens-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        try Files.makeDirectories(folder)
    }

    @Test func networkNamespaceIsApartAndGoes() async throws {
        defer { try? Files.removeTree(folder) }
        let file: String = "\(folder)/net"
        try await NetworkNamespaces.create(file)
        let inside: Namespaces = Namespaces(network: file)
        try await Links.run(["link add kt0 type bridge", "addr add 10.1.2.3/24 dev kt0"], namespaces: inside)
        let names: [String] = try await Links.show(["link"], namespaces: inside).elements.map { $0.ifname.text }
        #expect(names == ["lo", "kt0"])
        let ours: [String] = try await Links.show(["link"]).elements.map { $0.ifname.text }
        #expect(!ours.contains("kt0"))
        try NetworkNamespaces.delete(file)
        #expect(!Files.exists(file) && !Mounts.isMountPoint(file))
    }

    @Test func failingBatchSaysWhich() async throws {
        defer { try? Files.removeTree(folder) }
        let file: String = "\(folder)/net"
        try await NetworkNamespaces.create(file)
        defer { try? NetworkNamespaces.delete(file) }
        await #expect(throws: CommandError.self) {
            try await Links.run(["link set nowhere up"], namespaces: Namespaces(network: file))
        }
    }

    @Test func mountNamespaceHidesAndOutlivesItsMaker() async throws {
        defer { try? Files.removeTree(folder) }
        let (net, mnt): (String, String) = ("\(folder)/net", "\(folder)/mnt")
        try await NetworkNamespaces.create(net)
        let folder: String = self.folder
        try await MountNamespaces.create(mnt, network: net) {
            try Files.makeDirectories("\(folder)/own")
            try Mounts.tmpfs("\(folder)/own")
            try Files.write("\(folder)/own/file", "inside")
        }
        let both: Namespaces = Namespaces(network: net, mount: mnt)
        let seen: CommandResult = try await Command.check("cat", ["\(folder)/own/file"], namespaces: both)
        #expect(seen.output == "inside")
        #expect(!Files.exists("\(folder)/own/file"))
        try MountNamespaces.delete(mnt)
        try NetworkNamespaces.delete(net)
    }

    @Test func rulesAreOneTransactionInTheThreadsNamespace() async throws {
        defer { try? Files.removeTree(folder) }
        let file: String = "\(folder)/net"
        try await NetworkNamespaces.create(file)
        defer { try? NetworkNamespaces.delete(file) }
        let good: JSON = ["nftables": .array([["add": ["table": ["family": "ip", "name": "kt"]]] as JSON])]
        let bad: JSON = [
            "nftables": .array([
                ["add": ["table": ["family": "ip", "name": "kt2"]]] as JSON,
                ["add": ["rule": ["family": "ip", "table": "kt2", "chain": "absent", "expr": []]]] as JSON,
            ])
        ]
        let tables: JSON = try await OwnThread.run(in: Namespaces(network: file)) {
            try NFTables.apply(good)
            #expect(throws: NFTablesError.self) { try NFTables.apply(bad) }
            return try NFTables.list("tables")
        }
        #expect(tables.nftables.elements.compactMap { $0.table.name.asString } == ["kt"])
    }

    @Test func cgroupIsMadeLimitedReadAndRemoved() async throws {
        defer { try? Files.removeTree(folder) }
        let name: String = "/kubeos-test-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        let group: Cgroup = Cgroup(name + "/inner")
        try group.create()
        try group.setCPUShares(512)
        try group.setCPUQuota(microseconds: 50_000)
        try group.setMemoryLimit(bytes: 64 << 20)
        try group.setPidsLimit(10)
        let child: Child = try await Command.spawn("sleep", ["30"])
        try group.add(process: child.pid)
        #expect(Cgroup(name).processes() == [child.pid])
        let usage: CgroupUsage = try #require(group.usage())
        #expect(usage.pids == 1)
        Cgroup(name).killAll()
        #expect(try await child.wait() == 128 + SIGKILL)
        try Cgroup(name).delete()
        #expect(!group.exists)
    }

    @Test func endOfAStrangerIsSeen() async throws {
        let child: Child = try await Command.spawn("sleep", ["30"])
        #expect(await ProcessEnd.wait(child.pid, timeout: .milliseconds(20)) == false)
        #expect(await ProcessEnd.wait(child.pid, timeout: .seconds(5)) { _ = kill(child.pid, SIGTERM) })
        _ = try await child.wait()
    }
}
