// configMap: the keys of a ConfigMap as files that follow its changes.

import KubeAPI
import KubeBase
import KubeModel
import KubeOS
import KubeWire

enum ConfigMapVolume: VolumeType {
    static let field: String = "configMap"
    static let plugin: String = "configmap"
    static let isContent: Bool = true

    static func setUp(_ volume: JSON, _ context: VolumeContext) async throws -> String {
        let path: String = directory(volume, context)
        let files: [String: VolumeFile] = try await files(
            volume.configMap, mode: KeyFiles.mode(volume.configMap.defaultMode), context)
        try Files.makeDirectories(path)
        try Files.chmod(path, 0o777)
        try AtomicWriter.write(files, to: path, group: context.fsGroup, now: .now)
        return path
    }

    static func files(_ source: JSON, mode: UInt32, _ context: VolumeContext) async throws -> [String: VolumeFile] {
        let namespace: String = context.pod.meta.namespace
        let name: String = source.name.text
        guard let map = try await context.facts.objects.get(API.configMaps, namespace, name) else {
            if source.optional.isTrue { return [:] }
            throw VolumeFault("configmap \"\(name)\" not found")
        }
        return try KeyFiles.make(KeyFiles.data(configMap: map), source: source, defaultMode: mode, kind: "config")
    }

    static func references(_ volume: JSON, namespace: String) -> [NodeObjects.Reference] {
        [.init(resource: API.configMaps, key: ObjectKey(namespace: namespace, name: volume.configMap.name.text))]
    }
}
