// The images of one containerd, through its own client `ctr`.

import KubeOS

/// In the namespace `k8s.io`, where CRI looks.
struct ContainerdImages: Sendable {
    let socket: String

    private var prefix: [String] { ["--address", socket, "--namespace", "k8s.io", "images"] }

    /// A docker or OCI archive; answers the names of its images.
    @discardableResult
    func importArchive(_ bytes: [UInt8]) async throws -> [String] {
        Self.names(try await Command.check("ctr", prefix + ["import", "-"], stdin: bytes, timeout: .seconds(300)))
    }

    @discardableResult
    func importFile(_ path: String) async throws -> [String] {
        Self.names(try await Command.check("ctr", prefix + ["import", path], timeout: .seconds(300)))
    }

    /// Of lines such as `unpacking docker.io/library/node:lts (sha256:…)...done`.
    private static func names(_ said: CommandResult) -> [String] {
        said.output.split(separator: "\n").compactMap { line in
            let words: [Substring] = line.split(separator: " ")
            return words.count > 1 && words[0] == "unpacking" ? String(words[1]) : nil
        }
    }

    /// References, without the digests that CRI keeps beside them.
    func list() async throws -> [String] {
        let text: String = try await Command.check("ctr", prefix + ["list", "-q"]).output
        return text.split(separator: "\n").map { String($0) }.filter {
            !$0.hasPrefix("sha256:") && !$0.contains("@sha256:")
        }
    }
}
