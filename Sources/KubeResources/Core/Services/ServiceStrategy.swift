// Services: families, cluster IPs and node ports are given out as the last step before the write.

import KubeAPI
import KubeBase
import KubeModel
import KubeServer
import KubeWire
import Synchronization

struct ServiceStrategy: Strategy {
    let allocator: ServiceAllocator

    var nameRule: NameRule { .label1035 }

    func prepareForCreate(_ service: inout JSON, _ context: RequestContext) {
        service.status = ["loadBalancer": [:]]
        Self.joinAddresses(&service, old: .null)
        Self.dropForeignFields(&service, old: .null)
    }

    func prepareForUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext) {
        Self.keepStatus(&new, old: old)
        Self.joinAddresses(&new, old: old)
        Self.keepAllocated(&new, old: old)
        Self.dropForeignFields(&new, old: old)
    }

    func validate(_ service: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        ServiceRules.check(service, &out)
        return out.list
    }
    func validateUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        ServiceRules.checkUpdate(new, old, &out)
        return out.list
    }

    // MARK: shaping

    /// clusterIP and clusterIPs[0] are one field with two names (KEP-563).
    private static func joinAddresses(_ s: inout JSON, old: JSON) {
        let single: String = s.spec.clusterIP.text
        let many: [String] = s.spec.clusterIPs.strings
        if !single.isEmpty, many.isEmpty {
            s.spec.clusterIPs = [.string(single)]
        } else if single.isEmpty, let first = many.first {
            let wasSame: Bool = old.spec.clusterIPs.strings == many
            if wasSame, s.spec.clusterIP.exists { s.spec.clusterIPs = .null } else { s.spec.clusterIP = .string(first) }
        } else if !single.isEmpty, many == old.spec.clusterIPs.strings, single != old.spec.clusterIP.text {
            s.spec.clusterIPs = [.string(single)]
        }
    }

    private static func isAllocatedType(_ type: String) -> Bool { type != "ExternalName" }
    private static func hasNodePorts(_ spec: JSON) -> Bool {
        spec.type.text == "NodePort"
            || (spec.type.text == "LoadBalancer" && spec.allocateLoadBalancerNodePorts.asBool ?? true)
    }
    private static func needsHealthCheck(_ spec: JSON) -> Bool {
        spec.type.text == "LoadBalancer" && spec.externalTrafficPolicy.text == "Local"
    }

    /// An update that leaves out what was allocated keeps it.
    private static func keepAllocated(_ new: inout JSON, old: JSON) {
        guard isAllocatedType(new.spec.type.text), isAllocatedType(old.spec.type.text) else { return }
        if new.spec.clusterIP.text.isEmpty, new.spec.clusterIPs.elements.isEmpty {
            new.spec.clusterIP = old.spec.clusterIP
            new.spec.clusterIPs = old.spec.clusterIPs
        }
        if !new.spec.ipFamilies.exists { new.spec.ipFamilies = old.spec.ipFamilies }
        if !new.spec.ipFamilyPolicy.exists { new.spec.ipFamilyPolicy = old.spec.ipFamilyPolicy }
        if hasNodePorts(new.spec), hasNodePorts(old.spec) {
            var used: Set<String> = Set(
                new.spec.ports.elements.compactMap { p in
                    p.nodePort.asInt.flatMap { $0 == 0 ? nil : "\(p["protocol"].text)/\($0)" }
                })
            for i in new.spec.ports.elements.indices where (new.spec.ports[i].nodePort.asInt ?? 0) == 0 {
                let p: JSON = new.spec.ports[i]
                let match: JSON? = old.spec.ports.elements.first {
                    $0.port == p.port && $0["protocol"] == p["protocol"] && ($0.nodePort.asInt ?? 0) != 0
                }
                if let node = match?.nodePort, used.insert("\(p["protocol"].text)/\(node.asInt ?? 0)").inserted {
                    new.spec.ports.elements[i].nodePort = node
                }
            }
        }
        if needsHealthCheck(new.spec), needsHealthCheck(old.spec), !new.spec.healthCheckNodePort.exists {
            new.spec.healthCheckNodePort = old.spec.healthCheckNodePort
        }
    }

    /// After a change of type, what the new type cannot have goes if it was not set on purpose.
    private static func dropForeignFields(_ new: inout JSON, old: JSON) {
        let given: JSON = new.spec
        func wasKept(_ field: String) -> Bool { Faults.same(given[field], old.spec[field]) }
        if old.spec.type.exists {
            if !isAllocatedType(new.spec.type.text), isAllocatedType(old.spec.type.text) {
                for f in ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] where wasKept(f) {
                    new.spec[f] = .null
                }
                if wasKept("internalTrafficPolicy") { new.spec.internalTrafficPolicy = .null }
            }
            if !hasNodePorts(new.spec), hasNodePorts(old.spec) {
                for i in new.spec.ports.elements.indices {
                    let node: JSON = new.spec.ports[i].nodePort
                    let isOld: Bool = old.spec.ports.elements.contains { $0.nodePort == node }
                    if isOld { new.spec.ports.elements[i].nodePort = .null }
                }
            }
            if old.spec.type.text == "LoadBalancer", new.spec.type.text != "LoadBalancer" {
                for f in ["allocateLoadBalancerNodePorts", "loadBalancerClass"] where wasKept(f) { new.spec[f] = .null }
                new.status = ["loadBalancer": [:]]
            }
            let isExternal: Bool = ["NodePort", "LoadBalancer"].contains(new.spec.type.text)
            if !isExternal, new.spec.externalIPs.elements.isEmpty, wasKept("externalTrafficPolicy") {
                new.spec.externalTrafficPolicy = .null
            }
        }
        if !needsHealthCheck(new.spec) { new.spec.healthCheckNodePort = .null }
    }

    // MARK: allocation

    func beginCreate(_ service: inout JSON, _ context: RequestContext) async throws(StatusError) -> Undo? {
        try allocate(&service, old: .null)
    }
    func beginUpdate(
        _ new: inout JSON, old: JSON, _ context: RequestContext
    ) async throws(StatusError) -> Undo? {
        try allocate(&new, old: old)
    }

    private func allocate(_ service: inout JSON, old: JSON) throws(StatusError) -> Undo? {
        let key: ObjectKey = service.meta.key
        var grants: ServiceGrants = ServiceGrants(allocator: allocator, key: key)
        do throws(StatusError) {
            if Self.isAllocatedType(service.spec.type.text) {
                try families(&service)
                if service.spec.clusterIP.text != "None" { try grants.addresses(&service, old: old) }
            }
            if ["NodePort", "LoadBalancer"].contains(service.spec.type.text) {
                try grants.ports(&service, old: old, isAutomatic: Self.hasNodePorts(service.spec))
            }
            if Self.needsHealthCheck(service.spec) { try grants.healthCheck(&service, old: old) }
        } catch {
            grants.release()
            throw error
        }
        let given: ServiceGrants = grants
        return { given.release() }
    }

    /// ipFamilyPolicy and ipFamilies, from what is given and what the cluster has.
    private func families(_ s: inout JSON) throws(StatusError) {
        let available: [String] = allocator.cidrs.map { $0.first.isV6 ? "IPv6" : "IPv4" }
        var families: [String] = s.spec.ipFamilies.strings
        if families.isEmpty {
            families = s.spec.clusterIPs.strings.compactMap { ip in IPAddress(ip).map { $0.isV6 ? "IPv6" : "IPv4" } }
        }
        let isHeadlessWithoutSelector: Bool =
            s.spec.clusterIP.text == "None" && s.spec.selector.fields.isEmpty
        if !s.spec.ipFamilyPolicy.exists {
            s.spec.ipFamilyPolicy =
                isHeadlessWithoutSelector || families.count == 2 ? "RequireDualStack" : "SingleStack"
        }
        let policy: String = s.spec.ipFamilyPolicy.text
        if families.isEmpty { families = [available[0]] }
        if policy != "SingleStack", families.count == 1 {
            let other: String = families[0] == "IPv4" ? "IPv6" : "IPv4"
            if available.contains(other) || isHeadlessWithoutSelector { families.append(other) }
        }
        if !isHeadlessWithoutSelector {
            var out: Faults = Faults()
            if policy == "RequireDualStack", available.count < 2 {
                out.invalid("spec.ipFamilyPolicy", s.spec.ipFamilyPolicy, "this cluster is not configured for dual-stack services")
            }
            for (i, f) in families.enumerated() where !available.contains(f) {
                out.invalid("spec.ipFamilies[\(i)]", .string(f), "not configured on this cluster")
            }
            if !out.list.isEmpty { throw ServiceGrants.invalid(s, out.list) }
        }
        s.spec.ipFamilies = JSON(families)
    }
}

