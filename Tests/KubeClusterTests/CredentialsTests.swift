// Keys that change and tokens that machines join with.

import KubeCrypto
import KubeServer
import KubeWire
import Testing

@testable import KubeCluster

@Suite struct CredentialsTests {
    @Test func rotationPutsANewKeyFirstAndKeepsThree() throws {
        var configuration: EncryptionConfiguration = .create(try SealingKey(bytes: [UInt8](repeating: 1, count: 32)))
        #expect(try configuration.ring().keys.map { $0.name } == ["key1"])
        #expect(configuration.rotate() == "key2")
        #expect(configuration.rotate() == "key3")
        #expect(configuration.rotate() == "key4")
        let again: EncryptionConfiguration = try EncryptionConfiguration(yaml: YAML.write(configuration.json))
        let ring: SealingRing = try again.ring()
        #expect(ring.keys.map { $0.name } == ["key4", "key3", "key2"])
        #expect(ring.prefixes == ["/registry/secrets/"])
    }

    @Test func identityFirstWritesPlain() throws {
        let yaml: String = """
            kind: EncryptionConfiguration
            resources:
            - resources: [secrets, configmaps, things.example.com]
              providers:
              - identity: {}
              - aesgcm: {keys: [{name: a, secret: "\(Base64.encode([UInt8](repeating: 2, count: 32)))"}]}
            """
        let ring: SealingRing = try EncryptionConfiguration(yaml: yaml).ring()
        #expect(ring.keys.isEmpty && ring.oldKeys.map { $0.name } == ["a"])
        #expect(ring.prefixes == ["/registry/secrets/", "/registry/configmaps/", "/registry/example.com/things/"])
        #expect(throws: ClusterError.self) {
            try EncryptionConfiguration(
                yaml: "kind: EncryptionConfiguration\nresources:\n- resources: [secrets]\n  providers: [{kms: {}}]\n"
            ).ring()
        }
    }

    @Test func sealedValuesSurviveRotation() throws {
        func key(_ b: UInt8) throws -> SealingRing.Key {
            SealingRing.Key(name: "k\(b)", key: try SealingKey(bytes: [UInt8](repeating: b, count: 32)))
        }
        let (path, plain): (String, [UInt8]) = ("/registry/secrets/a/b", Array("password".utf8))
        let sealer: SecretSealer = SecretSealer(ring: SealingRing(keys: [try key(1)]))
        let first: [UInt8] = try sealer.seal(plain, key: path)
        sealer.replace(SealingRing(keys: [try key(2), try key(1)]))
        #expect(try sealer.open(first, key: path) == plain)
        #expect(sealer.isStale(path))
        let second: [UInt8] = try sealer.seal(plain, key: path)
        #expect(!sealer.isStale(path))
        sealer.replace(SealingRing(keys: [try key(2)]))
        #expect(try sealer.open(second, key: path) == plain)
        #expect(throws: CryptoError.self) { try sealer.open(first, key: path) }
        // The value is bound to its place, and plain values of before are read and marked.
        #expect(throws: CryptoError.self) { try sealer.open(second, key: "/registry/secrets/a/c") }
        #expect(try sealer.open(plain, key: path) == plain)
        #expect(sealer.isStale(path))
        #expect(try sealer.seal(plain, key: "/registry/configmaps/a/b") == plain)
    }

    @Test func joinTokensHaveTheirForm() throws {
        let token: JoinToken = .create()
        #expect(JoinToken(token.text) == token)
        for bad in ["", "abcdef", "abcdef.0123", "ABCDEF.0123456789abcdef", "abcdef.0123456789abcdef.x"] {
            #expect(JoinToken(bad) == nil)
        }
        #expect(token.object.metadata.name.text == "bootstrap-token-" + token.id)
    }
}
