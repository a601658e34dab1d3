// Which EndpointSlices a Service must have, with as few changes to the present ones as can be. Pure.

import KubeModel
import KubeWire

struct EndpointSliceView: Sendable {
    var service: JSON
    var pods: [JSON]
    /// The slices of the service that this controller manages.
    var slices: [JSON]
    /// Topology zone of each node by name.
    var zones: [String: String]
}

struct EndpointSlicePlan: Sendable, Equatable {
    static let endpointsMax: Int = 100
    static let managedBy: String = "endpointslice.kubernetes.io/managed-by"
    static let managerName: String = "endpointslice-controller.k8s.io"
    static let serviceName: String = "kubernetes.io/service-name"
    static let headless: String = "service.kubernetes.io/headless"

    var create: [JSON] = []
    var update: [JSON] = []
    var delete: [JSON] = []

    /// One group per address family and list of port numbers, since pods may map a named port differently.
    struct Group: Hashable, Sendable {
        var isIPv6: Bool
        var ports: JSON
    }

    /// What all slices of one service have in common.
    struct Stamp: Sendable {
        var namespace: String
        /// Of generated names: `web-`
        var prefix: String
        var labels: [String: String]
        var owner: JSON
    }

    static func make(_ view: EndpointSliceView) -> EndpointSlicePlan {
        let service: JSON = view.service
        let families: [Bool] = families(service)
        var wanted: [Group: [JSON]] = [:]
        for pod in view.pods.sorted(by: { $0.metadata.name.text < $1.metadata.name.text })
        where ServicePods.belongs(pod, withTerminating: true) {
            let ports: JSON = JSON(ServicePods.ports(service, pod))
            for isIPv6 in families {
                let addresses: [String] = ServicePods.addresses(pod).filter { ServicePods.isIPv6($0) == isIPv6 }
                guard let address = addresses.first else { continue }
                wanted[Group(isIPv6: isIPv6, ports: ports), default: []].append(
                    endpoint(pod, address, service, view.zones))
            }
        }
        // A service without endpoints still has one empty slice per family.
        for isIPv6 in families where !wanted.keys.contains(where: { $0.isIPv6 == isIPv6 }) {
            wanted[Group(isIPv6: isIPv6, ports: [])] = []
        }
        var labels: [String: String] = service.metadata.labels.stringMap
        labels[serviceName] = service.metadata.name.text
        labels[managedBy] = managerName
        labels[headless] = ServicePods.isHeadless(service) ? "" : nil
        let stamp: Stamp = Stamp(
            namespace: service.metadata.namespace.text, prefix: service.metadata.name.text + "-", labels: labels,
            owner: Owner.reference(to: service, ("v1", "Service")))
        return make(wanted: wanted, present: view.slices, stamp)
    }

    /// From the endpoints of each group to writes that leave as much as possible in place.
    static func make(wanted: [Group: [JSON]], present: [JSON], _ stamp: Stamp) -> EndpointSlicePlan {
        var plan: EndpointSlicePlan = EndpointSlicePlan()
        var existing: [Group: [JSON]] = [:]
        for slice in present where !slice.metadata.deletionTimestamp.exists {
            let group: Group = Group(isIPv6: slice.addressType.text == "IPv6", ports: normalized(slice.ports))
            existing[group, default: []].append(slice)
        }
        for (group, slices) in existing where wanted[group] == nil {
            // An empty slice is refilled rather than replaced when its whole family changes ports at once.
            plan.delete += slices
        }
        for (group, endpoints) in wanted { plan.fill(group, endpoints, existing[group] ?? [], stamp) }
        plan.reuse()
        return plan
    }

    private static func families(_ service: JSON) -> [Bool] {
        let given: [String] = service.spec.ipFamilies.strings
        if !given.isEmpty { return given.map { $0 == "IPv6" } }
        return [ServicePods.isIPv6(service.spec.clusterIP.text)]
    }

    /// As the plan writes ports: name and protocol always there.
    private static func normalized(_ ports: JSON) -> JSON {
        .array(
            ports.elements.map { p in
                var q: JSON = ["name": .string(p.name.text), "protocol": .string(p.protocol.asString ?? "TCP")]
                q.port = p.port
                q.appProtocol = p.appProtocol
                return q
            })
    }

