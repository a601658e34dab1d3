// secret: the keys of a Secret as files, held in memory, following its changes.

import KubeAPI
import KubeBase
import KubeModel
import KubeOS
import KubeWire

enum SecretVolume: VolumeType {
    static let field: String = "secret"
    static let plugin: String = "secret"
    static let isContent: Bool = true

    static func setUp(_ volume: JSON, _ context: VolumeContext) async throws -> String {
        let path: String = directory(volume, context)
        let files: [String: VolumeFile] = try await files(
            volume.secret, name: volume.secret.secretName.text, mode: KeyFiles.mode(volume.secret.defaultMode), context)
        try memoryDirectory(path, sizeBytes: nil, mode: 0o777)
        try AtomicWriter.write(files, to: path, group: context.fsGroup, now: .now)
        return path
    }

    static func files(
        _ source: JSON, name: String, mode: UInt32, _ context: VolumeContext
    ) async throws -> [String: VolumeFile] {
        guard let secret = try await context.facts.objects.get(API.secrets, context.pod.meta.namespace, name) else {
            if source.optional.isTrue { return [:] }
            throw VolumeFault("secret \"\(name)\" not found")
        }
        return try KeyFiles.make(KeyFiles.data(secret: secret), source: source, defaultMode: mode, kind: "secret")
    }

    static func references(_ volume: JSON, namespace: String) -> [NodeObjects.Reference] {
        [.init(resource: API.secrets, key: ObjectKey(namespace: namespace, name: volume.secret.secretName.text))]
    }
}
