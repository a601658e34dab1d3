// Announces LoadBalancer addresses on this node's link: whoever is on the link finds the Service here.

import Glibc
import KubeAPI
package import KubeBase
package import KubeClient
import KubeOS
package import KubeWire
import Logging

/// The controller writes the chosen node into the Service (`apus.dev/announced-by`); that node carries the address on
/// its link and tells the neighbours (gratuitous ARP, RFC 5227), so that a moved address is found at once.
package final class Announcer: Component {
    package static let annotation: String = "apus.dev/announced-by"
    /// Marks our addresses, so that those of an earlier run are found.
    private static let label: String = "lb"

    package let name: String = "announcer"
    private let nodeName: String
    /// The node's own address: its link is the one to announce on.
    private let nodeAddress: String
    private let services: Informer
    private let time: any TimeSource
    private let news: Wakeup = Wakeup()
    private let log: Logger = .component("proxy.announcer")

    /// `informers` are run by whoever made them. In the network namespace that this process is in.
    package init(
        informers: InformerSet, nodeName: String, nodeAddress: String, time: any TimeSource = SystemTime()
    ) {
        self.nodeName = nodeName
        self.nodeAddress = nodeAddress
        self.time = time
        services = informers[API.services]
    }

    package func run() async throws {
        let news: Wakeup = news
        services.onChange { old, new in
            let concerns: Bool = [old, new].contains { $0?.metadata.annotations[Self.annotation].exists ?? false }
            if concerns { news.raise() }
        }
        await services.waitForSync()
        var carried: Set<String>?
        while !Task.isCancelled {
            let wanted: Set<String> = Self.addresses(services.list(), nodeName: nodeName)
            do {
                if carried != wanted, carried != nil || !wanted.isEmpty { try await carry(wanted) }
                carried = wanted
                await news.wait()
            } catch {
                log.error("addresses not announced, again in 5 s: \(error)")
                await news.wait(until: time.now() + .seconds(5), time)
            }
        }
    }

    /// What this node shall announce.
    package static func addresses(_ services: [JSON], nodeName: String) -> Set<String> {
        Set(
            services.filter { $0.spec.type.text == "LoadBalancer" }
                .filter { $0.metadata.annotations[annotation].text == nodeName }
                .flatMap { $0.status.loadBalancer.ingress.elements }.map { $0.ip.text }
                .filter { ServicePort.isIPv4($0) })
    }

    private func carry(_ wanted: Set<String>) async throws {
        var link: (name: String, hardwareAddress: String)?
        var present: Set<String> = []
        for l in try await Links.show(["addr", "show"]).elements {
            let addresses: [JSON] = l.addr_info.elements
            guard addresses.contains(where: { $0.local.text == nodeAddress }) else { continue }
            link = (l.ifname.text, l.address.text)
            let mark: String = "\(l.ifname.text):\(Self.label)"
            for a in addresses where a["label"].text == mark { present.insert(a.local.text) }
        }
        guard let link else { throw CommandFault("no link has the node's address \(nodeAddress)") }
        let gone: [String] = present.subtracting(wanted).sorted()
        let new: [String] = wanted.subtracting(present).sorted()
        try await Links.run(
            gone.map { "addr del \($0)/32 dev \(link.name)" }
                + new.map { "addr add \($0)/32 dev \(link.name) label \(link.name):\(Self.label)" })
        for address in new {
            guard GratuitousARP.send(address, link: link.name, hardwareAddress: link.hardwareAddress) else {
                log.warning("\(address) not told to the neighbours: \(String(cString: strerror(errno)))")
                continue
            }
        }
    }
}

private struct CommandFault: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// Tells everybody on a link which hardware address an IPv4 address has now.
enum GratuitousARP {
    /// An ARP request for `address` from itself, as RFC 5227 announces; nil for text that is no address.
    static func frame(_ address: String, hardwareAddress: String) -> [UInt8]? {
        let ip: [UInt8] = address.split(separator: ".").compactMap { UInt8($0) }
        let mac: [UInt8] = hardwareAddress.split(separator: ":").compactMap { UInt8($0, radix: 16) }
        guard ip.count == 4, mac.count == 6 else { return nil }
        let ethernet: [UInt8] = [UInt8](repeating: 0xff, count: 6) + mac + [0x08, 0x06]
        // Ethernet, IPv4, lengths 6 and 4, request.
        let head: [UInt8] = [0, 1, 8, 0, 6, 4, 0, 1]
        return ethernet + head + mac + ip + [UInt8](repeating: 0, count: 6) + ip
    }

    static func send(_ address: String, link: String, hardwareAddress: String) -> Bool {
        let index: UInt32 = if_nametoindex(link)
        guard index != 0, let frame = frame(address, hardwareAddress: hardwareAddress) else { return false }
        // AF_PACKET 17, ETH_P_ARP in network order: linux/if_packet.h, linux/if_ether.h.
        let fd: Int32 = Glibc.socket(17, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), Int32(0x0608))
        guard fd >= 0 else { return false }
        defer { close(fd) }
        // struct sockaddr_ll: family, protocol, index, hardware type, packet type, address length, address.
        var to: [UInt8] = [17, 0, 0x08, 0x06]
        to += withUnsafeBytes(of: index) { Array($0) }
        to += [0, 0, 0, 6] + [UInt8](repeating: 0xff, count: 6) + [0, 0]
        let sent: Int = to.withUnsafeBytes { raw in
            sendto(fd, frame, frame.count, 0, raw.baseAddress!.assumingMemoryBound(to: sockaddr.self), 20)
        }
        return sent == frame.count
    }
}
