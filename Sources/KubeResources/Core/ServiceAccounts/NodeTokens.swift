// Which tokens a node agent may ask for: of pods on its node, for audiences that these pods use (KEP-4412).

import KubeAPI
import KubeModel
import KubeServer
import KubeWire

enum NodeTokens {
    /// `bound` are the claims of the object that the token dies with.
    static func check(_ request: JSON, bound: JSON, _ context: RequestContext) async throws(StatusError) {
        guard let node = NodeAuthorizer.node(of: context.user) else { return }
        guard bound.pod.exists else { throw refuse(context, "node requested token not bound to a pod") }
        guard bound.node.name.text == node else {
            throw refuse(context, "node requested token bound to a pod scheduled on a different node")
        }
        let audiences: [String] = request.spec.audiences.strings
        if audiences.count > 1 { throw refuse(context, "node may only request 0 or 1 audiences") }
        let audience: String = audiences.first ?? ""
        let pod: JSON? = context.registry.get(
            API.pods, namespace: context.namespace, name: bound.pod.name.text)
        if let pod, uses(pod, audience, context.registry) { return }
        let asked: RequestAttributes = RequestAttributes(
            user: context.user, verb: "request-serviceaccounts-token-audience",
            GroupVersionResource("v1", audience), namespace: context.namespace, name: context.name)
        if case .allow = await context.registry.authorizer.authorize(asked) { return }
        throw refuse(
            context,
            "audience \"\(audience)\" not found in pod spec volume, \(context.user.name) is not authorized to request "
                + "tokens for this audience")
    }

    private static func refuse(_ context: RequestContext, _ why: String) -> StatusError {
        .forbidden(API.serviceAccounts.groupResource, context.name, why)
    }

    /// By a projected token (an empty audience is the API server's), or by a CSI driver of one of its volumes.
    private static func uses(_ pod: JSON, _ audience: String, _ registry: any ObjectRegistry) -> Bool {
        let drivers: [String] = pod.spec.volumes.elements.compactMap { driver($0, pod, registry) }
        let isProjected: Bool = pod.spec.volumes.elements.contains { volume in
            volume.projected.sources.elements.contains {
                $0.serviceAccountToken.exists && $0.serviceAccountToken.audience.text == audience
            }
        }
        if isProjected { return true }
        return drivers.contains { name in
            registry.get(API.csiDrivers, namespace: "", name: name)?.spec.tokenRequests.elements
                .contains { $0.audience.text == audience } == true
        }
    }

    private static func driver(_ volume: JSON, _ pod: JSON, _ registry: any ObjectRegistry) -> String? {
        if volume.csi.exists { return volume.csi.driver.text }
        let name: String
        if volume.ephemeral.exists {
            name = "\(pod.meta.name)-\(volume.name.text)"
        } else if volume.persistentVolumeClaim.exists {
            name = volume.persistentVolumeClaim.claimName.text
        } else {
            return nil
        }
        let claim: JSON? = registry.get(API.persistentVolumeClaims, namespace: pod.meta.namespace, name: name)
        guard let claim, !claim.spec.volumeName.text.isEmpty else { return nil }
        let csi: JSON? = registry.get(API.persistentVolumes, namespace: "", name: claim.spec.volumeName.text)?.spec.csi
        return csi.flatMap { $0.exists ? $0.driver.text : nil }
    }
}
