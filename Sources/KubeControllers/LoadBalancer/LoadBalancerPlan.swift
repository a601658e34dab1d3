// Which address a LoadBalancer Service gets and which node announces it. Pure.

import KubeModel
import KubeWire

/// IPv4 addresses kept for Services, both ends included: `10.89.0.202-10.89.0.254`, or one address.
package struct AddressPool: Sendable, Equatable {
    package let first: UInt32
    package let last: UInt32

    package init?(_ text: String) {
        let ends: [UInt32?] = text.split(separator: "-").map { Self.number($0) }
        guard let a = ends.first, let first = a, let z = ends.last, let last = z, ends.count <= 2, first <= last else {
            return nil
        }
        self.first = first
        self.last = last
    }

    package func contains(_ address: String) -> Bool {
        Self.number(address[...]).map { first <= $0 && $0 <= last } ?? false
    }

    /// The lowest address that is not among `taken`.
    package func free(_ taken: Set<String>) -> String? {
        (first...last).lazy.map { Self.text($0) }.first { !taken.contains($0) }
    }

    private static func number(_ text: Substring) -> UInt32? {
        let parts: [UInt8?] = text.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        guard parts.count == 4 else { return nil }
        var n: UInt32 = 0
        for p in parts {
            guard let p else { return nil }
            n = n << 8 | UInt32(p)
        }
        return n
    }

    private static func text(_ n: UInt32) -> String { "\(n >> 24).\(n >> 16 & 255).\(n >> 8 & 255).\(n & 255)" }
}

/// What one Service shall have; empty: nothing.
struct LoadBalancerPlan: Sendable, Equatable {
    /// Written by the controller, read by the proxy of every node.
    static let announcer: String = "apus.dev/announced-by"
    static let excluded: String = "node.kubernetes.io/exclude-from-external-load-balancers"

    var address: String = ""
    var node: String = ""

    /// A class names somebody else's implementation.
    static func isOurs(_ service: JSON) -> Bool {
        service.spec.type.text == "LoadBalancer" && !service.spec.loadBalancerClass.exists
            && !service.metadata.deletionTimestamp.exists
    }

    static func addresses(_ service: JSON) -> [String] {
        service.status.loadBalancer.ingress.elements.map { $0.ip.text }
    }

    /// `others` are the addresses that other Services hold; `slices` are the Service's own.
    static func make(
        _ service: JSON, pool: AddressPool, others: Set<String>, nodes: [JSON], slices: [JSON]
    ) -> LoadBalancerPlan {
        guard isOurs(service) else { return LoadBalancerPlan() }
        var plan: LoadBalancerPlan = LoadBalancerPlan()
        let asked: String = service.spec.loadBalancerIP.text
        let held: String? = addresses(service).first
        if !asked.isEmpty {
            plan.address = pool.contains(asked) && !others.contains(asked) ? asked : ""
        } else if let held, pool.contains(held), !others.contains(held) {
            plan.address = held
        } else {
            plan.address = pool.free(others) ?? ""
        }
        if plan.address.isEmpty { return plan }
        let able: [String] = candidates(service, nodes, slices)
        let now: String = service.metadata.annotations[announcer].text
        // An announcer that still can stays: clients' connections go through it.
        plan.node = able.contains(now) ? now : able.min { rank($0, plan.address) < rank($1, plan.address) } ?? ""
        return plan
    }

    /// Ready nodes; with policy Local those that serve the Service themselves.
    private static func candidates(_ service: JSON, _ nodes: [JSON], _ slices: [JSON]) -> [String] {
        let serving: Set<String>? =
            service.spec.externalTrafficPolicy.text == "Local"
            ? Set(
                slices.flatMap { $0.endpoints.elements }
                    .filter { $0.conditions.ready.asBool ?? true }.map { $0.nodeName.text }) : nil
        return nodes.filter { n in
            let isReady: Bool = n.status.conditions.elements.contains {
                $0.type.text == "Ready" && $0.status.text == "True"
            }
            return isReady && !n.metadata.labels[excluded].exists && !n.metadata.deletionTimestamp.exists
                && serving?.contains(n.metadata.name.text) ?? true
        }.map { $0.metadata.name.text }
    }

    /// Rendezvous hashing: addresses spread over the nodes, and few move when a node comes or goes.
    private static func rank(_ node: String, _ address: String) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in "\(node)/\(address)".utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return hash
    }
}
