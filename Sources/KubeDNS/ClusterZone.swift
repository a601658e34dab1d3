// The names of Services and pods: the Kubernetes DNS specification 1.1.

import KubeModel
package import KubeWire

/// A value kept by events; `answer` only reads.
package struct ClusterZone: Sendable {
    private struct Port: Equatable {
        var name: String
        var transport: String
        var number: UInt16
    }
    private struct Service: Equatable {
        /// Empty for headless and ExternalName Services.
        var addresses: [[UInt8]] = []
        var externalName: String = ""
        var ports: [Port] = []
        var isHeadless: Bool { addresses.isEmpty && externalName.isEmpty }
    }
    private struct Endpoint: Equatable {
        /// The pod's hostname, or its address with dashes.
        var label: String
        /// A hostname that the pod asked for: only such names go into reverse answers.
        var isNamed: Bool
        var address: [UInt8]
        var ports: [Port]
    }

    /// `cluster.local`
    package let zone: DomainName
    /// Seconds an answer may be kept.
    package static let ttl: UInt32 = 5
    package static let version: String = "1.1.0"

    private var services: [ObjectKey: Service] = [:]
    /// By Service, then by slice name.
    private var endpoints: [ObjectKey: [String: [Endpoint]]] = [:]
    /// nil: nobody tells which there are (a node may not list them), so any may be.
    private var namespaces: Set<String>?
    /// Names by address: Services, and named endpoints of headless ones.
    private var owners: [[UInt8]: Set<ObjectKey>] = [:]
    private var changes: UInt32 = 1

    package init(domain: String) { zone = DomainName(domain) }

    // MARK: What is seen

    package mutating func on(namespace old: JSON?, _ new: JSON?) {
        var known: Set<String> = namespaces ?? []
        if let old { known.remove(old.metadata.name.text) }
        if let new { known.insert(new.metadata.name.text) }
        namespaces = known
    }

    package mutating func on(service old: JSON?, _ new: JSON?) {
        guard let any: JSON = new ?? old else { return }
        let key: ObjectKey = ObjectKey(of: any)
        for a in services[key]?.addresses ?? [] { disown(a, key) }
        services[key] = new.map(Self.service)
        for a in services[key]?.addresses ?? [] { owners[a, default: []].insert(key) }
        changes &+= 1
    }

    package mutating func on(slice old: JSON?, _ new: JSON?) {
        for (slice, isNew) in [(old, false), (new, true)] {
            guard let slice, let name: String = slice.metadata.labels["kubernetes.io/service-name"].asString else {
                continue
            }
            let key: ObjectKey = ObjectKey(namespace: slice.metadata.namespace.text, name: name)
            let sliceName: String = slice.metadata.name.text
            for e in endpoints[key]?[sliceName] ?? [] where e.isNamed { disown(e.address, key) }
            let list: [Endpoint] = isNew ? Self.endpoints(slice) : []
            endpoints[key, default: [:]][sliceName] = isNew ? list : nil
            if endpoints[key]?.isEmpty == true { endpoints[key] = nil }
            for other in endpoints[key]?.values ?? [:].values {
                for e in other where e.isNamed { owners[e.address, default: []].insert(key) }
            }
        }
        changes &+= 1
    }

    private mutating func disown(_ address: [UInt8], _ key: ObjectKey) {
        owners[address]?.remove(key)
        if owners[address]?.isEmpty == true { owners[address] = nil }
    }

    private static func service(_ s: JSON) -> Service {
        var result: Service = Service()
        if s.spec.type.text == "ExternalName" {
            result.externalName = s.spec.externalName.text
            return result
        }
        let addresses: [String] = s.spec.clusterIPs.exists ? s.spec.clusterIPs.strings : [s.spec.clusterIP.text]
        result.addresses = addresses.compactMap { IPAddress.bytes($0) }
        result.ports = ports(s.spec.ports)
        return result
    }

    private static func ports(_ list: JSON) -> [Port] {
        list.elements.map {
            Port(
                name: $0.name.text.lowercased(), transport: ($0["protocol"].asString ?? "TCP").lowercased(),
                number: UInt16(clamping: $0.port.asInt ?? 0))
        }
    }

    private static func endpoints(_ slice: JSON) -> [Endpoint] {
        let ports: [Port] = ports(slice.ports)
        var list: [Endpoint] = []
        for e in slice.endpoints.elements where e.conditions.ready.asBool ?? true {
            for text in e.addresses.strings {
                guard let address: [UInt8] = IPAddress.bytes(text) else { continue }
                let hostname: String = e.hostname.text.lowercased()
                list.append(
                    Endpoint(
                        label: hostname.isEmpty ? IPAddress.dashed(text) : hostname, isNamed: !hostname.isEmpty,
                        address: address, ports: ports))
            }
        }
        return list
    }

    // MARK: What is answered

    /// Nil for names that are not ours. `rotation` shares out the order of several addresses.
    package func answer(_ question: Question, rotation: Int = 0) -> Message? {
        if let labels: [String] = question.name.labels(inside: zone) {
            guard question.recordClass == 1 || question.recordClass == 255 else { return Message(.refused) }
            return forward(question, labels, rotation)
        }
        for (suffix, isIPv6) in [("in-addr.arpa", false), ("ip6.arpa", true)] {
            guard let labels: [String] = question.name.labels(inside: DomainName(suffix)) else { continue }
            guard let address: [UInt8] = IPAddress.bytes(reversed: labels, isIPv6: isIPv6),
                let keys: Set<ObjectKey> = owners[address]
            else { return nil }
            return reverse(question, address, keys)
        }
        return nil
    }

    private func reverse(_ question: Question, _ address: [UInt8], _ keys: Set<ObjectKey>) -> Message {
        var m: Message = Message()
        guard question.type == RecordType.ptr || question.type == RecordType.any else { return m }
        for key in keys.sorted() {
            let base: [String] = [key.name, key.namespace, "svc"] + zone.labels
            var names: [[String]] = []
            if services[key]?.addresses.contains(address) ?? false { names.append(base) }
            for e in all(key) where e.isNamed && e.address == address { names.append([e.label] + base) }
            for n in names {
                m.answers.append(record(question.name, .name(RecordType.ptr, DomainName(labels: n))))
            }
        }
        return m
    }

    /// The endpoints of a Service, each once, in a steady order.
    private func all(_ key: ObjectKey) -> [Endpoint] {
        var list: [Endpoint] = []
        for slice in (endpoints[key] ?? [:]).sorted(by: { $0.key < $1.key }) {
            for e in slice.value where !list.contains(where: { $0.address == e.address && $0.ports == e.ports }) {
                list.append(e)
            }
        }
        return list
    }

    private func forward(_ question: Question, _ labels: [String], _ rotation: Int) -> Message {
        if labels.isEmpty { return apex(question) }
        switch labels.last! {
        case "svc": return service(question, Array(labels.dropLast()), rotation)
        case "pod": return pod(question, Array(labels.dropLast()))
        case "dns-version" where labels.count == 1:
            return answer(question, [RecordType.txt: [.text(Self.version)]])
        case "dns" where labels.count == 1: return answer(question, [:])
        default: return noSuchName
        }
    }

    private func apex(_ question: Question) -> Message {
        var m: Message = answer(
            question, [RecordType.ns: [.name(RecordType.ns, DomainName(labels: ["ns", "dns"] + zone.labels))]])
        if question.type == RecordType.soa {
            m.answers = [authority]
            m.authorities = []
        }
        return m
    }

    /// `a-b-c-d.NAMESPACE.pod`, for any address, in namespaces that exist.
    private func pod(_ question: Question, _ labels: [String]) -> Message {
        guard let namespace: String = labels.last else { return answer(question, [:]) }
        guard namespaces?.contains(namespace) ?? true, labels.count <= 2 else { return noSuchName }
        guard labels.count == 2 else { return answer(question, [:]) }
        guard let address: [UInt8] = IPAddress.bytes(dashed: labels[0]) else { return noSuchName }
        return answer(question, addresses([address]))
    }

    private func service(_ question: Question, _ labels: [String], _ rotation: Int) -> Message {
        guard let namespace: String = labels.last else { return answer(question, [:]) }
        guard labels.count >= 2 else {
            let isKnown: Bool = namespaces?.contains(namespace) ?? services.keys.contains { $0.namespace == namespace }
            return isKnown ? answer(question, [:]) : noSuchName
        }
        let key: ObjectKey = ObjectKey(namespace: namespace, name: labels[labels.count - 2])
        guard let service: Service = services[key] else { return noSuchName }
        let inner: [String] = Array(labels.dropLast(2))
        if !service.externalName.isEmpty {
            guard inner.isEmpty else { return noSuchName }
            var m: Message = Message()
            m.answers = [record(question.name, .name(RecordType.cname, DomainName(service.externalName)))]
            return m
        }
        let base: DomainName = DomainName(labels: [key.name, key.namespace, "svc"] + zone.labels)
        if inner.isEmpty { return whole(question, service, key, base, rotation) }
        if inner.count == 2, inner[0].hasPrefix("_"), inner[1].hasPrefix("_") {
            let transport: String = String(inner[1].dropFirst())
            return named(question, service, key, base, String(inner[0].dropFirst()), transport)
        }
        guard inner.count == 1, service.isHeadless else {
            // `_tcp.web.…` has children.
            let isParent: Bool =
                inner.count == 1 && inner[0].hasPrefix("_")
                && service.ports.contains { "_" + $0.transport == inner[0] && !$0.name.isEmpty }
            return isParent ? answer(question, [:]) : noSuchName
        }
        let mine: [Endpoint] = all(key).filter { $0.label == inner[0] }
        return mine.isEmpty ? noSuchName : answer(question, addresses(unique(mine)))
    }

    /// The Service's own name.
    private func whole(
        _ question: Question, _ service: Service, _ key: ObjectKey, _ base: DomainName, _ rotation: Int
    ) -> Message {
        if question.type == RecordType.srv { return ports(question, service, key, base) { _ in true } }
        if !service.isHeadless { return answer(question, addresses(service.addresses)) }
        let list: [[UInt8]] = unique(all(key))
        guard !list.isEmpty else { return noSuchName }
        let k: Int = ((rotation % list.count) + list.count) % list.count
        return answer(question, addresses(Array(list[k...] + list[..<k])))
    }

    /// `_http._tcp.web.…`
    private func named(
        _ question: Question, _ service: Service, _ key: ObjectKey, _ base: DomainName, _ port: String,
        _ transport: String
    ) -> Message {
        let known: [Port] = service.isHeadless ? all(key).flatMap { $0.ports } : service.ports
        guard known.contains(where: { $0.name == port && $0.transport == transport }) else { return noSuchName }
        guard question.type == RecordType.srv || question.type == RecordType.any else { return answer(question, [:]) }
        return ports(question, service, key, base) { $0.name == port && $0.transport == transport }
    }

    private func ports(
        _ question: Question, _ service: Service, _ key: ObjectKey, _ base: DomainName, where wanted: (Port) -> Bool
    ) -> Message {
        var m: Message = Message()
        var targets: [(name: DomainName, addresses: [[UInt8]])] = []
        func add(_ ports: [Port], _ target: DomainName, _ addresses: [[UInt8]]) {
            for p in ports where wanted(p) {
                let r: Record.Content = .service(priority: 0, weight: 100, port: p.number, target: target)
                let made: Record = record(question.name, r)
                if !m.answers.contains(made) { m.answers.append(made) }
                if !targets.contains(where: { $0.name == target && $0.addresses == addresses }) {
                    targets.append((target, addresses))
                }
            }
        }
        if service.isHeadless {
            for e in all(key) { add(e.ports, DomainName(labels: [e.label] + base.labels), [e.address]) }
        } else {
            add(service.ports, base, service.addresses)
        }
        for (name, list) in targets { for a in list { m.additionals.append(record(name, .address(a))) } }
        if m.answers.isEmpty { return service.isHeadless ? noSuchName : answer(question, [:]) }
        return m
    }

    private func unique(_ list: [Endpoint]) -> [[UInt8]] {
        var seen: Set<[UInt8]> = []
        return list.map { $0.address }.filter { seen.insert($0).inserted }
    }

    private func addresses(_ list: [[UInt8]]) -> [UInt16: [Record.Content]] {
        [
            RecordType.a: list.filter { $0.count == 4 }.map { .address($0) },
            RecordType.aaaa: list.filter { $0.count == 16 }.map { .address($0) },
        ]
    }

    /// The records of the type asked for; none: the name exists all the same (NODATA, with the SOA).
    private func answer(_ question: Question, _ records: [UInt16: [Record.Content]]) -> Message {
        var m: Message = Message()
        for (type, list) in records.sorted(by: { $0.key < $1.key })
        where question.type == type || question.type == RecordType.any {
            m.answers += list.map { record(question.name, $0) }
        }
        if m.answers.isEmpty { m.authorities = [authority] }
        return m
    }

    private var noSuchName: Message {
        var m: Message = Message(.noSuchName)
        m.authorities = [authority]
        return m
    }

    private var authority: Record {
        record(
            zone,
            .authority(
                server: DomainName(labels: ["ns", "dns"] + zone.labels),
                mailbox: DomainName(labels: ["hostmaster"] + zone.labels), serial: changes, minimum: Self.ttl))
    }

    private func record(_ name: DomainName, _ content: Record.Content) -> Record {
        Record(name: name, ttl: Self.ttl, content: content)
    }
}