/// What one write has taken so far.
private struct ServiceGrants: Sendable {
    let allocator: ServiceAllocator
    let key: ObjectKey
    private var taken: [IPAddress] = []
    private var takenPorts: [ServiceAllocator.Port] = []

    init(allocator: ServiceAllocator, key: ObjectKey) {
        self.allocator = allocator
        self.key = key
    }

    static func invalid(_ s: JSON, _ faults: [FieldError]) -> StatusError {
        .invalid(kind: GroupKind(group: "", kind: "Service"), name: s.meta.name, faults)
    }

    func release() { allocator.release(taken, takenPorts, of: key) }

    mutating func addresses(_ s: inout JSON, old: JSON) throws(StatusError) {
        let held: Set<IPAddress> = Set(ServiceAllocator.addresses(old))
        var ips: [String] = s.spec.clusterIPs.strings
        for (i, family) in s.spec.ipFamilies.strings.enumerated() {
            if i < ips.count, let ip = IPAddress(ips[i]) {
                if held.contains(ip) { continue }
                if let why = allocator.take(ip, for: key) {
                    throw Self.invalid(
                        s, [.invalid("spec.clusterIPs", JSON(ips), "failed to allocate IP \(ip): \(why)")])
                }
                taken.append(ip)
            } else {
                guard let ip = allocator.next(isV6: family == "IPv6", for: key) else {
                    throw .internalError("failed to allocate a serviceIP: range is full")
                }
                taken.append(ip)
                ips.append(ip.description)
            }
        }
        s.spec.clusterIP = .string(ips.first ?? "")
        s.spec.clusterIPs = JSON(ips)
    }

