// Which certificate requests are approved by themselves, which are over; and Secrets with tokens.

import KubeBase
import KubeCrypto
import KubeModel
import KubeServer
import KubeWire
import Testing

@testable import KubeResources

@Suite struct CertificateTests {
    private static func request(
        _ signer: String, _ usages: [String], by user: String, cn: String, orgs: [String] = ["system:nodes"],
        dns: [String] = [], ip: [String] = []
    ) throws -> JSON {
        let made = try SigningRequest.create(commonName: cn, organizations: orgs, dnsNames: dns, ipAddresses: ip)
        return [
            "metadata": ["name": "csr"],
            "spec": [
                "request": .string(Base64.encode(Array(made.csrPEM.utf8))), "usages": JSON(usages),
                "signerName": .string("kubernetes.io/" + signer), "username": .string(user), "groups": ["system:nodes"],
            ],
        ]
    }
    private static let client: [String] = ["digital signature", "client auth"]
    private static let server: [String] = ["digital signature", "server auth"]
    private static let node: JSON = [
        "metadata": ["name": "n1"],
        "status": ["addresses": [["type": "InternalIP", "address": "10.0.0.1"], ["type": "Hostname", "address": "n1"]]],
    ]

    @Test func nodesGetTheirOwnCertificates() throws {
        let kubelet: String = "kube-apiserver-client-kubelet"
        func plan(_ object: JSON) -> ApprovalPlan { ApprovalPlan(object, node: Self.node) }
        let own: JSON = try Self.request(kubelet, Self.client, by: "system:node:n1", cn: "system:node:n1")
        guard case .ifAllowed("selfnodeclient", _) = plan(own) else { return #expect(Bool(false)) }
        let first: JSON = try Self.request(kubelet, Self.client, by: "system:bootstrap:abcdef", cn: "system:node:n1")
        guard case .ifAllowed("nodeclient", _) = plan(first) else { return #expect(Bool(false)) }
        let person: JSON = try Self.request(kubelet, Self.client, by: "x", cn: "admin")
        #expect(plan(person) == .leave)
        let serving: JSON = try Self.request(
            "kubelet-serving", Self.server, by: "system:node:n1", cn: "system:node:n1", dns: ["n1"], ip: ["10.0.0.1"])
        guard case .approve = plan(serving) else { return #expect(Bool(false)) }
        #expect(ApprovalPlan(serving, node: nil) == .leave)
        let stolen: JSON = try Self.request(
            "kubelet-serving", Self.server, by: "system:node:n1", cn: "system:node:n1", ip: ["10.0.0.2"])
        #expect(plan(stolen) == .leave)
        let other: JSON = try Self.request(
            "kubelet-serving", Self.server, by: "system:node:n2", cn: "system:node:n1", ip: ["10.0.0.1"])
        #expect(plan(other) == .leave)
    }

    @Test func proxiesAreApprovedForNodesOnly() throws {
        let signer: String = "kube-apiserver-client"
        let good: JSON = try Self.request(
            signer, Self.client, by: "system:node:n1", cn: "system:kube-proxy", orgs: ["system:node-proxier"])
        guard case .approve = ApprovalPlan(good, node: Self.node) else { return #expect(Bool(false)) }
        let person: JSON = try Self.request(
            signer, Self.client, by: "ann", cn: "system:kube-proxy", orgs: ["system:node-proxier"])
        #expect(ApprovalPlan(person, node: nil) == .leave)
        let masters: JSON = try Self.request(
            signer, Self.client, by: "system:node:n1", cn: "system:kube-proxy", orgs: ["system:masters"])
        #expect(ApprovalPlan(masters, node: Self.node) == .leave)
    }

    @Test func requestsEnd() {
        let now: Timestamp = Timestamp(seconds: 1_000_000)
        func object(_ age: Int64, _ type: String?) -> JSON {
            let time: JSON = .string(Timestamp(seconds: now.seconds - age).rfc3339)
            var o: JSON = ["metadata": ["creationTimestamp": time]]
            if let type { o.status.conditions = [["type": .string(type), "lastUpdateTime": time]] }
            return o
        }
        #expect(!CertificateCleaner.isOver(object(3600 * 23, nil), now: now))
        #expect(CertificateCleaner.isOver(object(3600 * 25, nil), now: now))
        #expect(CertificateCleaner.isOver(object(3700, "Denied"), now: now))
        #expect(!CertificateCleaner.isOver(object(3500, "Denied"), now: now))
        #expect(!CertificateCleaner.isOver(object(3700, "Approved"), now: now))
    }

    @Test func tokenSecretsAreFilledOrRemoved() throws {
        let secret: JSON = [
            "metadata": [
                "name": "t", "namespace": "ns", "annotations": ["kubernetes.io/service-account.name": "robot"],
            ], "type": "kubernetes.io/service-account-token",
        ]
        let account: JSON = ["metadata": ["name": "robot", "namespace": "ns", "uid": "u1"]]
        #expect(TokenSecrets.step(secret, account: nil, caPEM: "CA", sign: { _ in "t" }) == .remove)
        guard case .write(let right) = TokenSecrets.step(secret, account: account, caPEM: "CA", sign: { _ in "jwt" })
        else { return #expect(Bool(false)) }
        #expect(right.data.token.text == Base64.encode(Array("jwt".utf8)))
        #expect(right.data.namespace.text == Base64.encode(Array("ns".utf8)))
        #expect(right.metadata.annotations["kubernetes.io/service-account.uid"] == "u1")
        #expect(TokenSecrets.step(right, account: account, caPEM: "CA", sign: { _ in "jwt" }) == .none)
        let reborn: JSON = ["metadata": ["name": "robot", "namespace": "ns", "uid": "u2"]]
        #expect(TokenSecrets.step(right, account: reborn, caPEM: "CA", sign: { _ in "jwt" }) == .remove)
    }
}
