// The Kubernetes DNS specification, line by line.

import KubeDNS
import KubeWire
import Testing

@Suite struct ClusterZoneTests {
    static let zone: ClusterZone = {
        var z: ClusterZone = ClusterZone(domain: "cluster.local")
        for name in ["default", "prod", "empty"] { z.on(namespace: nil, ["metadata": ["name": .string(name)]]) }
        z.on(
            service: nil,
            [
                "metadata": ["name": "web", "namespace": "default"],
                "spec": ["clusterIP": "10.96.0.7", "ports": [
                    ["name": "http", "port": 80], ["name": "dns", "port": 53, "protocol": "UDP"],
                ]],
            ])
        z.on(
            service: nil,
            ["metadata": ["name": "db", "namespace": "prod"], "spec": ["clusterIP": "None", "clusterIPs": ["None"]]])
        z.on(
            service: nil,
            ["metadata": ["name": "none", "namespace": "prod"], "spec": ["clusterIP": "None"]])
        z.on(
            service: nil,
            [
                "metadata": ["name": "out", "namespace": "prod"],
                "spec": ["type": "ExternalName", "externalName": "example.com"],
            ])
        var slice: JSON = ["addressType": "IPv4", "ports": [["name": "pg", "port": 5432]]]
        slice.metadata = ["name": "db-1", "namespace": "prod", "labels": ["kubernetes.io/service-name": "db"]]
        slice.endpoints = [
            ["addresses": ["10.244.1.2"], "hostname": "db-0"], ["addresses": ["10.244.2.3"]],
            ["addresses": ["10.244.2.4"], "conditions": ["ready": false]],
        ]
        z.on(slice: nil, slice)
        return z
    }()

    static func text(_ r: Record) -> String {
        switch r.content {
        case .address(let b) where b.count == 4: b.map { String($0) }.joined(separator: ".")
        case .address(let b): b.map { String($0, radix: 16) }.joined(separator: ":")
        case .name(_, let n): n.description
        case .service(let priority, let weight, let port, let target): "\(priority) \(weight) \(port) \(target)"
        case .text(let t): t
        case .authority(let server, _, _, _): "SOA \(server)"
        }
    }

    static let types: [String: UInt16] = [
        "A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "TXT": 16, "AAAA": 28, "SRV": 33,
    ]

    @Test(arguments: [
        "A web.default.svc.cluster.local. → 10.96.0.7",
        "A WEB.Default.svc.Cluster.local → 10.96.0.7",
        "AAAA web.default.svc.cluster.local → (SOA ns.dns.cluster.local.)",
        "A nope.default.svc.cluster.local → NX (SOA ns.dns.cluster.local.)",
        "A web.nope.svc.cluster.local → NX (SOA ns.dns.cluster.local.)",
        "A default.svc.cluster.local → (SOA ns.dns.cluster.local.)",
        "A empty.svc.cluster.local → (SOA ns.dns.cluster.local.)",
        "A nope.svc.cluster.local → NX (SOA ns.dns.cluster.local.)",
        "A svc.cluster.local → (SOA ns.dns.cluster.local.)",
        "A nope.cluster.local → NX (SOA ns.dns.cluster.local.)",
        "SRV _http._tcp.web.default.svc.cluster.local → 0 100 80 web.default.svc.cluster.local. + 10.96.0.7",
        "SRV _dns._udp.web.default.svc.cluster.local → 0 100 53 web.default.svc.cluster.local. + 10.96.0.7",
        "SRV _dns._tcp.web.default.svc.cluster.local → NX (SOA ns.dns.cluster.local.)",
        "A _http._tcp.web.default.svc.cluster.local → (SOA ns.dns.cluster.local.)",
        "A _tcp.web.default.svc.cluster.local → (SOA ns.dns.cluster.local.)",
        "A x.web.default.svc.cluster.local → NX (SOA ns.dns.cluster.local.)",
        "A db.prod.svc.cluster.local → 10.244.1.2 10.244.2.3",
        "A none.prod.svc.cluster.local → NX (SOA ns.dns.cluster.local.)",
        "A db-0.db.prod.svc.cluster.local → 10.244.1.2",
        "A 10-244-2-3.db.prod.svc.cluster.local → 10.244.2.3",
        "A db-1.db.prod.svc.cluster.local → NX (SOA ns.dns.cluster.local.)",
        "SRV _pg._tcp.db.prod.svc.cluster.local → 0 100 5432 db-0.db.prod.svc.cluster.local. "
            + "0 100 5432 10-244-2-3.db.prod.svc.cluster.local. + 10.244.1.2 10.244.2.3",
        "A out.prod.svc.cluster.local → example.com.",
        "CNAME out.prod.svc.cluster.local → example.com.",
        "A 10-244-1-9.default.pod.cluster.local → 10.244.1.9",
        "A 10-244-1-9.nope.pod.cluster.local → NX (SOA ns.dns.cluster.local.)",
        "A 10-244-1-999.default.pod.cluster.local → NX (SOA ns.dns.cluster.local.)",
        "TXT dns-version.cluster.local → 1.1.0",
        "NS cluster.local → ns.dns.cluster.local.",
        "SOA cluster.local → SOA ns.dns.cluster.local.",
        "PTR 7.0.96.10.in-addr.arpa → web.default.svc.cluster.local.",
        "PTR 2.1.244.10.in-addr.arpa → db-0.db.prod.svc.cluster.local.",
        "PTR 3.2.244.10.in-addr.arpa → not ours",
        "A example.com → not ours",
    ]) func answers(_ line: String) {
        let parts: [Substring] = line.split(separator: " ", maxSplits: 2)
        let question: Question = Question(name: DomainName(String(parts[1])), type: Self.types[String(parts[0])]!)
        var got: [String] = []
        if let m: Message = Self.zone.answer(question) {
            if m.code == .noSuchName { got.append("NX") }
            got += m.answers.map(Self.text)
            got += m.authorities.map { "(\(Self.text($0)))" }
            if !m.additionals.isEmpty { got += ["+"] + m.additionals.map(Self.text) }
        } else {
            got = ["not ours"]
        }
        #expect("→ " + got.joined(separator: " ") == parts[2])
    }

    @Test func headlessAddressesTakeTurns() {
        let q: Question = Question(name: DomainName("db.prod.svc.cluster.local"), type: 1)
        let firsts: Set<String> = Set((0..<2).map { Self.text(Self.zone.answer(q, rotation: $0)!.answers[0]) })
        #expect(firsts.count == 2)
    }

    @Test func goneIsGone() {
        var z: ClusterZone = Self.zone
        z.on(service: ["metadata": ["name": "web", "namespace": "default"]], nil)
        #expect(z.answer(Question(name: DomainName("web.default.svc.cluster.local"), type: 1))?.code == .noSuchName)
        #expect(z.answer(Question(name: DomainName("7.0.96.10.in-addr.arpa"), type: 12)) == nil)
    }
}
