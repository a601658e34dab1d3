// Which cluster IPs and node ports are taken.

import KubeAPI
package import KubeModel
package import KubeServer
package import KubeWire
import Synchronization

/// One bitmap's worth of state for the server. What Services in the store hold is learnt from their changes; what a
/// request in flight holds is reserved until the write or its undo.
package final class ServiceAllocator: Sendable {
    package struct Taken: Sendable {
        package var addresses: [IPAddress: ObjectKey] = [:]
        package var ports: [Port: ObjectKey] = [:]
    }
    package struct Port: Sendable, Hashable {
        package var number: Int
        /// TCP, UDP, SCTP: each has its own space.
        package var transport: String
    }

    package let cidrs: [CIDR]
    package let nodePorts: ClosedRange<Int>
    private let taken: Mutex<Taken> = Mutex(Taken())
    private let follows: Atomic<Bool> = Atomic(false)

    package init(cidrs: [CIDR], nodePorts: ClosedRange<Int>) {
        self.cidrs = cidrs
        self.nodePorts = nodePorts
    }

    /// Once; later calls do nothing.
    package func follow(_ registry: any ObjectRegistry) {
        guard !follows.exchange(true, ordering: .relaxed) else { return }
        registry.onChange(API.services) { [self] old, new in
            taken.withLock { t in
                if let old {
                    let key: ObjectKey = old.meta.key
                    for ip in Self.addresses(old) where t.addresses[ip] == key { t.addresses[ip] = nil }
                    for p in Self.ports(old) where t.ports[p] == key { t.ports[p] = nil }
                }
                if let new {
                    let key: ObjectKey = new.meta.key
                    for ip in Self.addresses(new) { t.addresses[ip] = key }
                    for p in Self.ports(new) { t.ports[p] = key }
                }
            }
        }
    }

    package static func addresses(_ service: JSON) -> [IPAddress] {
        service.spec.clusterIPs.strings.compactMap { IPAddress($0) }
    }
    package static func ports(_ service: JSON) -> [Port] {
        var list: [Port] = service.spec.ports.elements.compactMap { p in
            p.nodePort.asInt.flatMap { $0 == 0 ? nil : Port(number: $0, transport: p["protocol"].text) }
        }
        if let n = service.spec.healthCheckNodePort.asInt, n != 0 { list.append(Port(number: n, transport: "TCP")) }
        return list
    }

    // MARK: addresses

    /// Takes this address; the complaint when it cannot be had.
    func take(_ ip: IPAddress, for key: ObjectKey) -> String? {
        guard let cidr = cidrs.first(where: { $0.first.isV6 == ip.isV6 }), cidr.contains(ip), isUsable(ip, in: cidr)
        else {
            let range: String = cidrs.first { $0.first.isV6 == ip.isV6 }?.description ?? cidrs[0].description
            return "the provided IP (\(ip)) is not in the valid range. The range of valid IPs is \(range)"
        }
        return taken.withLock { t in
            if t.addresses[ip] != nil { return "provided IP is already allocated" }
            t.addresses[ip] = key
            return nil
        }
    }

    /// The network's own address and, for IPv4, its broadcast address are no one's.
    private func isUsable(_ ip: IPAddress, in cidr: CIDR) -> Bool {
        ip != cidr.first && (cidr.first.isV6 || ip != cidr.first.advanced(by: cidr.size - 1))
    }

    /// A free address of the family, from above the band kept for static use when there is room (KEP-3070).
    func next(isV6: Bool, for key: ObjectKey) -> IPAddress? {
        guard let cidr = cidrs.first(where: { $0.first.isV6 == isV6 }) else { return nil }
        let count: UInt64 = cidr.first.isV6 ? cidr.size : cidr.size - 1
        let band: UInt64 = min(max(16, cidr.size / 16), 256)
        return taken.withLock { t in
            for span in [band..<max(band, count), 1..<min(band, count)] where !span.isEmpty {
                let start: UInt64 = UInt64.random(in: span)
                var i: UInt64 = start
                repeat {
                    let ip: IPAddress = cidr.first.advanced(by: i)
                    if t.addresses[ip] == nil {
                        t.addresses[ip] = key
                        return ip
                    }
                    i = i + 1 < span.upperBound ? i + 1 : span.lowerBound
                } while i != start
            }
            return nil
        }
    }

    // MARK: ports

    func take(_ port: Port, for key: ObjectKey) -> String? {
        guard nodePorts.contains(port.number) else {
            return "provided port is not in the valid range. The range of valid ports is "
                + "\(nodePorts.lowerBound)-\(nodePorts.upperBound)"
        }
        return taken.withLock { t in
            if let owner = t.ports[port], owner != key { return "provided port is already allocated" }
            t.ports[port] = key
            return nil
        }
    }

    /// A number free for all the transports; from above the static band first.
    func nextPort(transports: Set<String>, for key: ObjectKey) -> Int? {
        let band: Int = min(max(16, nodePorts.count / 32), 128)
        let lower: ClosedRange<Int> = nodePorts.lowerBound...min(nodePorts.lowerBound + band - 1, nodePorts.upperBound)
        return taken.withLock { t in
            func isFree(_ n: Int) -> Bool {
                transports.allSatisfy { t.ports[Port(number: n, transport: $0)] == nil }
            }
            var spans: [ClosedRange<Int>] = [lower]
            if lower.upperBound < nodePorts.upperBound { spans.insert(lower.upperBound + 1...nodePorts.upperBound, at: 0) }
            for span in spans {
                let start: Int = Int.random(in: span)
                var n: Int = start
                repeat {
                    if isFree(n) {
                        for transport in transports { t.ports[Port(number: n, transport: transport)] = key }
                        return n
                    }
                    n = n < span.upperBound ? n + 1 : span.lowerBound
                } while n != start
            }
            return nil
        }
    }

    func release(_ addresses: [IPAddress], _ ports: [Port], of key: ObjectKey) {
        taken.withLock { t in
            for ip in addresses where t.addresses[ip] == key { t.addresses[ip] = nil }
            for p in ports where t.ports[p] == key { t.ports[p] = nil }
        }
    }
}
