// Values of the node agent: expansions, back-off, images, logs, resources, files.

import Glibc
import KubeBase
import KubeOS
import KubeWire
import Testing

@testable import KubeNode

@Suite struct ValueTests {
    @Test(arguments: [
        ("$(A)", "1"), ("$$(A)", "$(A)"), ("x$(B)y", "x$(B)y"), ("$(A", "$(A"), ("$", "$"), ("a$b", "a$b"),
        ("$$$(A)", "$1"), ("$(A)$(A)", "11"),
    ])
    func expands(text: String, expected: String) {
        #expect(Expansion.expand(text) { $0 == "A" ? "1" : nil } == expected)
    }

    @Test(arguments: [
        (Duration.seconds(10), "10s"), (.seconds(160), "2m40s"), (.seconds(3600), "1h0m0s"),
        (.milliseconds(1500), "1.5s"), (.milliseconds(35), "35ms"), (.zero, "0s"),
    ])
    func goDuration(d: Duration, text: String) { #expect(d.goText == text) }

    @Test func imageNames() {
        #expect(ImageName("nginx")?.tag == "latest")
        #expect(ImageName("nginx")?.repository == "library/nginx")
        #expect(ImageName("localhost:5000/a/b:1")?.registry == "localhost:5000")
        #expect(ImageName("localhost:5000/a/b")?.tag == "latest")
        #expect(ImageName("a/b@sha256:00")?.tag == "")
        #expect(ImageName("UPPER/x") == nil)
        #expect(ImageName("a//b") == nil)
        #expect(ImageName.defaultPullPolicy("nginx") == "Always")
        #expect(ImageName.defaultPullPolicy("nginx:1") == "IfNotPresent")
    }

    @Test func keyringFindsTheLongestPath() {
        let config: JSON = [
            "auths": [
                "https://r.example/v1/": ["auth": .string(Base64.encode(Array("u:p:q".utf8)))],
                "r.example/team": ["username": "t", "password": "s"],
                "*.other.example": ["username": "o", "password": "s"],
            ]
        ]
        let ring: Keyring = Keyring(secrets: [["data": [".dockerconfigjson": .string(Base64.encode(config.encoded()))]]]
        )
        #expect(ring.credentials(for: ImageName("r.example/team/x")!).map { $0.username } == ["t", "u"])
        #expect(ring.credentials(for: ImageName("r.example/teams/x")!).map { $0.password } == ["p:q"])
        #expect(ring.credentials(for: ImageName("a.other.example/x")!).count == 1)
        #expect(ring.credentials(for: ImageName("nginx")!).isEmpty)
    }

    @Test func qosAndOOMScores() {
        func pod(_ r: JSON) -> JSON { ["spec": ["containers": [["name": "c", "resources": r]]]] }
        let full: JSON = ["limits": ["cpu": "1", "memory": "1Gi"], "requests": ["cpu": "1", "memory": "1Gi"]]
        #expect(QoSClass(of: pod(full)) == .guaranteed)
        #expect(QoSClass(of: pod([:])) == .bestEffort)
        #expect(QoSClass(of: pod(["requests": ["cpu": "1m"]])) == .burstable)
        let half: JSON = pod(["requests": ["memory": "512Mi"]])
        #expect(ContainerResources.oomScore(half.spec.containers[0], pod: half, memoryCapacity: 1 << 30) == 500)
        #expect(ContainerResources.shares(milliCPU: 100) == 102)
        #expect(ContainerResources.shares(milliCPU: 0) == 2)
        #expect(ContainerResources.quota(milliCPU: 1) == 1000)
    }

    @Test func logLinesAreFiltered() {
        let text: String = """
            2026-01-01T00:00:00.000000001Z stdout F one
            2026-01-01T00:00:01.000000001Z stderr P tw
            2026-01-01T00:00:01.000000002Z stderr F o
            not a log line
            2026-01-01T00:00:02.000000001Z stdout F three

            """
        func out(_ query: String) -> String {
            var f: LogFilter = LogFilter(LogOptions(QueryValues(query), now: Timestamp(seconds: 0)))
            return String(decoding: f.apply(Array(text.utf8)[...]), as: UTF8.self)
        }
        #expect(out("") == "one\ntwo\nthree\n")
        #expect(
            out("timestamps=true")
                == "2026-01-01T00:00:00.000000001Z one\n2026-01-01T00:00:01.000000001Z two\n2026-01-01T00:00:02.000000001Z three\n"
        )
        #expect(out("sinceTime=2026-01-01T00:00:01.5Z") == "three\n")
        #expect(out("limitBytes=5") == "one\nt")
    }

