// downwardAPI: fields of the pod as files.

import KubeBase
import KubeOS
import KubeWire

enum DownwardAPIVolume: VolumeType {
    static let field: String = "downwardAPI"
    static let plugin: String = "downward-api"
    static let isContent: Bool = true

    static func setUp(_ volume: JSON, _ context: VolumeContext) async throws -> String {
        let path: String = directory(volume, context)
        try memoryDirectory(path, sizeBytes: nil, mode: 0o777)
        let files: [String: VolumeFile] = try files(
            volume.downwardAPI, mode: KeyFiles.mode(volume.downwardAPI.defaultMode), context)
        try AtomicWriter.write(files, to: path, group: context.fsGroup, now: .now)
        return path
    }

    static func files(_ source: JSON, mode: UInt32, _ context: VolumeContext) throws -> [String: VolumeFile] {
        var out: [String: VolumeFile] = [:]
        for item in source.items.elements {
            let text: String =
                item.fieldRef.exists
                ? try DownwardAPI.field(item.fieldRef.fieldPath.text, context.facts)
                : try DownwardAPI.resource(item.resourceFieldRef, container: .null, context.facts)
            out[item.path.text] = VolumeFile(
                bytes: Array(text.utf8), mode: item.mode.asInt.map { UInt32($0) } ?? mode, user: nil)
        }
        return out
    }
}
