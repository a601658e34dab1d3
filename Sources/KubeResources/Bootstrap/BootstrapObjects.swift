// What exists in every cluster from the first second, put back at each start.

import KubeAPI
import KubeBase
package import KubeModel
package import KubeServer
import KubeWire
import Logging

/// Objects that are created when absent; those whose content is the server's own are also put right.
package struct BootstrapObjects: Sendable {
    private let settings: ClusterSettings
    private let transport: any APITransport
    private let registry: any ObjectRegistry
    private let log: Logger = .component("bootstrap")

    package init(_ settings: ClusterSettings, _ registry: any ObjectRegistry) {
        self.settings = settings
        self.registry = registry
        self.transport = registry.transport(user: .loopback)
    }

    /// To be run after the server has opened and before it is marked ready.
    package func apply() async throws(StatusError) {
        settings.serviceAllocator.follow(registry)
        for name in ["default", "kube-system", "kube-public", "kube-node-lease"] {
            try await ensure(API.namespaces, ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(name)]])
        }
        try await reconcileRoles()
        for (name, value) in PriorityClasses.systemNames.sorted(by: { $0.key < $1.key }) {
            try await ensure(
                API.priorityClasses,
                [
                    "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": ["name": .string(name)],
                    "value": JSON(value), "description": .string(Self.priorityWords[name] ?? ""),
                ])
        }
        try await storageClass()
        try await serviceRange()
        try await authenticationConfig()
        try await kubernetesService()
    }

    private static let priorityWords: [String: String] = [
        "system-cluster-critical": "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
        "system-node-critical": "Used for system critical pods that must not be moved from their current node.",
    ]

    // MARK: writing

    private func call(_ verb: Verb, _ resource: GroupVersionResource, _ object: JSON) async throws(StatusError) {
        var request: APICall = APICall(verb, resource)
        request.namespace = object.meta.namespace
        if verb == .update { request.name = object.meta.name }
        request.query["fieldManager"] = "kube-apiserver"
        request.body = object
        _ = try await transport.call(request)
    }

    private func ensure(_ resource: GroupVersionResource, _ object: JSON) async throws(StatusError) {
        if registry.get(resource, namespace: object.meta.namespace, name: object.meta.name) != nil { return }
        do throws(StatusError) {
            try await call(.create, resource, object)
        } catch {
            if !error.isAlreadyExists { throw error }
        }
    }

    /// Creates, or writes the given members over the object that is there when they differ.
    private func put(_ resource: GroupVersionResource, _ object: JSON) async throws(StatusError) {
        let present: JSON? = registry.get(resource, namespace: object.meta.namespace, name: object.meta.name)
        guard var merged = present else { return try await ensure(resource, object) }
        for (key, value) in object.fields where key != "metadata" { merged[key] = value }
        for (key, value) in object.metadata.labels.fields { merged.metadata.labels[key] = value }
        if Faults.same(merged, present ?? .null) { return }
        try await call(.update, resource, merged)
    }

    /// All at once: the store puts writes that wait together into one transaction.
    private func reconcileRoles() async throws(StatusError) {
        let failure: StatusError? = await withTaskGroup(of: StatusError?.self) { group in
            for object in BootstrapPolicy.objects {
                group.addTask {
                    do throws(StatusError) {
                        try await self.reconcile(object)
                        return nil
                    } catch {
                        return error
                    }
                }
            }
            var first: StatusError?
            for await error in group where first == nil { first = error }
            return first
        }
        if let failure { throw failure }
    }

    /// Roles and bindings: what is missing is added, unless autoupdate was turned off; additions of others stay.
    private func reconcile(_ object: JSON) async throws(StatusError) {
        let resource: GroupVersionResource
        switch object.kind.text {
        case "ClusterRole": resource = API.clusterRoles
        case "Role": resource = API.roles
        case "ClusterRoleBinding": resource = API.clusterRoleBindings
        default: resource = API.roleBindings
        }
        guard var present = registry.get(resource, namespace: object.meta.namespace, name: object.meta.name) else {
            return try await ensure(resource, object)
        }
        if present.metadata.annotations["rbac.authorization.kubernetes.io/autoupdate"].text == "false" { return }
        var isChanged: Bool = false
        let held: [PolicyRule] = present.rules.elements.map { PolicyRule($0) }
        for rule in object.rules.elements {
            let wanted: PolicyRule = PolicyRule(rule)
            if held.contains(wanted) || PolicyRule.missing([wanted], from: held).isEmpty { continue }
            present.rules.elements.append(rule)
            isChanged = true
        }
        for subject in object.subjects.elements where !present.subjects.elements.contains(where: { s in
            s.kind == subject.kind && s.name == subject.name && s.namespace.text == subject.namespace.text
        }) {
            present.subjects.elements.append(subject)
            isChanged = true
        }
        for (key, value) in object.metadata.labels.fields where present.metadata.labels[key] != value {
            present.metadata.labels[key] = value
            isChanged = true
        }
        if isChanged { try await call(.update, resource, present) }
    }

    /// The default class: folders on the node of the pod that first asks (see KubeControllers' VolumeBinder).
    private func storageClass() async throws(StatusError) {
        try await ensure(
            API.storageClasses,
            [
                "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
                "metadata": [
                    "name": "standard", "annotations": ["storageclass.kubernetes.io/is-default-class": "true"],
                ],
                "provisioner": "apus.dev/local", "reclaimPolicy": "Delete", "allowVolumeExpansion": true,
                "volumeBindingMode": "WaitForFirstConsumer",
            ])
    }

    // MARK: networking

    private func serviceRange() async throws(StatusError) {
        try await ensure(
            API.serviceCIDRs,
            [
                "apiVersion": "networking.k8s.io/v1", "kind": "ServiceCIDR", "metadata": ["name": "kubernetes"],
                "spec": ["cidrs": JSON(settings.serviceCIDRs.map { $0.description })],
            ])
    }

    private func authenticationConfig() async throws(StatusError) {
        try await put(
            API.configMaps,
            [
                "apiVersion": "v1", "kind": "ConfigMap",
                "metadata": ["name": "extension-apiserver-authentication", "namespace": "kube-system"],
                "data": [
                    "client-ca-file": .string(settings.clientCAPEM), "requestheader-allowed-names": "[\"front-proxy-client\"]",
                    "requestheader-client-ca-file": .string(settings.frontProxyCAPEM),
                    "requestheader-extra-headers-prefix": "[\"X-Remote-Extra-\"]",
                    "requestheader-group-headers": "[\"X-Remote-Group\"]",
                    "requestheader-uid-headers": "[\"X-Remote-Uid\"]",
                    "requestheader-username-headers": "[\"X-Remote-User\"]",
                ],
            ])
    }

    /// The first address of the range stands for the server itself.
    private func kubernetesService() async throws(StatusError) {
        let address: String = settings.serviceCIDRs[0].first.advanced(by: 1).description
        try await ensure(
            API.services,
            [
                "apiVersion": "v1", "kind": "Service",
                "metadata": [
                    "name": "kubernetes", "namespace": "default",
                    "labels": ["component": "apiserver", "provider": "kubernetes"],
                ],
                "spec": [
                    "clusterIP": .string(address), "type": "ClusterIP", "sessionAffinity": "None",
                    "ports": [["name": "https", "port": 443, "protocol": "TCP", "targetPort": JSON(settings.advertisePort)]],
                ],
            ])
        let port: JSON = ["name": "https", "port": JSON(settings.advertisePort), "protocol": "TCP"]
        try await put(
            API.endpoints,
            [
                "apiVersion": "v1", "kind": "Endpoints",
                "metadata": [
                    "name": "kubernetes", "namespace": "default",
                    "labels": ["endpointslice.kubernetes.io/skip-mirror": "true"],
                ],
                "subsets": [["addresses": [["ip": .string(settings.advertiseAddress)]], "ports": [port]]],
            ])
        let isV6: Bool = IPAddress(settings.advertiseAddress)?.isV6 ?? false
        try await put(
            API.endpointSlices,
            [
                "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
                "metadata": [
                    "name": "kubernetes", "namespace": "default",
                    "labels": ["kubernetes.io/service-name": "kubernetes"],
                ],
                "addressType": isV6 ? "IPv6" : "IPv4",
                "endpoints": [["addresses": [.string(settings.advertiseAddress)], "conditions": ["ready": true]]],
                "ports": [port],
            ])
    }
}
