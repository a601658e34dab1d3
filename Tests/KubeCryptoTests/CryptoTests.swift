// Certificates, tokens and sealing: what one side makes the other reads.

import KubeBase
import KubeCrypto
import KubeWire
import Testing

@Suite struct CryptoTests {
    @Test func leafSaysWhatWasAsked() throws {
        let ca: CertificateAuthority = try .create(commonName: "kubernetes", validity: .seconds(86400))
        let leaf = try ca.issue(
            CertificateRequest(
                commonName: "system:node:n1", organizations: ["system:nodes"], dnsNames: ["n1"],
                ipAddresses: ["127.0.0.1", "fd00::1"], isServer: true, isClient: true, validity: .seconds(3600)))
        let facts: CertificateFacts = try CertificateFacts(pem: leaf.certificatePEM + ca.certificatePEM)
        #expect(facts.commonName == "system:node:n1")
        #expect(facts.organizations == ["system:nodes"])
        #expect(facts.dnsNames == ["n1"])
        #expect(facts.ipAddresses == ["127.0.0.1", "fd00::1"])
        #expect(facts.notAfter > .now && facts.notBefore < .now)
        let again: CertificateAuthority = try CertificateAuthority(
            certificatePEM: ca.certificatePEM, keyPEM: ca.keyPEM)
        let request = try SigningRequest.create(commonName: "u", organizations: ["g"], dnsNames: ["a.b"])
        let signed: String = try again.sign(
            csrPEM: request.csrPEM, isServer: false, isClient: true, validity: .seconds(60))
        #expect(try CertificateFacts(pem: signed).dnsNames == ["a.b"])
    }

    @Test func tokensVerifyOnlyByTheirKey() throws {
        let key: SigningKey = try .create()
        let other: SigningKey = try .create()
        let token: String = try key.sign(["sub": "system:serviceaccount:a:b"])
        #expect(try verifyToken(token, keys: [other, key]).sub.text == "system:serviceaccount:a:b")
        #expect(throws: CryptoError.self) { try verifyToken(token, keys: [other]) }
        #expect(throws: CryptoError.self) { try verifyToken(token + "A", keys: [key]) }
        #expect(throws: CryptoError.self) { try verifyToken("a.b", keys: [key]) }
        let reloaded: SigningKey = try SigningKey(pem: key.pem)
        #expect(reloaded.keyID == key.keyID)
        #expect(SigningKey.jwks([key]).keys[0].crv.text == "P-256")
    }

    @Test func sealingBindsItsContext() throws {
        let key: SealingKey = .create()
        let sealed: [UInt8] = try key.seal([1, 2, 3], context: [9])
        #expect(try key.open(sealed, context: [9]) == [1, 2, 3])
        #expect(throws: CryptoError.self) { try key.open(sealed, context: [8]) }
        #expect(throws: CryptoError.self) { try SealingKey(bytes: [1]) }
        #expect(Digest.hex(Digest.sha256([])).hasPrefix("e3b0c44298fc1c14"))
        #expect(Digest.hex(Digest.sha1([])).hasPrefix("da39a3ee5e6b"))
    }
}
