// What every kind of volume offers the node agent; one folder each, listed in Catalogue.swift.

import KubeAPI
import KubeModel
import KubeOS
import KubeWire

/// Why a volume is not there; the text stands after `MountVolume.SetUp failed for volume "x" : `.
struct VolumeFault: Error, Sendable, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// The pod that a volume is set up for.
struct VolumeContext: Sendable {
    var facts: EnvironmentFacts
    var paths: PodPaths
    var tokens: ServiceAccountTokens
    var pod: JSON { facts.pod }
    /// The group that shall own what the volume holds.
    var fsGroup: UInt32? { pod.spec.securityContext.fsGroup.asInt64.map { UInt32($0) } }
}

protocol VolumeType: Sendable {
    /// The member of core/v1 Volume that asks for it.
    static var field: String { get }
    /// Named in the directory: `empty-dir` in kubernetes.io~empty-dir.
    static var plugin: String { get }
    /// True for what is written from API objects and follows their changes.
    static var isContent: Bool { get }
    /// Makes it there, or brings it up to date: may run any number of times. Answers its path on the node.
    static func setUp(_ volume: JSON, _ context: VolumeContext) async throws -> String
    /// The ConfigMaps and Secrets that it shows.
    static func references(_ volume: JSON, namespace: String) -> [NodeObjects.Reference]
}

extension VolumeType {
    static var isContent: Bool { false }
    static func references(_ volume: JSON, namespace: String) -> [NodeObjects.Reference] { [] }

    static func directory(_ volume: JSON, _ context: VolumeContext) -> String {
        context.paths.volume(plugin: plugin, volume.name.text)
    }

    /// A directory of ours on memory, mounted once.
    static func memoryDirectory(_ path: String, sizeBytes: Int64?, mode: UInt32) throws {
        try Files.makeDirectories(path)
        if Mounts.isMountPoint(path) { return }
        let size: String = sizeBytes.map { "size=\($0)," } ?? ""
        try Mounts.tmpfs(path, data: "\(size)mode=\(String(mode, radix: 8))")
    }
}

/// Gives a tree to a group, as fsGroup promises: group rw (x on directories), setgid on directories.
/// Volumes that pods cannot write (secrets, config maps, …) become readable only, as upstream's roMask has it.
enum FSGroup {
    static func apply(
        _ path: String, group: UInt32, onlyWhenRootDiffers: Bool = false, isReadOnly: Bool = false
    ) throws(OSError) {
        if onlyWhenRootDiffers, let s = Files.status(path), s.groupID == group, s.mode & 0o2070 == 0o2070 { return }
        try walk(path, group, isReadOnly ? (directory: 0o2550, file: 0o440) : (directory: 0o2770, file: 0o660))
    }

    private static func walk(
        _ path: String, _ group: UInt32, _ added: (directory: UInt32, file: UInt32)
    ) throws(OSError) {
        guard let s = Files.status(path, followLinks: false) else { return }
        try Files.chown(path, group: group)
        if s.isSymlink { return }
        try Files.chmod(path, (s.mode & 0o7777) | (s.isDirectory ? added.directory : added.file))
        guard s.isDirectory else { return }
        for name in try Files.list(path) { try walk("\(path)/\(name)", group, added) }
    }
}
