// The real packet filter and flow table of a network namespace.

package import KubeOS
import KubeBase
package import KubeClient
import KubeWire
import Logging

package enum Kernel {
    /// nftables through libnftables, on a thread of its own inside `namespaces`.
    package static func packetFilter(in namespaces: Namespaces = Namespaces()) -> PacketFilter {
        { transaction in try await OwnThread.run(in: namespaces) { try NFTables.apply(transaction) } }
    }

    /// A process of the node itself needs some route to a Service's address before the output hook may translate it.
    /// On the loopback device, an address that no rule knows is refused at once and never leaves the node.
    package static func preparation(
        serviceCIDR: String, in namespaces: Namespaces = Namespaces()
    ) -> NetworkPreparation {
        {
            let arguments: [String] = ["route", "replace", serviceCIDR, "dev", "lo", "metric", "50"]
            try await Command.check("ip", arguments, namespaces: namespaces)
        }
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

extension ProxyComponent {
    /// The proxy of the network namespace that this process is in.
    package convenience init(client: Client, informers: InformerSet? = nil, network: ProxyNetwork) {
        self.init(
            client: client, informers: informers, network: network, filter: Kernel.packetFilter(),
            flows: Kernel.flowTable(), prepare: Kernel.preparation(serviceCIDR: network.serviceCIDR),
            alarm: TableAlarm(table: "apus-proxy"))
    }
}
