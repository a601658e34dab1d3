// Node agents write only their own node, their own pods' status, their own lease: plugin/pkg/admission/noderestriction.

import KubeAPI
package import KubeModel
package import KubeServer
import KubeWire

package struct NodeRestriction: AdmissionPlugin {
    package let name: String = "NodeRestriction"
    package init() {}

    package func admit(_ request: inout AdmissionRequest) async throws(StatusError) {
        guard let node = NodeAuthorizer.node(of: request.user) else { return }
        switch request.resource {
        case API.pods: try pods(request, node)
        case API.nodes: try nodes(request, node)
        case API.leases:
            if request.namespace != "kube-node-lease" {
                throw refuse(request, "can only access leases in the \"kube-node-lease\" system namespace")
            }
            let name: String = request.operation == .create ? request.object.meta.name : request.name
            if name != node {
                throw refuse(request, "can only access node lease with the same name as the requesting node")
            }
        case API.csiNodes:
            let name: String = request.operation == .create ? request.object.meta.name : request.name
            if name != node {
                throw refuse(request, "can only access CSINode with the same name as the requesting node")
            }
        case API.resourceSlices:
            let slice: JSON = request.operation == .delete ? request.oldObject : request.object
            if slice.exists, slice.spec.nodeName.text != node {
                throw refuse(
                    request,
                    "can only create/delete ResourceSlice with the same NodeName as the requesting node")
            }
        default: break
        }
    }

    private func refuse(_ request: AdmissionRequest, _ why: String) -> StatusError {
        .forbidden(request.resource.groupResource, request.name, why)
    }

    private func pods(_ request: AdmissionRequest, _ node: String) throws(StatusError) {
        switch (request.subresource, request.operation) {
        case ("", .create):
            try mirrorPod(request, node)
        case ("", .delete):
            if request.oldObject.spec.nodeName.text != node {
                throw refuse(request, "node \"\(node)\" can only delete pods with spec.nodeName set to itself")
            }
        case ("status", .update):
            if request.oldObject.spec.nodeName.text != node {
                throw refuse(request, "node \"\(node)\" can only update pod status for pods with spec.nodeName set to itself")
            }
            if !Faults.same(request.object.metadata.labels, request.oldObject.metadata.labels) {
                throw refuse(request, "node \"\(node)\" cannot update labels through pod status")
            }
        case ("eviction", .create):
            guard
                let pod = request.context.registry.get(
                    API.pods, namespace: request.namespace, name: request.name)
            else { throw .notFound(API.pods.groupResource, request.name) }
            if pod.spec.nodeName.text != node {
                throw refuse(request, "node \"\(node)\" can only evict pods with spec.nodeName set to itself")
            }
        default:
            if request.operation == .connect { return }
            throw refuse(
                request,
                "unexpected pod subresource \"\(request.subresource)\", only 'status' and 'eviction' are allowed")
        }
    }

    /// Static pods shown by their agent: its own, and without anything that would let it read other objects.
    private func mirrorPod(_ request: AdmissionRequest, _ node: String) throws(StatusError) {
        let pod: JSON = request.object
        if !pod.metadata.annotations["kubernetes.io/config.mirror"].exists {
            throw refuse(
                request,
                "pod does not have \"kubernetes.io/config.mirror\" annotation, node \"\(node)\" can only create mirror pods")
        }
        if pod.spec.nodeName.text != node {
            throw refuse(request, "node \"\(node)\" can only create pods with spec.nodeName set to itself")
        }
        let owners: [JSON] = pod.metadata.ownerReferences.elements
        if owners.count > 1 {
            throw refuse(
                request, "node \"\(node)\" can only create pods with a single owner reference set to itself")
        }
        guard let owner = owners.first, owner.apiVersion.text == "v1", owner.kind.text == "Node",
            owner.name.text == node
        else { throw refuse(request, "node \"\(node)\" can only create pods with an owner reference set to itself") }
        if owner.controller.asBool != true {
            throw refuse(
                request, "node \"\(node)\" can only create pods with a controller owner reference set to itself")
        }
        if owner.blockOwnerDeletion.asBool == true {
            throw refuse(request, "node \"\(node)\" must not set blockOwnerDeletion on an owner reference")
        }
        guard let own = request.context.registry.get(API.nodes, namespace: "", name: node) else {
            throw .notFound(API.nodes.groupResource, node)
        }
        if owner.uid != own.metadata.uid {
            throw refuse(
                request, "node \(node) UID mismatch: expected \(own.metadata.uid.text) got \(owner.uid.text)")
        }
        if let what = PodReferences(pod).kinds.first {
            throw refuse(request, "node \"\(node)\" can not create pods that reference \(what)")
        }
    }

    private func nodes(_ request: AdmissionRequest, _ node: String) throws(StatusError) {
        let name: String = request.operation == .create ? request.object.meta.name : request.name
        if name != node {
            throw refuse(request, "node \"\(node)\" is not allowed to modify node \"\(name)\"")
        }
        guard request.operation == .create || request.operation == .update else {
            if request.operation == .delete { throw refuse(request, "node \"\(node)\" is not allowed to delete itself") }
            return
        }
        let new: JSON = request.object
        let old: JSON = request.oldObject
        let before: [String: String] = old.metadata.labels.stringMap
        let after: [String: String] = new.metadata.labels.stringMap
        var forbidden: [String] = []
        for key in Set(before.keys).union(after.keys) where before[key] != after[key] {
            if !Self.mayLabel(key) { forbidden.append(key) }
        }
        if !forbidden.isEmpty {
            throw refuse(
                request, "is not allowed to modify labels: \(forbidden.sorted().joined(separator: ", "))")
        }
        if request.operation == .update, request.subresource.isEmpty {
            if !Faults.same(new.spec.taints, old.spec.taints) {
                throw refuse(request, "node \"\(node)\" is not allowed to modify taints")
            }
            if !Faults.same(new.metadata.ownerReferences, old.metadata.ownerReferences) {
                throw refuse(request, "node \"\(node)\" is not allowed to modify ownerReferences")
            }
        }
    }

    private static let kubeletLabels: Set<String> = [
        "kubernetes.io/hostname", "topology.kubernetes.io/zone", "topology.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region",
        "node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type", "kubernetes.io/os", "kubernetes.io/arch",
        "beta.kubernetes.io/os", "beta.kubernetes.io/arch", "node.kubernetes.io/windows-build",
    ]

    /// Labels of the kubernetes.io and k8s.io domains are the system's, but for those agents set themselves.
    private static func mayLabel(_ key: String) -> Bool {
        if kubeletLabels.contains(key) { return true }
        guard let slash = key.firstIndex(of: "/") else { return true }
        let domain: Substring = key[..<slash]
        for own in ["kubelet.kubernetes.io", "node.kubernetes.io"] where domain == own || domain.hasSuffix("." + own) {
            return true
        }
        return !["kubernetes.io", "k8s.io"].contains { domain == $0 || domain.hasSuffix("." + $0) }
    }
}
