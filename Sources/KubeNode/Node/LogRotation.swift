// Keeps the logs of living containers bounded: containerLogMaxSize and containerLogMaxFiles of the kubelet.

import KubeBase
import KubeModel
import KubeNet
import KubeOS
import KubeWire
import Logging
import Synchronization

struct LogRotation: Sendable {
    static let sizeMax: Int64 = 10 << 20
    /// With the one being written.
    static let filesMax: Int = 5

    let node: NodeContext

    /// To be called now and then.
    func run() async {
        for host in node.allPods {
            for c in host.state.withLock({ $0.worker.containers }) where c.step == .running {
                await rotate(host.paths.logFile(c.name, attempt: c.restartCount), c.id)
            }
        }
    }

    private func rotate(_ path: String, _ id: String) async {
        guard let status = Files.status(path), status.sizeBytes > Self.sizeMax else { return }
        let stamp: String = String(node.options.time.now().rfc3339.filter { $0.isNumber })
        let old: String = "\(path).\(stamp)"
        do {
            try Files.rename(path, to: old)
            do throws(GRPCError) {
                try await node.cri.reopenLog(id)
            } catch {
                // Nobody writes to the new place: the old file goes on.
                try Files.rename(old, to: path)
                throw error
            }
            let slash: String.Index = path.lastIndex(of: "/") ?? path.startIndex
            let folder: String = String(path[..<slash])
            let prefix: String = String(path[path.index(after: slash)...]) + "."
            let rotated: [String] = try Files.list(folder).filter { $0.hasPrefix(prefix) }
            for name in rotated.dropLast(Self.filesMax - 1) { try Files.remove("\(folder)/\(name)") }
        } catch {
            node.log.warning("log \(path) not rotated: \(error)")
        }
    }
}
