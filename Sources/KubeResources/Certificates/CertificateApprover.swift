// Approves by itself what machines that join ask for: their client certificates, and serving ones for their own addresses.

import KubeAPI
import KubeBase
import KubeCrypto
import KubeModel
package import KubeServer
import KubeWire
import Logging

/// Pure: may this request be approved without a person?
enum ApprovalPlan: Equatable {
    /// The requester must be allowed to create this subresource of certificatesigningrequests.
    case ifAllowed(subresource: String, message: String)
    case approve(message: String)
    /// Not by us, or not yet.
    case leave

    private static let clientSigner: String = "kubernetes.io/kube-apiserver-client-kubelet"
    private static let servingSigner: String = "kubernetes.io/kubelet-serving"
    private static let anyClientSigner: String = "kubernetes.io/kube-apiserver-client"
    private static let signers: Set<String> = [clientSigner, servingSigner, anyClientSigner]

    init(_ object: JSON, node: JSON?) {
        self = .leave
        let types: [String] = object.status.conditions.elements.map { $0.type.text }
        guard !types.contains("Approved"), !types.contains("Denied"), object.status.certificate.text.isEmpty else {
            return
        }
        let pem: String = String(decoding: Base64.decode(object.spec.request.text) ?? [], as: UTF8.self)
        let signer: String = object.spec.signerName.text
        guard Self.signers.contains(signer), let request = try? SigningRequest(pem: pem),
            CertificateSigner.complaint(signer, usages: object.spec.usages.strings, request) == nil
        else { return }
        let isOwn: Bool = object.spec.username.text == request.commonName
        if signer == Self.anyClientSigner {
            // A node's proxy: its rights are those that kubeadm gives every node by kube-proxy's account.
            let isProxy: Bool =
                request.commonName == "system:kube-proxy" && request.organizations == ["system:node-proxier"]
                && request.dnsNames.isEmpty && request.ipAddresses.isEmpty && request.otherNameCount == 0
            if isProxy, object.spec.username.text.hasPrefix("system:node:"),
                object.spec.groups.strings.contains(UserInfo.Group.nodes)
            {
                self = .approve(message: "Auto approving the client certificate of a node's proxy.")
            }
        } else if signer == Self.clientSigner {
            self =
                isOwn
                ? .ifAllowed(
                    subresource: "selfnodeclient",
                    message: "Auto approving self kubelet client certificate after SubjectAccessReview.")
                : .ifAllowed(
                    subresource: "nodeclient",
                    message: "Auto approving kubelet client certificate after SubjectAccessReview.")
        } else if isOwn, let node, request.commonName == "system:node:" + node.meta.name,
            Self.serves(request, node)
        {
            self = .approve(message: "Auto approving kubelet serving certificate for the node's own addresses.")
        }
    }

    /// Every name asked for is the node's.
    private static func serves(_ request: SigningRequest, _ node: JSON) -> Bool {
        var names: Set<String> = [node.meta.name]
        var addresses: Set<String> = []
        for a in node.status.addresses.elements {
            if a.type.text.hasSuffix("IP") { addresses.insert(a.address.text) } else { names.insert(a.address.text) }
        }
        return names.isSuperset(of: request.dnsNames) && addresses.isSuperset(of: request.ipAddresses)
    }
}

/// pkg/controller/certificates/approver, and the approval of serving certificates that upstream leaves to people.
package final class CertificateApprover: Component {
    private static let queueMax: Int = 1000
    private let registry: any ObjectRegistry
    private let work: AsyncStream<String>
    private let log: Logger = .component("csrapproving")

    package init(registry: any ObjectRegistry) {
        self.registry = registry
        let (stream, queue): (AsyncStream<String>, AsyncStream<String>.Continuation) = AsyncStream.makeStream(
            bufferingPolicy: .bufferingNewest(Self.queueMax))
        work = stream
        registry.onChange(API.certificateSigningRequests) { old, new in
            if old == nil, let new { queue.yield(new.meta.name) }
        }
        // A node that has just told its addresses may have a request waiting: an empty name means all.
        registry.onChange(API.nodes) { old, new in
            if let new, old?.status.addresses != new.status.addresses { queue.yield("") }
        }
    }

    package var name: String { "certificatesigningrequest-approving-controller" }

    package func run() async throws {
        for await name in work {
            if !name.isEmpty {
                if let request = registry.get(API.certificateSigningRequests, namespace: "", name: name) {
                    await settle(request)
                }
                continue
            }
            for request in registry.list(API.certificateSigningRequests, namespace: "") { await settle(request) }
        }
    }

    private func settle(_ request: JSON) async {
        let user: String = request.spec.username.text
        let node: JSON? =
            user.hasPrefix("system:node:")
            ? registry.get(API.nodes, namespace: "", name: String(user.dropFirst("system:node:".count))) : nil
        let words: String
        switch ApprovalPlan(request, node: node) {
        case .leave: return
        case .approve(let message): words = message
        case .ifAllowed(let subresource, let message):
            let asker: UserInfo = UserInfo(
                name: user, uid: request.spec.uid.text, groups: request.spec.groups.strings,
                extra: Dictionary(request.spec.extra.fields.pairs.map { ($0.key, $0.value.strings) }) { a, _ in a })
            let attributes: RequestAttributes = RequestAttributes(
                user: asker, verb: "create", API.certificateSigningRequests, subresource: subresource)
            guard case .allow = await registry.authorizer.authorize(attributes) else { return }
            words = message
        }
        let now: JSON = .string(Timestamp.now.rfc3339)
        do throws(StatusError) {
            try await registry.update(API.certificateSigningRequests, namespace: "", name: request.meta.name) { object in
                guard object.metadata.uid == request.metadata.uid,
                    !object.status.conditions.elements.contains(where: { SigningRequestStrategy.isDecision($0) })
                else { return false }
                object.status.conditions.elements.append([
                    "lastTransitionTime": now, "lastUpdateTime": now, "message": .string(words),
                    "reason": "AutoApproved", "status": "True", "type": "Approved",
                ])
                return true
            }
        } catch {
            if !error.isNotFound { log.warning("approval of \(request.meta.name): \(error)") }
        }
    }
}
