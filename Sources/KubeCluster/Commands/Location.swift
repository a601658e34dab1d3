// Which cluster a command means.

import Glibc
import KubeOS

enum Location {
    /// From `--root` and `--name`, else APUS_ROOT and APUS_NAME, else the usual ones.
    static func paths(_ flags: Flags) throws -> ClusterPaths {
        let root: String = flags["root"] ?? environment("APUS_ROOT") ?? ClusterPaths.defaultRoot
        let name: String = flags["name"] ?? environment("APUS_NAME") ?? ClusterPaths.defaultName
        let letters: Bool = name.utf8.allSatisfy { ($0 >= 97 && $0 <= 122) || ($0 >= 48 && $0 <= 57) || $0 == 45 }
        guard !name.isEmpty, name.utf8.count <= 20, letters, !name.hasPrefix("-"), !name.hasSuffix("-") else {
            throw ClusterError(
                "\"\(name)\" is no name for a cluster: use at most 20 lower-case letters, digits and '-'")
        }
        guard root.hasPrefix("/") else { throw ClusterError("--root must be an absolute path") }
        return ClusterPaths(root: root.count > 1 && root.hasSuffix("/") ? String(root.dropLast()) : root, name: name)
    }

    /// One command at a time changes a cluster.
    static func lock(_ paths: ClusterPaths) throws -> FileLock {
        try Files.makeDirectories(ClusterPaths.runRoot)
        guard let lock = try FileLock(paths.lock) else {
            throw ClusterError(
                "another apus command is changing cluster \(paths.name) right now; try again when it is done")
        }
        return lock
    }

    /// The configuration of a cluster that must exist.
    static func configuration(_ paths: ClusterPaths) throws -> ClusterConfiguration {
        guard let c = try ClusterConfiguration.load(paths) else {
            throw ClusterError("there is no cluster \(paths.name) in \(paths.root); make one with: apus up")
        }
        return c
    }

    static func environment(_ name: String) -> String? {
        guard let value = getenv(name), value.pointee != 0 else { return nil }
        return String(cString: value)
    }
}
