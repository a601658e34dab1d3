// The keys and certificates of a cluster: made once, kept in its pki folder under kubeadm's names.

import KubeBase
import KubeCrypto
import KubeOS

/// Reads what is there and makes what lacks.
struct Credentials: Sendable {
    static let authorityYears: Int64 = 10
    /// Leaves are made anew at each start of the cluster when less than a third of this is left.
    static let leafDays: Int64 = 365

    let folder: String
    let authority: CertificateAuthority
    /// Signs the front proxy's certificate (aggregated APIs).
    let frontProxyAuthority: CertificateAuthority
    /// Signs service accounts' tokens.
    let accountKey: SigningKey
    /// Keys that have signed before: `sa-old.pub`, the newest first.
    let oldAccountKeys: [VerificationKey]

    struct Pair: Sendable {
        var certificatePEM: String
        var keyPEM: String
    }

    static func open(_ folder: String) throws -> Credentials {
        try Files.makeDirectories(folder, mode: 0o700)
        let keyFile: String = "\(folder)/sa.key"
        let account: SigningKey
        if Files.exists(keyFile) {
            account = try SigningKey(pem: try Files.text(keyFile))
        } else {
            account = try SigningKey.create()
            try Files.writeAtomically(keyFile, account.pem, mode: 0o600)
            try Files.writeAtomically("\(folder)/sa.pub", account.publicPEM)
        }
        return Credentials(
            folder: folder, authority: try authority(folder, "ca", "kubernetes"),
            frontProxyAuthority: try authority(folder, "front-proxy-ca", "front-proxy-ca"), accountKey: account,
            oldAccountKeys: try oldKeys("\(folder)/sa-old.pub"))
    }

    /// The public keys of a file with one or several PEM blocks.
    static func oldKeys(_ file: String) throws -> [VerificationKey] {
        guard Files.exists(file) else { return [] }
        return try PEMBlocks.all(of: try Files.text(file)).map { try VerificationKey(pem: $0) }
    }

    /// A new key signs tokens from the server's next start on; tokens of the old one stay good until they end.
    static func rotateAccountKey(_ folder: String) throws {
        let old: SigningKey = try SigningKey(pem: try Files.text("\(folder)/sa.key"))
        let kept: String = Files.exists("\(folder)/sa-old.pub") ? try Files.text("\(folder)/sa-old.pub") : ""
        let new: SigningKey = try SigningKey.create()
        try Files.writeAtomically("\(folder)/sa-old.pub", old.publicPEM + kept)
        try Files.writeAtomically("\(folder)/sa.key", new.pem, mode: 0o600)
        try Files.writeAtomically("\(folder)/sa.pub", new.publicPEM)
    }

    private static func authority(_ folder: String, _ file: String, _ name: String) throws -> CertificateAuthority {
        let (crt, key): (String, String) = ("\(folder)/\(file).crt", "\(folder)/\(file).key")
        if Files.exists(crt), Files.exists(key) {
            return try CertificateAuthority(certificatePEM: try Files.text(crt), keyPEM: try Files.text(key))
        }
        let made: CertificateAuthority = try CertificateAuthority.create(
            commonName: name, validity: .seconds(authorityYears * 365 * 86400))
        try Files.writeAtomically(key, made.keyPEM, mode: 0o600)
        try Files.writeAtomically(crt, made.certificatePEM)
        return made
    }

    /// The pair stored as `<name>.crt` and `<name>.key`, made (again) when absent or soon to expire.
    func pair(_ name: String, _ request: CertificateRequest, by signer: CertificateAuthority? = nil) throws -> Pair {
        let (crt, key): (String, String) = ("\(folder)/\(name).crt", "\(folder)/\(name).key")
        if Files.exists(crt), Files.exists(key) {
            let pair: Pair = Pair(certificatePEM: try Files.text(crt), keyPEM: try Files.text(key))
            if Self.serves(pair.certificatePEM, request) { return pair }
        }
        let made: (certificatePEM: String, keyPEM: String) = try (signer ?? authority).issue(request)
        try Files.makeDirectories(String(crt[..<crt.lastIndex(of: "/")!]), mode: 0o700)
        try Files.writeAtomically(key, made.keyPEM, mode: 0o600)
        try Files.writeAtomically(crt, made.certificatePEM)
        return Pair(certificatePEM: made.certificatePEM, keyPEM: made.keyPEM)
    }

    /// It says all that is asked for, and will for a while.
    private static func serves(_ pem: String, _ request: CertificateRequest) -> Bool {
        guard let facts = try? CertificateFacts(pem: pem) else { return false }
        return Set(facts.dnsNames).isSuperset(of: request.dnsNames)
            && Set(facts.ipAddresses).isSuperset(of: request.ipAddresses)
            && facts.notAfter - Timestamp.now > .seconds(leafDays * 86400 / 3)
    }

    private static var validity: Duration { .seconds(leafDays * 86400) }

    func server(_ c: ClusterConfiguration, hostName: String, addresses: [String] = []) throws -> Pair {
        try pair(
            "apiserver",
            CertificateRequest(
                commonName: "kube-apiserver",
                dnsNames: [
                    "localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
                    "kubernetes.default.svc.\(ClusterConfiguration.clusterDomain)", hostName,
                ],
                ipAddresses: ["127.0.0.1", "::1", c.bridgeAddress, c.kubernetesAddress] + addresses,
                isServer: true, isClient: false,
                validity: Self.validity))
    }

    func admin() throws -> Pair { try client("admin", "kubernetes-admin", ["system:masters"]) }
    func kubeletClient() throws -> Pair {
        try client("apiserver-kubelet-client", "kube-apiserver-kubelet-client", ["system:masters"])
    }
    func frontProxy() throws -> Pair {
        try pair(
            "front-proxy-client",
            CertificateRequest(
                commonName: "front-proxy-client", isServer: false, isClient: true, validity: Self.validity),
            by: frontProxyAuthority)
    }
    func nodeClient(_ name: String) throws -> Pair {
        try client("nodes/\(name)-client", "system:node:\(name)", ["system:nodes"])
    }
    func proxyClient(node name: String) throws -> Pair {
        try client("nodes/\(name)-proxy", "system:kube-proxy", ["system:node-proxier"])
    }
    func nodeServing(_ name: String, address: String) throws -> Pair {
        try pair(
            "nodes/\(name)-serving",
            CertificateRequest(
                commonName: "system:node:\(name)", organizations: ["system:nodes"], dnsNames: [name, "localhost"],
                ipAddresses: [address, "127.0.0.1"], isServer: true, isClient: false, validity: Self.validity))
    }

    private func client(_ file: String, _ name: String, _ groups: [String]) throws -> Pair {
        try pair(
            file,
            CertificateRequest(
                commonName: name, organizations: groups, isServer: false, isClient: true, validity: Self.validity))
    }
}