    @Test func tailIsFoundFromTheEnd() throws {
        let path: String = "/tmp/apus-log-\(getpid())"
        defer { unlink(path) }
        let lines: [String] = (0..<20_000).map { "line \($0)" }
        try Files.write(path, lines.joined(separator: "\n") + "\n")
        let file: LogFile = try #require(LogFile(path))
        for n in [1, 3, 19_999, 20_000, 30_000] {
            let bytes: [UInt8] = file.read(at: file.offset(ofLast: n), count: 1 << 20) ?? []
            #expect(String(decoding: bytes, as: UTF8.self).split(separator: "\n").count == min(n, 20_000))
        }
        #expect(file.offset(ofLast: 0) == file.size)
    }

    @Test func atomicWriterSwapsAllFiles() throws {
        let root: String = "/tmp/apus-aw-\(getpid())"
        defer { try? Files.removeTree(root) }
        try Files.makeDirectories(root)
        func file(_ t: String) -> VolumeFile { VolumeFile(bytes: Array(t.utf8), mode: 0o600, user: nil) }
        try AtomicWriter.write(["a": file("1"), "d/b": file("2")], to: root, group: nil, now: Timestamp(seconds: 1))
        let first: String? = Files.readLink("\(root)/..data")
        try AtomicWriter.write(["a": file("1"), "d/b": file("2")], to: root, group: nil, now: Timestamp(seconds: 2))
        #expect(Files.readLink("\(root)/..data") == first)
        try AtomicWriter.write(["a": file("3")], to: root, group: nil, now: Timestamp(seconds: 3))
        #expect(try Files.text("\(root)/a") == "3")
        #expect(!Files.exists("\(root)/d"))
        #expect(try Files.list(root).count == 3)
        #expect(throws: (any Error).self) {
            try AtomicWriter.write(["../x": file("")], to: root, group: nil, now: Timestamp(seconds: 4))
        }
    }

    @Test func subPathStaysInside() throws {
        let root: String = "/tmp/apus-sp-\(getpid())"
        defer { try? Files.removeTree(root) }
        try Files.makeDirectories("\(root)/v")
        try Files.symlink("/etc", at: "\(root)/v/out")
        #expect(throws: ConfigFault.self) { try SubPath.bind("\(root)/v", "out", at: "\(root)/t", isReadOnly: false) }
        #expect(throws: ConfigFault.self) {
            try SubPath.bind("\(root)/v", "a/../b", at: "\(root)/t", isReadOnly: false)
        }
    }

    @Test func containerdEventsAreDecoded() {
        func field(_ n: UInt8, _ b: [UInt8]) -> [UInt8] { [n << 3 | 2, UInt8(b.count)] + b }
        let exit: [UInt8] =
            field(1, Array("c".utf8)) + field(2, Array("c".utf8)) + [0x18, 7, 0x20, 137, 1]
            + field(5, [0x08, 100])
        let envelope: [UInt8] =
            field(3, Array("/tasks/exit".utf8)) + field(4, field(1, Array("t".utf8)) + field(2, exit))
        #expect(ContainerdEvents.decode(envelope) == .exited(id: "c", exitCode: 137, at: Timestamp(seconds: 100)))
        let exec: [UInt8] = field(1, Array("c".utf8)) + field(2, Array("e".utf8))
        #expect(ContainerdEvents.decode(field(3, Array("/tasks/exit".utf8)) + field(4, field(2, exec))) == nil)
        #expect(ContainerdEvents.decode([0xff, 0xff]) == nil)
    }

    @Test func dnsOfAPod() {
        let dns: PodDNS = PodDNS(
            clusterServers: ["10.96.0.10"], clusterDomain: "cluster.local", node: "nameserver 1.1.1.1\nsearch lan\n")
        var pod: JSON = ["metadata": ["namespace": "n"], "spec": ["dnsPolicy": "ClusterFirst"]]
        #expect(dns.config(for: pod).searches == ["n.svc.cluster.local", "svc.cluster.local", "cluster.local", "lan"])
        pod.spec.hostNetwork = true
        #expect(dns.config(for: pod).servers == ["1.1.1.1"])
        pod.spec.dnsPolicy = "None"
        pod.spec.dnsConfig = ["nameservers": ["9.9.9.9"], "options": [["name": "ndots", "value": "2"]]]
        #expect(dns.config(for: pod).options == ["ndots:2"])
        #expect(dns.config(for: pod).servers == ["9.9.9.9"])
    }

    @Test func serviceVariables() {
        let s: JSON = [
            "metadata": ["name": "my-db", "namespace": "n"],
            "spec": ["clusterIP": "10.96.0.7", "ports": [["name": "sql", "port": 5432, "protocol": "TCP"]]],
        ]
        let v: [String: String] = ServiceVariables.make([s], pod: ["metadata": ["namespace": "n"]])
        #expect(v["MY_DB_SERVICE_HOST"] == "10.96.0.7")
        #expect(v["MY_DB_SERVICE_PORT_SQL"] == "5432")
        #expect(v["MY_DB_PORT_5432_TCP"] == "tcp://10.96.0.7:5432")
        #expect(
            ServiceVariables.make([s], pod: ["metadata": ["namespace": "n"], "spec": ["enableServiceLinks": false]])
                .isEmpty)
    }
}
