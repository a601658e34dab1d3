// A node, two pods and a far machine as network namespaces that the tests make and delete.

import Glibc
import KubeOS
import KubeWire

@testable import KubeProxy

/// `node` holds a bridge with pods p1 (10.244.1.2) and p2 (10.244.1.3), and a link to `far` (192.0.2.1 ↔ 192.0.2.2).
struct World {
    let prefix: String = "apus-t-\(getpid())-\(UInt16.random(in: 0...9999))-"
    var servers: [Child] = []

    func space(_ name: String) -> Namespaces { Namespaces(network: "/run/netns/" + prefix + name) }

    @discardableResult
    func run(_ name: String, _ command: String) async throws -> String {
        try await Command.run("/bin/sh", ["-c", command], namespaces: space(name), timeout: .seconds(20)).output
    }

    static func create() async throws -> World {
        let w: World = World()
        for name in ["node", "p1", "p2", "far"] {
            try await Command.check("ip", ["netns", "add", w.prefix + name])
            try await w.run(name, "ip link set lo up")
        }
        try await w.run("node", "ip link add br0 type bridge && ip addr add 10.244.1.1/24 dev br0 && ip link set br0 up"
            + " && sysctl -qw net.ipv4.ip_forward=1 && ip route add unreachable 10.96.0.0/12 metric 9999")
        for (name, address) in [("p1", "10.244.1.2"), ("p2", "10.244.1.3")] {
            try await w.run("node", "ip link add v\(name) type veth peer name eth0 netns \(w.prefix)\(name)"
                + " && ip link set v\(name) master br0 up && bridge link set dev v\(name) hairpin on")
            try await w.run(name, "ip addr add \(address)/24 dev eth0 && ip link set eth0 up"
                + " && ip route add default via 10.244.1.1")
        }
        try await w.run("node", "ip link add up0 type veth peer name eth0 netns \(w.prefix)far"
            + " && ip addr add 192.0.2.1/24 dev up0 && ip link set up0 up")
        try await w.run("far", "ip addr add 192.0.2.2/24 dev eth0 && ip link set eth0 up"
            + " && ip route add 10.0.0.0/8 via 192.0.2.1 && ip route add 203.0.113.0/24 via 192.0.2.1")
        try await Kernel.preparation(serviceCIDR: "10.96.0.0/12", in: w.space("node"))()
        return w
    }

    func delete() async {
        for s in servers { s.signal(SIGKILL) }
        for s in servers { _ = try? await s.wait() }
        for name in ["node", "p1", "p2", "far"] { _ = try? await Command.run("ip", ["netns", "del", prefix + name]) }
    }

    /// Answers each connection with its name and the client's address.
    mutating func serve(_ name: String) async throws {
        let answer: String = "SYSTEM:echo \(name) $SOCAT_PEERADDR"
        for kind in ["TCP-LISTEN:8080,reuseaddr,fork", "UDP-RECVFROM:8080,fork"] {
            servers.append(try await Command.spawn("socat", [kind, answer], namespaces: space(name)))
        }
        try await run(name, "until [ $(ss -lntuH | grep -c :8080) = 2 ]; do sleep 0.02; done")
    }

    func ask(_ from: String, _ address: String, _ port: Int) async throws -> String {
        let r: CommandResult = try await Command.run(
            "socat", ["-T2", "-", "TCP:\(address):\(port),connect-timeout=2"], namespaces: space(from))
        return r.isSuccess ? r.output.split(separator: "\n").joined() : "failed: " + r.message.suffix(40)
    }

    func apply(_ change: ProxyChange) async throws {
        if let t: JSON = change.transaction { try await Kernel.packetFilter(in: space("node"))(t) }
        await Kernel.flowTable(in: space("node"))(change.staleFlows)
    }

    /// Answers that came in `count` tries.
    func answers(_ from: String, _ address: String, _ port: Int, _ count: Int) async throws -> Set<String> {
        var all: Set<String> = []
        for _ in 0..<count { all.insert(try await ask(from, address, port)) }
        return all
    }

    /// Whether a connection comes about within a quarter of a second.
    func reaches(_ from: String, _ address: String, _ port: Int) async throws -> Bool {
        try await Command.run(
            "socat", ["-T1", "-", "TCP:\(address):\(port),connect-timeout=0.25"], namespaces: space(from)
        ).isSuccess
    }
}
