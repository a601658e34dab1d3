// The real packet filter and flow table of a network namespace.

package import KubeOS
import KubeBase
import KubeWire
import Logging

package enum Kernel {
    /// nftables through libnftables, on a thread of its own inside `namespaces`.
    package static func packetFilter(in namespaces: Namespaces = Namespaces()) -> PacketFilter {
        { transaction in try await OwnThread.run(in: namespaces) { try NFTables.apply(transaction) } }
    }

    /// conntrack(8); without that program stale UDP flows end by their own time-out (30 s, 120 s for busy ones).
    package static func flowTable(in namespaces: Namespaces = Namespaces()) -> FlowTable {
        let log: Logger = .component("proxy.conntrack")
        return { flows in
            guard let program: String = Command.find("conntrack") else { return }
            for flow in flows {
                do {
                    // Exit status 1 means that no flow matched.
                    let result: CommandResult = try await Command.run(
                        program, flow.conntrackArguments, namespaces: namespaces, timeout: .seconds(10))
                    if result.status > 1 { log.warning("conntrack \(flow.conntrackArguments): \(result.message)") }
                } catch {
                    log.warning("conntrack: \(error)")
                }
            }
        }
    }
}

extension StaleFlows {
    package var conntrackArguments: [String] {
        var list: [String] = ["--delete", "--proto", "udp", "--orig-port-dst", String(port)]
        if let address { list += ["--orig-dst", address] }
        if let endpoint { list += ["--reply-src", endpoint] }
        return list
    }
}
