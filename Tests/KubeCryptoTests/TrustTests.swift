// Who is believed: RSA and P-256 token keys, and authorities of client certificates.

import KubeCrypto
import KubeWire
import Testing

@Suite struct TrustTests {
    /// `openssl genrsa -traditional 2048`; made for this test.
    static let rsaPEM: String = """
        -----BEGIN RSA PRIVATE KEY-----
        MIIEpAIBAAKCAQEAt1YXiEtcaR4e4hE8u8Y72mNmRdR1CHj8Mcyd8PtLBTBHddSO
        E/XRY+aeCA4QM8ljrERz0naYXsGbtGCTU1PiJj1qiKsLHQrmkdyJeK6jkgs5PovP
        UtVFhhmUmLDMEmf3MZScracxcnDvfi9hZNIGAWe0tHnLz+ujdWq8k1Hr6Pe1H3XL
        0mHQQ+zUKj02cAztcVwtjTiSbmEhOHki/DdT3AgpQGSs4+Zw6kKkOti7V/gNKb99
        2PJb4mrlJ3Qs+ag5aZxOyIrCzq5ICXpHFB3XkCSBYT+vr1St9NXMkU2iOqIope+P
        aQaAdiZaWXaB/xTe2shzG6fQXAjJrNsdohiCCwIDAQABAoIBAElX7a4ex+ddn2k9
        EBjmowcpAL8q0W8ER4/8larUPRzkRZJD6Frf2lam6c27Iow1IuTFtbgarbYqqgmt
        IQMS6cP2ieoG0zlZJQhxO6XF57YDO3FkKRqwK1IMZb/36ovqf5+cHlnyKvvnZkgK
        2GGnC7QAMvCIURrq38eXXb1p5oCZ+H70MK6OhW5mwlIsesqR2/E412E4b4zlHOM5
        VDDN22R7diZYaSxzH7adsGx435c2pRu0l1rdPXB+L3+6VXqRlKgpu7zc57Ty7ALn
        1fCBWTVN3Yw3X94bwHHqL3Tdt3VmVh4o+echjDPjqRt8F9CJyQx8lxzMvyXrS1SK
        TBdRQhECgYEA/uaULZSTHQo8DDdGf58TbhMsv8RsoYuBwfN85D3fG45VHdStShPy
        GcsyTr0v8zdcvbJcN07NcLnS7sG98ARznH0rDxsHOeJZjRFPdN+gl0QgNofvz7um
        lBPG0Z7W3TAdeLhlvptiyA45vw0zZp88NtbiLyl1TFDLOwp1qlzfPj0CgYEAuCCA
        wo6p2Y0JYAdI/4LLnrNheYU6xxAEIIVZcO4/aq8UfGo6CWvyHMrDypUjtqYBCBYF
        cy/vmkYa3NDT4+YUfv0ir7AV1lr5RMjA3tExhazyM1rvAyW8Sv8qWI6LWYGCBDpV
        YX1I60OLOjrPuC7BYd2vgt+Chlx+mDl5EgCbTecCgYEA8hTIS5WcNes/Zhak9JV+
        XX8Gc8W3qaCVhj6ZsSZ1mnUNrzwJq53PwuFxEMiqHmHIyTv4Smqjv9grVKdZnPaN
        WeSiHUF9FmM6yzfSb1vm52JC+acWgQJlTKKPowsoYn7MrpbpwiFOqlKgUyrVUzQN
        esOPolzMUsM0kAj6AOcc+b0CgYAxhIQ8TpO9LyHbUno+RRWvq3xGax8gk90YReSE
        633gmg8/Wm4bRI2LUriPDcbaAxD59LoofTbJ3Zqx0fN6MdFHSZp/dzKYQEUTS44b
        HlVcJuPIDeeDiC14WeEwib1OJ/coXevCWSg4JSUXVuOwG9rkD/N4ldWLfuqI08QM
        pF8f9wKBgQCRzpH2dZKgWeUy4QA87xiMb4UjjNBJQQ8d+nXOSErOqkZi1HR9nnJJ
        wPZyuVi/E24sXRZ1mE6P3qJAMY1XRArc7tz7gRxqUwCk0r8dsjY/VhjMaR01ZsOY
        LETBIEwz58Bov3zyZqKUegCZCPecVXHEO6X3e/s3BLNckMEGvOkPjw==
        -----END RSA PRIVATE KEY-----
        """

    @Test func rsaKeysSignAndVerify() throws {
        let key: SigningKey = try SigningKey(pem: Self.rsaPEM)
        let token: String = try key.sign(["sub": "x"])
        #expect(key.verification.algorithm == "RS256")
        let others: [VerificationKey] = [try SigningKey.create().verification, try VerificationKey(pem: key.publicPEM)]
        #expect(try verifyToken(token, keys: others).sub == "x")
        #expect(key.jwk.kty == "RSA" && key.jwk.e == "AQAB")
        #expect(throws: CryptoError.self) { try verifyToken(token, keys: [others[0]]) }
    }

    /// A token may not choose an algorithm that its key is not for.
    @Test func algorithmsAreNotConfused() throws {
        let key: SigningKey = try .create()
        let parts: [Substring] = try key.sign(["sub": "x"]).split(separator: ".")
        for algorithm in ["none", "RS256", "HS256"] {
            let header: JSON = ["alg": .string(algorithm), "kid": .string(key.keyID)]
            let forged: String = "\(Base64URL.encode(header.encoded())).\(parts[1]).\(parts[2])"
            #expect(throws: CryptoError.self) { try verifyToken(forged, keys: [key]) }
        }
    }

    @Test func poolTrustsItsOwnOnly() async throws {
        let ours: CertificateAuthority = try .create(commonName: "kubernetes", validity: .seconds(86400))
        let foreign: CertificateAuthority = try .create(commonName: "kubernetes", validity: .seconds(86400))
        func leaf(_ ca: CertificateAuthority, isClient: Bool = true) throws -> [UInt8] {
            let pem: String = try ca.issue(
                CertificateRequest(commonName: "u", isServer: !isClient, isClient: isClient, validity: .seconds(60))
            ).certificatePEM
            let body: String = pem.split(separator: "\n").filter { !$0.hasPrefix("-----") }.joined()
            return Base64.decode(body)!
        }
        let pool: TrustPool = try TrustPool(pem: ours.certificatePEM)
        #expect(await pool.trusts(chain: [try leaf(ours)]))
        #expect(await !pool.trusts(chain: [try leaf(foreign)]))
        #expect(await !pool.trusts(chain: [try leaf(ours, isClient: false)]))
        #expect(await !pool.trusts(chain: []))
        let both: TrustPool = try TrustPool(pem: foreign.certificatePEM + ours.certificatePEM)
        #expect(await both.trusts(chain: [try leaf(ours)]))
        #expect(await both.trusts(chain: [try leaf(foreign)]))
    }

    @Test func pemBlocksAreSeparate() {
        let text: String = "junk\n-----BEGIN A-----\nx\n-----END A-----\n\n-----BEGIN B-----\ny\n-----END B-----\n"
        #expect(PEMBlocks.all(of: text).map { $0.split(separator: "\n").first } == ["-----BEGIN A-----", "-----BEGIN B-----"])
    }
}
