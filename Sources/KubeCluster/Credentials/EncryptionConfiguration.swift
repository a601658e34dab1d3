// The file that says which resources are encrypted at rest, with which keys, as upstream's --encryption-provider-config.

import KubeCrypto
import KubeOS
import KubeServer
import KubeWire

/// apiserver.config.k8s.io/v1 EncryptionConfiguration with the providers aesgcm and identity.
struct EncryptionConfiguration: Sendable {
    /// Keys kept by a rotation: the new one and those before it.
    static let keysKeptMax: Int = 3

    var json: JSON

    init(json: JSON) { self.json = json }

    init(yaml: String) throws {
        guard let first = try YAML.parse(yaml).first, first.kind.text == "EncryptionConfiguration" else {
            throw ClusterError("the encryption configuration is not of kind EncryptionConfiguration")
        }
        json = first
    }

    /// Secrets, with one key.
    static func create(_ key: SealingKey, name: String = "key1") -> EncryptionConfiguration {
        EncryptionConfiguration(json: [
            "apiVersion": "apiserver.config.k8s.io/v1", "kind": "EncryptionConfiguration",
            "resources": [
                [
                    "resources": ["secrets"],
                    "providers": [["aesgcm": ["keys": [entry(name, key)]]], ["identity": .object(JSONObject())]],
                ]
            ],
        ])
    }

    private static func entry(_ name: String, _ key: SealingKey) -> JSON {
        ["name": .string(name), "secret": .string(Base64.encode(key.bytes))]
    }

    /// A key more, which seals from now on; the oldest go. Answers its name.
    mutating func rotate() -> String {
        let numbers: [Int] = json.resources.elements.flatMap { $0.providers.elements }
            .flatMap { $0.aesgcm.keys.elements }.compactMap { key in
                key.name.text.hasPrefix("key") ? Int(key.name.text.dropFirst(3)) : nil
            }
        let name: String = "key\((numbers.max() ?? 0) + 1)"
        let fresh: JSON = Self.entry(name, .create())
        for i in json.resources.elements.indices {
            guard let j = json.resources[i].providers.elements.firstIndex(where: { $0.aesgcm.exists }) else { continue }
            let old: [JSON] = json.resources[i].providers[j].aesgcm["keys"].elements
            let kept: [JSON] = Array(([fresh] + old).prefix(Self.keysKeptMax))
            json.resources.elements[i].providers.elements[j].aesgcm["keys"] = .array(kept)
        }
        return name
    }

    /// What the store's sealer needs. Throws for what we do not have.
    func ring() throws -> SealingRing {
        guard let rule = json.resources.elements.first, json.resources.elements.count == 1 else {
            throw ClusterError("the encryption configuration must have exactly one entry in resources")
        }
        var keys: [SealingRing.Key] = []
        var isPlainFirst: Bool = false
        for (i, provider) in rule.providers.elements.enumerated() {
            if provider.identity.exists {
                if i == 0 { isPlainFirst = true }
                continue
            }
            guard provider.aesgcm.exists else {
                let name: String = provider.fields.pairs.first?.key ?? "?"
                throw ClusterError("encryption provider \(name) is not supported; aesgcm and identity are")
            }
            for key in provider.aesgcm["keys"].elements {
                guard let bytes = Base64.decode(key.secret.text), let made = try? SealingKey(bytes: bytes) else {
                    throw ClusterError("encryption key \(key.name.text) does not have 32 bytes")
                }
                keys.append(SealingRing.Key(name: key.name.text, key: made))
            }
        }
        let prefixes: [String] = rule.resources.strings.map { resource in
            let parts: [Substring] = resource.split(separator: ".", maxSplits: 1)
            // Custom resources lie under their group; built-in ones do not.
            return parts.count == 2 && parts[1].contains(".") ? "/registry/\(parts[1])/\(parts[0])/" : "/registry/\(parts[0])/"
        }
        return isPlainFirst
            ? SealingRing(keys: [], oldKeys: keys, prefixes: prefixes) : SealingRing(keys: keys, prefixes: prefixes)
    }

    // MARK: the file

    static func path(_ dataFolder: String) -> String { "\(dataFolder)/encryption.yaml" }

    /// Made at the first start; a key of before (`sealing.key`) goes on in it.
    static func open(_ dataFolder: String) throws -> EncryptionConfiguration {
        let file: String = path(dataFolder)
        if Files.exists(file) { return try EncryptionConfiguration(yaml: try Files.text(file)) }
        let before: String = "\(dataFolder)/sealing.key"
        let key: SealingKey = Files.exists(before) ? try SealingKey(bytes: try Files.read(before)) : .create()
        let made: EncryptionConfiguration = .create(key)
        try made.save(file)
        return made
    }

    func save(_ file: String) throws { try Files.writeAtomically(file, YAML.write(json), mode: 0o600) }
}
