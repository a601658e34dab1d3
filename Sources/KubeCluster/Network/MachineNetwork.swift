// The network of a node on a machine of its own: the DNS address, the CNI configuration, routes to other nodes' pods.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeOS
import KubeWire
import Logging
import Synchronization

/// Nodes on one link reach each other's pods through routes (host-gw). Laid at start, taken away at the end.
struct MachineNetwork: Component {
    let nodeName: String
    let nodes: Informer
    let dnsAddress: String
    /// Where containerd looks for its network: `/etc/cni/net.d`.
    let cniFolder: String
    var name: String { "machine network" }
    private let log: Logger = .component("network")

    init(client: Client, nodeName: String, dnsAddress: String, cniFolder: String) {
        self.nodeName = nodeName
        self.dnsAddress = dnsAddress
        self.cniFolder = cniFolder
        nodes = Informer(client, API.nodes)
    }

    /// To be called before the DNS server binds its address.
    func prepare() async throws {
        try await Links.run(["addr replace \(dnsAddress)/32 dev lo"])
        for (name, value) in NodeNetwork.sysctls { try Files.write("/proc/sys/" + name, value) }
    }

    func run() async throws {
        let changes: Wakeups = Wakeups()
        nodes.onChange { _, _ in changes.ring() }
        let result: Result<Void, any Error>
        do {
            result = .success(try await follow(changes))
        } catch {
            result = .failure(error)
        }
        let line: String = "addr del \(dnsAddress)/32 dev lo"
        await Task { await Links.runAll([line]) }.value
        try result.get()
    }

    private func follow(_ changes: Wakeups) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await nodes.run() }
            group.addTask {
                var laid: [String: String] = [:]
                for await _ in changes.stream { laid = await follow(laid) }
                let gone: [String] = laid.map { "route del \($0.key) via \($0.value)" }
                // We are cancelled by now; taking away must not be.
                await Task { await Links.runAll(gone) }.value
            }
            try await group.waitForAll()
        }
    }

    /// Answers the routes that stand now: pod range → node's address.
    private func follow(_ laid: [String: String]) async -> [String: String] {
        var wanted: [String: String] = [:]
        for node in nodes.list() {
            let range: String = node.spec.podCIDR.text
            if range.isEmpty { continue }
            if node.meta.name == nodeName {
                writeCNI(range)
            } else if let address = node.status.addresses.elements.first(where: { $0["type"].text == "InternalIP" }) {
                wanted[range] = address.address.text
            }
        }
        let gone: [String] = laid.filter { wanted[$0.key] != $0.value }.map { "route del \($0.key) via \($0.value)" }
        let new: [String] = wanted.filter { laid[$0.key] != $0.value }.map { "route replace \($0.key) via \($0.value)" }
        await Links.runAll(gone)
        do {
            try await Links.run(new)
        } catch {
            log.warning("routes to other nodes' pods: \(error)")
            return laid
        }
        return wanted
    }

    private func writeCNI(_ range: String) {
        let path: String = "\(cniFolder)/10-apus.conflist"
        let bytes: [UInt8] = NodeNetwork.cniConfiguration(podCIDR: range).encoded()
        if (try? Files.read(path)) == bytes { return }
        do {
            try Files.makeDirectories(cniFolder)
            try Files.writeAtomically(path, bytes)
        } catch {
            log.warning("\(error)")
        }
    }
}

/// A stream of "look again"; many rings may be one.
private struct Wakeups: Sendable {
    let stream: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation
    init() { (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }
    func ring() { continuation.yield() }
}
