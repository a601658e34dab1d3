// Starts a sandbox node's containerd again when it ends by itself; containers don't notice.

import KubeBase
import KubeOS
import Logging

/// Runs in the agent, inside the node's namespaces.
struct ContainerdKeeper: Component {
    let sandbox: NodeSandbox
    var name: String { "containerd keeper" }
    /// Until it ends or we are cancelled; after so long it is looked at once more.
    private static let look: Duration = .seconds(86400)
    private let log: Logger = .component("containerd-keeper")

    init(_ sandbox: NodeSandbox) { self.sandbox = sandbox }

    func run() async throws {
        var backoff: Duration = .milliseconds(100)
        while !Task.isCancelled {
            if let running = sandbox.containerd {
                _ = await ProcessEnd.wait(running.pid, timeout: Self.look)
                try Task.checkCancellation()
                if sandbox.containerd != nil { continue }
                log.warning("containerd ended; it is started again")
            }
            do {
                try await sandbox.startContainerd()
                backoff = .milliseconds(100)
            } catch {
                try Task.checkCancellation()
                log.warning("\(error); again in \(backoff)")
                try await Task.sleep(for: backoff)
                backoff = min(backoff * 2, .seconds(30))
            }
        }
    }
}
