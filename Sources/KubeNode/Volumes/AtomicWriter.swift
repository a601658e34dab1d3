// Files of a volume that change all at once: names → ..data → ..<time>/, as in pkg/volume/util.AtomicWriter.

import KubeBase
import KubeOS
import KubeWire

/// What one file of a volume shall be.
struct VolumeFile: Sendable, Equatable {
    var bytes: [UInt8]
    var mode: UInt32
    /// The owner, for tokens that a container's user must read; nil: root.
    var user: UInt32?
}

enum AtomicWriter {
    /// Paths are relative, may have directories, and must not leave the volume.
    static func write(_ files: [String: VolumeFile], to target: String, group: UInt32?, now: Timestamp) throws {
        for path in files.keys { try check(path) }
        let current: String? = Files.readLink("\(target)/..data")
        if let current, try isSame(files, "\(target)/\(current)", group) { return }
        let name: String = "..\(now.rfc3339Nano.map { $0 == ":" || $0 == "-" ? "_" : $0 }.map { String($0) }.joined())"
        let fresh: String = "\(target)/\(name)"
        try Files.makeDirectories(fresh, mode: 0o755)
        for (path, file) in files {
            if let slash = path.lastIndex(of: "/") { try Files.makeDirectories("\(fresh)/\(path[..<slash])") }
            try Files.write("\(fresh)/\(path)", file.bytes, mode: file.mode)
            try Files.chmod("\(fresh)/\(path)", file.mode)
            if let user = file.user { try Files.chown("\(fresh)/\(path)", user: user) }
        }
        if let group { try FSGroup.apply(fresh, group: group, isReadOnly: true) }
        try? Files.remove("\(target)/..data_tmp")
        try Files.symlink(name, at: "\(target)/..data_tmp")
        try Files.rename("\(target)/..data_tmp", to: "\(target)/..data")
        try link(Set(files.keys.map { $0.split(separator: "/").first.map { String($0) } ?? $0 }), target)
        if let current { try Files.removeTree("\(target)/\(current)") }
    }

    private static func check(_ path: String) throws {
        let parts: [Substring] = path.split(separator: "/", omittingEmptySubsequences: false)
        guard !path.isEmpty, !path.hasPrefix("/"), !path.hasPrefix(".."), !parts.contains("..") else {
            throw VolumeFault("invalid path: must not be absolute or contain '..': \(path)")
        }
    }

    /// The first component of each path is a link into ..data; links of files that are gone go too.
    private static func link(_ names: Set<String>, _ target: String) throws {
        for name in try Files.list(target) where !name.hasPrefix("..") && !names.contains(name) {
            try Files.remove("\(target)/\(name)")
        }
        for name in names where Files.readLink("\(target)/\(name)") == nil {
            try Files.symlink("..data/\(name)", at: "\(target)/\(name)")
        }
    }

    private static func isSame(_ files: [String: VolumeFile], _ directory: String, _ group: UInt32?) throws -> Bool {
        var found: Set<String> = []
        func walk(_ prefix: String) throws {
            for name in try Files.list("\(directory)/\(prefix)") {
                let path: String = prefix + name
                guard let s = Files.status("\(directory)/\(path)", followLinks: false) else { continue }
                if s.isDirectory { try walk(path + "/") } else { found.insert(path) }
            }
        }
        guard Files.exists(directory) else { return false }
        try walk("")
        guard found == Set(files.keys) else { return false }
        for (path, file) in files {
            guard let s = Files.status("\(directory)/\(path)"), s.sizeBytes == Int64(file.bytes.count),
                s.mode & 0o777 & file.mode == file.mode & 0o777,
                try Files.read("\(directory)/\(path)") == file.bytes
            else { return false }
        }
        return true
    }
}

/// The keys of a ConfigMap or Secret as files, by `items` and `defaultMode`.
enum KeyFiles {
    /// `kind` and `name` stand in the message of a key that is not there.
    static func make(
        _ data: [String: [UInt8]], source: JSON, defaultMode: UInt32, kind: String
    ) throws(VolumeFault) -> [String: VolumeFile] {
        guard source.items.exists else {
            return data.mapValues { VolumeFile(bytes: $0, mode: defaultMode, user: nil) }
        }
        var out: [String: VolumeFile] = [:]
        for item in source.items.elements {
            guard let bytes = data[item.key.text] else {
                if source.optional.isTrue { continue }
                throw VolumeFault("references non-existent \(kind) key: \(item.key.text)")
            }
            let mode: UInt32 = item.mode.asInt.map { UInt32($0) } ?? defaultMode
            out[item.path.text] = VolumeFile(bytes: bytes, mode: mode, user: nil)
        }
        return out
    }

    static func data(configMap: JSON) -> [String: [UInt8]] {
        var out: [String: [UInt8]] = configMap.data.stringMap.mapValues { Array($0.utf8) }
        for (key, value) in configMap.binaryData.stringMap { out[key] = Base64.decode(value) ?? [] }
        return out
    }
    static func data(secret: JSON) -> [String: [UInt8]] { secret.data.stringMap.mapValues { Base64.decode($0) ?? [] } }

    static func mode(_ json: JSON) -> UInt32 { json.asInt.map { UInt32($0) } ?? 0o644 }
}
