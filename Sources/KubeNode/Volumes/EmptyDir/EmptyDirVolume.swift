// emptyDir: a directory as long as the pod, on disk or in memory.

import KubeModel
import KubeOS
import KubeWire

enum EmptyDirVolume: VolumeType {
    static let field: String = "emptyDir"
    static let plugin: String = "empty-dir"

    static func setUp(_ volume: JSON, _ context: VolumeContext) async throws -> String {
        let path: String = directory(volume, context)
        let isNew: Bool = !Files.exists(path)
        if volume.emptyDir.medium.text == "Memory" {
            let wasMounted: Bool = Mounts.isMountPoint(path)
            try memoryDirectory(path, sizeBytes: sizeBytes(volume, context), mode: 0o1777)
            if wasMounted { return path }
        } else {
            try Files.makeDirectories(path)
        }
        if isNew || volume.emptyDir.medium.text == "Memory" {
            try Files.chmod(path, 0o777)
            if let group = context.fsGroup { try FSGroup.apply(path, group: group) }
        }
        return path
    }

    /// The smaller of sizeLimit and what the pod's containers may use of memory.
    private static func sizeBytes(_ volume: JSON, _ context: VolumeContext) -> Int64? {
        let limit: Int64? = Quantity(volume.emptyDir.sizeLimit)?.value
        let memory: Int64? = ContainerResources.pod(context.pod).memory
        return [limit, memory].compactMap { $0 }.filter { $0 > 0 }.min()
    }
}
