// The images of one containerd, through its own client `ctr`.

import KubeOS

/// In the namespace `k8s.io`, where CRI looks.
struct ContainerdImages: Sendable {
    let socket: String

    private var prefix: [String] { ["--address", socket, "--namespace", "k8s.io", "images"] }

    /// A docker or OCI archive; answers what ctr says.
    @discardableResult
    func importArchive(_ bytes: [UInt8]) async throws -> String {
        try await Command.check("ctr", prefix + ["import", "-"], stdin: bytes, timeout: .seconds(300)).output
    }

    @discardableResult
    func importFile(_ path: String) async throws -> String {
        try await Command.check("ctr", prefix + ["import", path], timeout: .seconds(300)).output
    }

    /// References, without the digests that CRI keeps beside them.
    func list() async throws -> [String] {
        let text: String = try await Command.check("ctr", prefix + ["list", "-q"]).output
        return text.split(separator: "\n").map { String($0) }.filter { !$0.hasPrefix("sha256:") && !$0.contains("@sha256:") }
    }
}
