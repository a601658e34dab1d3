// EndpointSlices for Endpoints that people write by hand, for Services without a selector.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire

final class EndpointSliceMirroring: Component {
    private static let managerName: String = "endpointslicemirroring-controller.k8s.io"
    private static let skip: String = "endpointslice.kubernetes.io/skip-mirror"
    private static let index: String = "mirroredService"

    private let context: ControllerContext
    private let services: Informer
    private let endpoints: Informer
    private let slices: Informer
    private let writes: OwnWrites
    private let queue: WorkQueue<ObjectKey>

    init(_ context: ControllerContext) {
        self.context = context
        services = context.informers[API.services]
        endpoints = context.informers[API.endpoints]
        slices = context.informers[API.endpointSlices]
        writes = OwnWrites(slices)
        queue = WorkQueue(time: context.time)
        let queue: WorkQueue<ObjectKey> = queue
        services.onChange { old, new in
            guard let service = new ?? old else { return }
            if old == nil || new == nil || old?.spec.selector != new?.spec.selector {
                queue.add(ObjectKey(of: service))
            }
        }
        endpoints.onChange { old, new in if let object = new ?? old { queue.add(ObjectKey(of: object)) } }
        slices.addIndex(Self.index) { slice in Self.service(of: slice).map { [$0.description] } ?? [] }
        slices.onChange { old, new in
            if old != nil, let slice = new ?? old, let key = Self.service(of: slice) { queue.add(key) }
        }
    }

    private static func service(of slice: JSON) -> ObjectKey? {
        let labels: JSON = slice.metadata.labels
        guard labels[EndpointSlicePlan.managedBy].text == managerName,
            let name = labels[EndpointSlicePlan.serviceName].asString
        else { return nil }
        return ObjectKey(namespace: slice.metadata.namespace.text, name: name)
    }

    var name: String { "endpointslice-mirroring-controller" }

    func run() async throws {
        try await ReconcileLoop<ObjectKey>(
            name, queue: queue,
            ready: { [services, endpoints, slices] in
                for informer in [services, endpoints, slices] { await informer.waitForSync() }
            }, reconcile: { try await self.reconcile($0) }
        ).run()
    }

    /// Not the leader locks of old, not what a selector or the API server itself keeps.
    static func isMirrored(_ endpoints: JSON, _ service: JSON) -> Bool {
        endpoints.metadata.labels[skip].text != "true"
            && !endpoints.metadata.annotations["control-plane.alpha.kubernetes.io/leader"].exists
            && service.spec.selector.stringMap.isEmpty && service.spec.type.text != "ExternalName"
    }

    static func wanted(_ endpoints: JSON) -> [EndpointSlicePlan.Group: [JSON]] {
        var wanted: [EndpointSlicePlan.Group: [JSON]] = [:]
        for subset in endpoints.subsets.elements {
            let ports: JSON = .array(
                subset.ports.elements.map { p in
                    var q: JSON = ["name": .string(p.name.text), "protocol": .string(p.protocol.asString ?? "TCP")]
                    q.port = p.port
                    q.appProtocol = p.appProtocol
                    return q
                })
            for (list, ready) in [("addresses", true), ("notReadyAddresses", false)] {
                for address in subset[list].elements {
                    let ip: String = address.ip.text
                    var e: JSON = ["addresses": [.string(ip)], "conditions": ["ready": .bool(ready)]]
                    e.hostname = address.hostname
                    e.nodeName = address.nodeName
                    e.targetRef = address.targetRef
                    wanted[EndpointSlicePlan.Group(isIPv6: ServicePods.isIPv6(ip), ports: ports), default: []].append(e)
                }
            }
        }
        return wanted
    }

    private func reconcile(_ key: ObjectKey) async throws -> ReconcileResult {
        let mine: [JSON] = writes.over(slices.list(index: Self.index, key.description)) { Self.service(of: $0) == key }
        var plan: EndpointSlicePlan = EndpointSlicePlan()
        if let object = endpoints.get(key), let service = services.get(key), Self.isMirrored(object, service) {
            var labels: [String: String] = object.metadata.labels.stringMap
            labels[EndpointSlicePlan.serviceName] = key.name
            labels[EndpointSlicePlan.managedBy] = Self.managerName
            plan = EndpointSlicePlan.make(
                wanted: Self.wanted(object), present: mine,
                EndpointSlicePlan.Stamp(
                    namespace: key.namespace, prefix: key.name + "-", labels: labels,
                    owner: Owner.reference(to: object, ("v1", "Endpoints"))))
        } else {
            plan.delete = mine
        }
        do throws(StatusError) {
            for slice in plan.create {
                writes.wrote(try await context.client.create(API.endpointSlices, namespace: key.namespace, slice))
            }
            for slice in plan.update { writes.wrote(try await context.client.update(API.endpointSlices, slice)) }
            for slice in plan.delete {
                try await ifPresent { () async throws(StatusError) in
                    try await context.client.delete(
                        API.endpointSlices, namespace: key.namespace, slice.metadata.name.text,
                        options: ["preconditions": ["uid": slice.metadata.uid]])
                }
                writes.deleted(slice)
            }
        } catch {
            if error.isNamespaceTerminating { return .done }
            throw error
        }
        return .done
    }
}
