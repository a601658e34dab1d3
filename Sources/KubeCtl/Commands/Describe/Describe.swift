// `describe`: what people want to know of an object, with its events.

import KubeBase
import KubeModel
import KubeWire

enum Describe {
    static let command: Command = {
        var c: Command = Command("describe", "Show details of a specific resource or group of resources")
        c.usage = "(-f FILENAME | TYPE [NAME_PREFIX | -l label] | TYPE/NAME)"
        c.examples = "      apus describe pod web\n      apus describe nodes"
        c.flags =
            CommonFlags.files + [
                CommonFlags.selector, CommonFlags.allNamespaces,
                Flag("show-events", .bool, preset: "true", "If true, display events related to the described object."),
                Flag("chunk-size", .string, preset: "500", "Return large lists in chunks of this size."),
            ]
        c.run = { try await run($0) }
        return c
    }()

    private static func run(_ i: Invocation) async throws {
        let targets: [Target] = try await TargetReader(i).read(
            missing: "You must specify the type of resource to describe. Use \"\(i.console.program) api-resources\" for a complete list of supported resources.")
        var printed: Int = 0
        for target in targets {
            for object in try await objects(i, target) {
                if printed > 0 { i.console.line("\n") }
                printed += 1
                i.console.line(try await text(i, target, object))
            }
        }
        if printed == 0 {
            let ns: String = try i.namespace()
            i.console.note(ns.isEmpty ? "No resources found" : "No resources found in \(ns) namespace.")
        }
    }

    private static let rbac: String = "rbac.authorization.k8s.io"

    /// The named object, or those whose names begin with it, or all.
    private static func objects(_ i: Invocation, _ target: Target) async throws -> [JSON] {
        if target.name.isEmpty { return try await target.fetch(i)["items"].elements }
        do {
            return [target.typed(try await target.fetch(i))]
        } catch let error as StatusError where error.isNotFound {
            let list: JSON = try await target.list(i.session.connection(), query: [])
            let matches: [JSON] = list["items"].elements.filter { $0.meta.name.hasPrefix(target.name) }
            if matches.isEmpty { throw error }
            return matches
        }
    }

    private static func text(_ i: Invocation, _ target: Target, _ object: JSON) async throws -> String {
        var writer: DescribeWriter = DescribeWriter()
        let related: RelatedObjects = RelatedObjects(i)
        switch (target.served.kind, target.served.resource.group) {
        case ("Pod", ""): DescribePod.pod(object, into: &writer)
        case ("Node", ""):
            DescribeNode.node(
                object, pods: try await related.pods(onNode: object.meta.name), lease: await related.lease(ofNode: object.meta.name), into: &writer)
        case ("Service", ""): DescribeNetwork.service(object, slices: try await related.slices(of: object), into: &writer)
        case ("Deployment", "apps"):
            DescribeWorkload.deployment(object, replicaSets: try await related.replicaSets(of: object), into: &writer)
        case ("ReplicaSet", "apps"), ("StatefulSet", "apps"), ("DaemonSet", "apps"), ("Job", "batch"):
            DescribeWorkload.other(object, pods: try await related.pods(of: object), into: &writer)
        case ("ConfigMap", ""): DescribeData.configMap(object, into: &writer)
        case ("Secret", ""): DescribeData.secret(object, into: &writer)
        case ("Namespace", ""):
            DescribeData.namespace(
                object, quotas: try await related.list(of: "resourcequotas", in: object.meta.name),
                limits: try await related.list(of: "limitranges", in: object.meta.name), into: &writer)
        case ("ServiceAccount", ""):
            let tokens: [JSON] = try await related.list(of: "secrets", in: object.meta.namespace).filter {
                $0.type.text == "kubernetes.io/service-account-token"
                    && $0.meta.annotations["kubernetes.io/service-account.name"] == object.meta.name
            }
            DescribeAccess.serviceAccount(object, tokens: tokens, into: &writer)
        case ("Role", rbac), ("ClusterRole", rbac): DescribeAccess.role(object, into: &writer)
        case ("RoleBinding", rbac), ("ClusterRoleBinding", rbac): DescribeAccess.binding(object, into: &writer)
        case ("PriorityClass", "scheduling.k8s.io"): DescribeAccess.priorityClass(object, into: &writer)
        case ("EndpointSlice", "discovery.k8s.io"): DescribeNetwork.slice(object, into: &writer)
        case ("Endpoints", ""): DescribeNetwork.endpoints(object, into: &writer)
        case ("Ingress", "networking.k8s.io"): DescribeNetwork.ingress(object, into: &writer)
        case ("PersistentVolumeClaim", ""):
            DescribeStorage.claim(
                object,
                pods: try await related.list(of: "pods", in: object.meta.namespace).filter {
                    $0.spec.volumes.elements.contains { $0.persistentVolumeClaim.claimName.text == object.meta.name }
                }, into: &writer)
        case ("PersistentVolume", ""): DescribeStorage.volume(object, into: &writer)
        case ("StorageClass", "storage.k8s.io"): DescribeStorage.storageClass(object, into: &writer)
        default: DescribeGeneric.object(object, into: &writer)
        }
        let silent: Set<String> = ["Secret", "Namespace", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding"]
        if i.flags.bool("show-events"), !silent.contains(target.served.kind) {
            DescribeEvents.write(try await related.events(of: object), into: &writer)
        }
        return writer.text
    }
}

/// What a description needs beside its object.
struct RelatedObjects {
    private let i: Invocation
    init(_ i: Invocation) { self.i = i }

    private func list(_ path: String, _ query: [(String, String)] = []) async throws -> [JSON] {
        try await i.session.connection().get(path, query: query)["items"].elements
    }

    /// Core objects of a namespace.
    func list(of resource: String, in namespace: String) async throws -> [JSON] {
        try await list("/api/v1/namespaces/\(namespace)/\(resource)")
    }

    func events(of object: JSON) async throws -> [JSON] {
        let namespace: String = object.meta.namespace
        var selector: String = "involvedObject.name=\(object.meta.name)"
        if !namespace.isEmpty { selector += ",involvedObject.namespace=\(namespace)" }
        if object.kind.text != "Node" { selector += ",involvedObject.uid=\(object.meta.uid)" }
        let path: String = namespace.isEmpty ? "/api/v1/events" : "/api/v1/namespaces/\(namespace)/events"
        return try await list(path, [("fieldSelector", selector)]).filter { $0.involvedObject.kind.text == object.kind.text }
    }

    func pods(onNode name: String) async throws -> [JSON] {
        try await list("/api/v1/pods", [("fieldSelector", "spec.nodeName=\(name),status.phase!=Failed,status.phase!=Succeeded")])
    }

    func lease(ofNode name: String) async -> JSON {
        (try? await i.session.connection().get("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/\(name)")) ?? .null
    }

    func slices(of service: JSON) async throws -> [JSON] {
        try await list(
            "/apis/discovery.k8s.io/v1/namespaces/\(service.meta.namespace)/endpointslices",
            [("labelSelector", "kubernetes.io/service-name=\(service.meta.name)")])
    }

    func replicaSets(of deployment: JSON) async throws -> [JSON] {
        try await list("/apis/apps/v1/namespaces/\(deployment.meta.namespace)/replicasets")
            .filter { $0.meta.controller?.uid.text == deployment.meta.uid }
    }

    func pods(of workload: JSON) async throws -> [JSON] {
        try await list("/api/v1/namespaces/\(workload.meta.namespace)/pods").filter { $0.meta.controller?.uid.text == workload.meta.uid }
    }
}
