// What is pure in the assembly: addresses, routes, configuration files, archives.

import KubeWire
import Testing

@testable import KubeCluster

@Suite struct PlanTests {
    let cluster: ClusterConfiguration = ClusterConfiguration(
        name: "t", nodeCount: 3, port: 6443, registry: "localhost:5000", index: 2)

    @Test func addressesDoNotMeet() throws {
        let nodes: [NodePlace] = cluster.nodes
        #expect(nodes.map { $0.address } == ["10.89.2.2", "10.89.2.3", "10.89.2.4"])
        #expect(nodes[2].podCIDR == "10.246.3.0/24")
        #expect(nodes[2].hostLink == "apus2n3")
        let ranges: [AddressRange] = ClusterConfiguration.indexes.flatMap { i in
            let c: ClusterConfiguration = ClusterConfiguration(name: "", nodeCount: 1, port: 0, registry: "", index: i)
            return [c.nodeNetwork, c.podCIDR, c.serviceCIDR].compactMap { AddressRange($0) }
        }
        #expect(ranges.count == 36)
        for i in ranges.indices { for j in ranges.indices where i < j { #expect(!ranges[i].overlaps(ranges[j])) } }
    }

    @Test func longestLinkNameFits() {
        let c: ClusterConfiguration = ClusterConfiguration(
            name: "x", nodeCount: ClusterConfiguration.nodeCountMax, port: 1, registry: "", index: 11)
        #expect(c.nodes.last!.hostLink.utf8.count <= 15)
    }

    @Test func rangesOverlapAsPrefixesDo() throws {
        let all: AddressRange = try #require(AddressRange("10.0.0.0/8"))
        let one: AddressRange = try #require(AddressRange("10.89.0.1"))
        let other: AddressRange = try #require(AddressRange("192.0.2.0/24"))
        #expect(all.overlaps(one) && one.overlaps(all) && !other.overlaps(one))
        #expect(AddressRange("default") == nil && AddressRange("fe80::/64") == nil)
    }

    @Test func nodeReachesOthersAndNothingElse() {
        let lines: [String] = NodeNetwork.inside(cluster.nodes[0])
        #expect(lines.contains("route replace 10.246.2.0/24 via 10.89.2.3 dev eth0"))
        #expect(lines.contains("route add unreachable 10.98.0.0/16 metric 4278198272"))
        #expect(!lines.contains { $0.contains("default") || $0.contains("10.246.1.0/24 via") })
    }

    @Test func configurationSurvivesStorage() {
        #expect(ClusterConfiguration(json: cluster.json) == cluster)
        #expect(ClusterConfiguration(json: [:]) == nil)
    }

    @Test func flagsOfTheServerAreKept() throws {
        func given(_ words: String...) throws -> Flags { try Flags(words, known: Up.flags, command: "up") }
        let first: [String: String] = try ServerFlags.merged(
            [:], given("--nodes=2", "--audit-policy-file", "p.yaml", "--service-account-key-file=/a.pub,b.pub"),
            folder: "/home")
        #expect(first == ["audit-policy-file": "/home/p.yaml", "service-account-key-file": "/a.pub,/home/b.pub"])
        let second: [String: String] = try ServerFlags.merged(
            first, given("--audit-policy-file=", "--audit-log-maxsize=3"), folder: "/")
        #expect(
            ServerFlags.arguments(second) == ["--audit-log-maxsize=3", "--service-account-key-file=/a.pub,/home/b.pub"])
        #expect(throws: ClusterError.self) { try ServerFlags.merged([:], given("--audit-log-maxsize=x"), folder: "/") }
        var kept: ClusterConfiguration = cluster
        kept.serverFlags = second
        #expect(ClusterConfiguration(json: kept.json) == kept)
    }

    @Test func flagsAreParsed() throws {
        let f: Flags = try Flags(
            ["--nodes=3", "word", "--name", "x"], known: ["nodes": true, "name": true], command: "up")
        #expect(f["nodes"] == "3" && f["name"] == "x" && f.words == ["word"])
        #expect(try f.int("nodes", 1...5) == 3)
        #expect(throws: ClusterError.self) { try f.int("nodes", 1...2) }
        #expect(throws: ClusterError.self) { try Flags(["--bad"], known: [:], command: "up") }
        #expect(throws: ClusterError.self) { try Flags(["--name"], known: ["name": true], command: "up") }
    }

    @Test func archiveHasItsParts() {
        let bytes: [UInt8] = ImageArchive.pause()
        #expect(bytes.count % 512 == 0)
        let text: String = String(decoding: bytes, as: UTF8.self)
        #expect(text.contains("manifest.json") && text.contains("apus/pause:1") && text.contains("ELF"))
    }
}
