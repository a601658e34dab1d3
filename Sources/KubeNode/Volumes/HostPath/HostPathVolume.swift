// hostPath: a path of the node, checked or made by its type.

import KubeOS
import KubeWire

enum HostPathVolume: VolumeType {
    static let field: String = "hostPath"
    static let plugin: String = "host-path"

    static func setUp(_ volume: JSON, _ context: VolumeContext) async throws -> String {
        let path: String = volume.hostPath.path.text
        try check(path, type: volume.hostPath.type.text)
        return path
    }

    static func check(_ path: String, type: String) throws {
        let status: FileStatus? = Files.status(path)
        func need(_ ok: Bool, _ what: String) throws {
            if !ok { throw VolumeFault("hostPath type check failed: \(path) is not a \(what)") }
        }
        switch type {
        case "": break
        case "DirectoryOrCreate":
            if status == nil { try Files.makeDirectories(path) } else { try need(status!.isDirectory, "directory") }
        case "FileOrCreate":
            if status == nil { try Files.write(path, []) } else { try need(status!.isRegular, "file") }
        case "Directory": try need(status?.isDirectory ?? false, "directory")
        case "File": try need(status?.isRegular ?? false, "file")
        case "Socket": try need(status?.isSocket ?? false, "socket file")
        case "CharDevice": try need(status?.isCharacterDevice ?? false, "character device")
        case "BlockDevice": try need(status?.isBlockDevice ?? false, "block device")
        default: throw VolumeFault("\(type) is an invalid volume type")
        }
    }
}