    mutating func ports(_ s: inout JSON, old: JSON, isAutomatic: Bool) throws(StatusError) {
        let held: [ServiceAllocator.Port] = ServiceAllocator.ports(old)
        for (i, p) in s.spec.ports.elements.enumerated() {
            guard let n = p.nodePort.asInt, n != 0 else { continue }
            let port: ServiceAllocator.Port = ServiceAllocator.Port(number: n, transport: p["protocol"].text)
            if held.contains(port) || takenPorts.contains(port) { continue }
            if let why = allocator.take(port, for: key) {
                throw Self.invalid(s, [.invalid("spec.ports[\(i)].nodePort", p.nodePort, why)])
            }
            takenPorts.append(port)
        }
        guard isAutomatic else { return }
        for (i, p) in s.spec.ports.elements.enumerated() where (p.nodePort.asInt ?? 0) == 0 {
            let transport: String = p["protocol"].text
            // The same port for TCP and UDP gets the same node port.
            let twin: JSON? = s.spec.ports.elements.first {
                $0.port == p.port && $0["protocol"] != p["protocol"] && ($0.nodePort.asInt ?? 0) != 0
            }
            if let n = twin?.nodePort.asInt,
                allocator.take(ServiceAllocator.Port(number: n, transport: transport), for: key) == nil
            {
                takenPorts.append(ServiceAllocator.Port(number: n, transport: transport))
                s.spec.ports.elements[i].nodePort = JSON(n)
                continue
            }
            guard let n = allocator.nextPort(transports: [transport], for: key) else {
                throw .internalError("failed to allocate a nodePort: range is full")
            }
            takenPorts.append(ServiceAllocator.Port(number: n, transport: transport))
            s.spec.ports.elements[i].nodePort = JSON(n)
        }
    }

    mutating func healthCheck(_ s: inout JSON, old: JSON) throws(StatusError) {
        if let n = s.spec.healthCheckNodePort.asInt, n != 0 {
            if n == old.spec.healthCheckNodePort.asInt { return }
            let port: ServiceAllocator.Port = ServiceAllocator.Port(number: n, transport: "TCP")
            if let why = allocator.take(port, for: key) {
                throw Self.invalid(s, [.invalid("spec.healthCheckNodePort", JSON(n), why)])
            }
            takenPorts.append(port)
            return
        }
        guard let n = allocator.nextPort(transports: ["TCP"], for: key) else {
            throw .internalError("failed to allocate a nodePort: range is full")
        }
        takenPorts.append(ServiceAllocator.Port(number: n, transport: "TCP"))
        s.spec.healthCheckNodePort = JSON(n)
    }
}

enum Services {
    static let entry: Entry = Entry(API.services) { d, settings in
        d.strategy = ServiceStrategy(allocator: settings.serviceAllocator)
        d.setHandler("proxy", .custom(ServiceProxy()))
    }
}
