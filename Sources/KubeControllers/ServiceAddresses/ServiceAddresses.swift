// Keeps one IPAddress object for each cluster IP, and tells that the ServiceCIDRs are in use (KEP-1880).

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire

/// The server's allocator decides who has an address; these objects show it. Keys are names of IPAddresses (the
/// address itself), and names of ServiceCIDRs with the namespace `cidr`.
final class ServiceAddresses: Component {
    static let manager: String = "ipallocator.k8s.io"
    private static let managedBy: String = "ipaddress.kubernetes.io/managed-by"
    private static let family: String = "ipaddress.kubernetes.io/ip-family"
    private static let finalizer: String = "networking.k8s.io/service-cidr-finalizer"

    private let context: ControllerContext
    private let services: Informer
    private let addresses: Informer
    private let ranges: Informer
    private let queue: WorkQueue<ObjectKey>

    init(_ context: ControllerContext) {
        self.context = context
        services = context.informers[API.services]
        addresses = context.informers[API.ipAddresses]
        ranges = context.informers[API.serviceCIDRs]
        queue = WorkQueue(time: context.time)
        services.addIndex("clusterIP") { Self.clusterIPs($0) }
        let queue: WorkQueue<ObjectKey> = queue
        services.onChange { old, new in
            let (a, b): (Set<String>, Set<String>) = (
                Set(old.map { Self.clusterIPs($0) } ?? []), Set(new.map { Self.clusterIPs($0) } ?? [])
            )
            for ip in a.symmetricDifference(b) { queue.add(ObjectKey(namespace: "", name: ip)) }
        }
        addresses.onChange { old, new in
            if let name = (new ?? old)?.metadata.name.text { queue.add(ObjectKey(namespace: "", name: name)) }
        }
        ranges.onChange { _, new in
            if let name = new?.metadata.name.text { queue.add(ObjectKey(namespace: "cidr", name: name)) }
        }
    }

    var name: String { "service-cidr-controller" }

    func run() async throws {
        try await ReconcileLoop<ObjectKey>(
            name, queue: queue,
            ready: { [services, addresses, ranges] in
                for informer in [services, addresses, ranges] { await informer.waitForSync() }
            }, reconcile: { try await self.reconcile($0) }
        ).run()
    }

    static func clusterIPs(_ service: JSON) -> [String] {
        let spec: JSON = service.spec
        let all: [String] = spec.clusterIPs.exists ? spec.clusterIPs.strings : [spec.clusterIP.text]
        return all.filter { !$0.isEmpty && $0 != "None" }
    }

    /// The object of an address, as the API server's allocator writes it.
    static func object(_ ip: String, of service: JSON) -> JSON {
        let isV6: Bool = ip.contains(":")
        return [
            "apiVersion": "networking.k8s.io/v1", "kind": "IPAddress",
            "metadata": [
                "name": .string(ip), "labels": [managedBy: .string(manager), family: isV6 ? "IPv6" : "IPv4"],
            ],
            "spec": [
                "parentRef": [
                    "group": "", "resource": "services", "namespace": service.metadata.namespace,
                    "name": service.metadata.name,
                ]
            ],
        ]
    }

    private func reconcile(_ key: ObjectKey) async throws -> ReconcileResult {
        if key.namespace == "cidr" {
            if let range = ranges.get(key.name) { try await settle(range) }
            return .done
        }
        let service: JSON? = services.list(index: "clusterIP", key.name).first
        let present: JSON? = addresses.get(key.name)
        guard let service else {
            if let present, present.metadata.labels[Self.managedBy].text == Self.manager { try await remove(present) }
            return .done
        }
        let wanted: JSON = Self.object(key.name, of: service)
        if let present {
            // An empty group is not stored.
            let isSame: Bool = ["group", "resource", "namespace", "name"].allSatisfy {
                present.spec.parentRef[$0].text == wanted.spec.parentRef[$0].text
            }
            if isSame { return .done }
            // The address has a new owner; references never change.
            try await remove(present)
        }
        do throws(StatusError) {
            try await context.client.create(API.ipAddresses, wanted)
        } catch {
            if !error.isAlreadyExists { throw error }
        }
        return .done
    }

    private func remove(_ object: JSON) async throws(StatusError) {
        try await ifPresent { () async throws(StatusError) in
            try await context.client.delete(
                API.ipAddresses, object.metadata.name.text, options: ["preconditions": ["uid": object.metadata.uid]])
        }
    }

    /// A range stays, while it is being deleted, as long as it is the last one or Services have addresses of it; the
    /// finalizer holds it. Here: the server's own range is in use for as long as the server runs.
    private func settle(_ range: JSON) async throws(StatusError) {
        var r: JSON = range
        if r.metadata.deletionTimestamp.exists {
            let isDefault: Bool = r.metadata.name.text == "kubernetes"
            guard !isDefault, r.meta.finalizers.contains(Self.finalizer) else { return }
            r.meta.finalizers.removeAll { $0 == Self.finalizer }
            let written: JSON = r
            try await ifPresent { () async throws(StatusError) in
                try await context.client.update(API.serviceCIDRs, written)
            }
            return
        }
        if !r.meta.finalizers.contains(Self.finalizer) {
            r.meta.finalizers.append(Self.finalizer)
            r = try await context.client.update(API.serviceCIDRs, r)
        }
        guard !r.status.conditions.elements.contains(where: { $0.type.text == "Ready" && $0.status.text == "True" })
        else { return }
        // Others' conditions stay.
        var conditions: [JSON] = r.status.conditions.elements
        Conditions.set(
            &conditions,
            Conditions.make(
                "Ready", true, reason: "", message: "Kubernetes Service CIDR is ready", at: context.time.now()))
        r.status.conditions = .array(conditions)
        _ = try await context.client.update(API.serviceCIDRs, r, subresource: "status")
    }
}
