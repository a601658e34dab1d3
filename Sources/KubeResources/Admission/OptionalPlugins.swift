// Plugins that upstream has switched off unless asked for.

import KubeAPI
package import KubeModel
package import KubeServer
import KubeWire

/// Images are pulled for every pod, so that only who has their credentials can run them.
package struct AlwaysPullImages: AdmissionPlugin {
    package let name: String = "AlwaysPullImages"
    package init() {}
    private static let lists: [String] = ["initContainers", "containers", "ephemeralContainers"]

    private func cares(_ request: AdmissionRequest) -> Bool {
        request.resource == API.pods && ["", "ephemeralcontainers"].contains(request.subresource)
            && (request.operation == .create || request.operation == .update)
    }

    package func admit(_ request: inout AdmissionRequest) async throws(StatusError) {
        guard cares(request) else { return }
        if request.operation == .update, Self.images(request.object) == Self.images(request.oldObject) { return }
        for list in Self.lists {
            for i in request.object.spec[list].elements.indices {
                request.object.spec[list].elements[i].imagePullPolicy = "Always"
            }
        }
        for i in request.object.spec.volumes.elements.indices where request.object.spec.volumes[i].image.exists {
            request.object.spec.volumes.elements[i].image.pullPolicy = "Always"
        }
    }

    private static func images(_ pod: JSON) -> Set<String> {
        Set(lists.flatMap { pod.spec[$0].elements.map { $0.image.text } })
    }

    package func validate(_ request: AdmissionRequest) async throws(StatusError) {
        guard cares(request), request.operation == .create else { return }
        for list in Self.lists {
            for (i, c) in request.object.spec[list].elements.enumerated() where c.imagePullPolicy.text != "Always" {
                let fault: FieldError = .notSupported(
                    "spec.\(list)[\(i)].imagePullPolicy", c.imagePullPolicy, ["Always"])
                throw .forbidden(API.pods.groupResource, request.name, fault.description)
            }
        }
    }
}

/// Pods that ask for an extended resource tolerate the taint of the same name.
package struct ExtendedResourceToleration: AdmissionPlugin {
    package let name: String = "ExtendedResourceToleration"
    package init() {}

    package func admit(_ request: inout AdmissionRequest) async throws(StatusError) {
        guard request.resource == API.pods, request.operation == .create, request.subresource.isEmpty else { return }
        let all: [JSON] = request.object.spec.containers.elements + request.object.spec.initContainers.elements
        let names: Set<String> = Set(
            all.flatMap { $0.resources.requests.fields.keys }.filter { ResourceRules.isExtended($0) })
        for name in names.sorted() {
            let toleration: JSON = ["key": .string(name), "operator": "Exists"]
            if !request.object.spec.tolerations.elements.contains(toleration) {
                request.object.spec.tolerations.elements.append(toleration)
            }
        }
    }
}

/// Owner references only on what one may delete, and blocking ones only to what one may finalize.
package struct OwnerReferencesPermissionEnforcement: AdmissionPlugin {
    package let name: String = "OwnerReferencesPermissionEnforcement"
    package init() {}

    package func validate(_ request: AdmissionRequest) async throws(StatusError) {
        guard request.operation == .create || request.operation == .update, request.object.metadata.exists else {
            return
        }
        let new: [JSON] = request.object.metadata.ownerReferences.elements
        let old: [JSON] = request.oldObject.metadata.ownerReferences.elements
        guard new != old else { return }
        // Node agents report the status of pods that others own.
        if request.resource == API.pods, request.subresource == "status" { return }
        try await check(
            RequestAttributes(
                user: request.user, verb: "delete", request.resource, namespace: request.namespace, name: request.name),
            request, "cannot set an ownerRef on a resource you can't delete")
        for owner in new
        where owner.blockOwnerDeletion.isTrue
            && !old.contains(where: { $0.uid == owner.uid && $0.blockOwnerDeletion.isTrue })
        {
            let kind: GroupVersionKind = GroupVersionKind(of: owner)
            let known: ResourceDefinition? = request.context.registry.definitions.first { $0.gvk == kind }
            guard let known else {
                throw refused(
                    request,
                    "cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion \(owner.apiVersion.text) Kind \(owner.kind.text)"
                )
            }
            try await check(
                RequestAttributes(
                    user: request.user, verb: "update", known.gvr, subresource: "finalizers",
                    namespace: known.isNamespaced ? request.namespace : "", name: owner.name.text),
                request,
                "cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on")
        }
    }

    private func refused(_ request: AdmissionRequest, _ why: String) -> StatusError {
        .forbidden(request.resource.groupResource, request.name, why)
    }

    private func check(
        _ attributes: RequestAttributes, _ request: AdmissionRequest, _ why: String
    ) async throws(StatusError) {
        switch await request.context.registry.authorizer.authorize(attributes) {
        case .allow: return
        case .deny(let reason), .noOpinion(let reason): throw refused(request, "\(why): \(reason), <nil>")
        }
    }
}

/// Hard anti-affinity only on single nodes: one pod may not keep all others off a zone.
package struct LimitPodHardAntiAffinityTopology: AdmissionPlugin {
    package let name: String = "LimitPodHardAntiAffinityTopology"
    package init() {}

    package func validate(_ request: AdmissionRequest) async throws(StatusError) {
        guard request.resource == API.pods, request.operation == .create, request.subresource.isEmpty else { return }
        let terms: JSON = request.object.spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution
        for term in terms.elements where term.topologyKey.text != "kubernetes.io/hostname" {
            throw .forbidden(
                API.pods.groupResource, request.name,
                "affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey \(term.topologyKey.text) but only key "
                    + "kubernetes.io/hostname is allowed")
        }
    }
}

/// No new external IPs of Services (CVE-2020-8554).
package struct DenyServiceExternalIPs: AdmissionPlugin {
    package let name: String = "DenyServiceExternalIPs"
    package init() {}

    package func validate(_ request: AdmissionRequest) async throws(StatusError) {
        guard request.resource == API.services, request.subresource.isEmpty,
            request.operation == .create || request.operation == .update
        else { return }
        let old: Set<String> = Set(request.oldObject.spec.externalIPs.strings)
        if request.object.spec.externalIPs.strings.contains(where: { !old.contains($0) }) {
            throw .forbidden(
                API.services.groupResource, request.name, "Use of external IPs is denied by admission control.")
        }
    }
}