    private static func endpoint(_ pod: JSON, _ address: String, _ service: JSON, _ zones: [String: String]) -> JSON {
        let serving: Bool = Pod.isReady(pod)
        let terminating: Bool = pod.metadata.deletionTimestamp.exists
        let ready: Bool = service.spec.publishNotReadyAddresses.isTrue || (serving && !terminating)
        var e: JSON = ["addresses": [.string(address)]]
        e.conditions = ["ready": .bool(ready), "serving": .bool(serving), "terminating": .bool(terminating)]
        if let hostname = ServicePods.hostname(pod, service) { e.hostname = .string(hostname) }
        e.targetRef = ServicePods.targetRef(pod)
        if !pod.spec.nodeName.text.isEmpty {
            e.nodeName = pod.spec.nodeName
            if let zone = zones[pod.spec.nodeName.text] { e.zone = .string(zone) }
        }
        return e
    }

    private static func identity(_ endpoint: JSON) -> String {
        endpoint.targetRef.uid.text + "/" + (endpoint.addresses[0].text)
    }

    private mutating func fill(_ group: Group, _ endpoints: [JSON], _ slices: [JSON], _ stamp: Stamp) {
        var rest: [String: JSON] = [:]
        var order: [String] = []
        for e in endpoints where rest.updateValue(e, forKey: Self.identity(e)) == nil { order.append(Self.identity(e)) }
        // Present endpoints stay where they are.
        var contents: [[JSON]] = slices.map { slice in
            slice.endpoints.elements.compactMap { rest.removeValue(forKey: Self.identity($0)) }
        }
        var new: [JSON] = order.compactMap { rest[$0] }
        // The fullest slice with room takes the new ones.
        let byFill: [Int] = contents.indices.sorted { contents[$0].count > contents[$1].count }
        for i in byFill where !new.isEmpty {
            let room: Int = max(0, Self.endpointsMax - contents[i].count)
            contents[i] += new.prefix(room)
            new.removeFirst(min(room, new.count))
        }
        var kept: Int = 0
        for i in byFill {
            let isLast: Bool = kept == 0 && i == byFill.last && new.isEmpty
            if contents[i].isEmpty, !isLast || !endpoints.isEmpty {
                delete.append(slices[i])
                continue
            }
            kept += 1
            var slice: JSON = slices[i]
            stamp.put(on: &slice, group)
            slice.endpoints = .array(contents[i])
            if !Self.same(slice, slices[i]) { update.append(slice) }
        }
        while !new.isEmpty || kept == 0 {
            var slice: JSON = ["apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice"]
            slice.metadata.generateName = .string(stamp.prefix)
            slice.metadata.namespace = .string(stamp.namespace)
            stamp.put(on: &slice, group)
            slice.addressType = group.isIPv6 ? "IPv6" : "IPv4"
            slice.endpoints = .array(Array(new.prefix(Self.endpointsMax)))
            new.removeFirst(min(Self.endpointsMax, new.count))
            create.append(slice)
            kept += 1
        }
    }

    /// Slices to go are turned into slices to come of the same family: one write instead of two, and no moment without.
    private mutating func reuse() {
        var left: [JSON] = []
        for old in delete {
            guard let i = create.firstIndex(where: { $0.addressType == old.addressType }) else {
                left.append(old)
                continue
            }
            let new: JSON = create.remove(at: i)
            var slice: JSON = old
            slice.metadata.labels = new.metadata.labels
            slice.metadata.ownerReferences = new.metadata.ownerReferences
            slice.endpoints = new.endpoints
            slice.ports = new.ports
            update.append(slice)
        }
        delete = left
    }

    private static func same(_ a: JSON, _ b: JSON) -> Bool {
        guard a.metadata.labels.stringMap == b.metadata.labels.stringMap,
            Canonical.equal(a.metadata.ownerReferences, b.metadata.ownerReferences),
            a.endpoints.elements.count == b.endpoints.elements.count
        else { return false }
        return zip(a.endpoints.elements, b.endpoints.elements).allSatisfy { Canonical.equal($0, $1) }
    }
}

extension EndpointSlicePlan.Stamp {
    fileprivate func put(on slice: inout JSON, _ group: EndpointSlicePlan.Group) {
        slice.metadata.labels = JSON(labels)
        slice.metadata.ownerReferences = [owner]
        slice.ports = group.ports
    }
}
