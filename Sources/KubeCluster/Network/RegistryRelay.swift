// What nodes without an uplink reach through the host: the registry on its loopback.

import KubeBase
import KubeNet
import Logging

/// Listens on the bridge; each connection is copied to the registry on the host's loopback.
struct RegistryRelay: Component {
    let listenHost: String
    let registry: Endpoint
    let port: Int
    var name: String { "registry relay" }
    private let log: Logger = .component("relay")

    init(listenHost: String, registry: String) {
        let parts: [Substring] = registry.split(separator: ":")
        self.listenHost = listenHost
        port = parts.count == 2 ? Int(parts[1]) ?? 5000 : 5000
        let host: String = parts.first.map { String($0) } ?? "localhost"
        self.registry = .tcp(host: host == "localhost" ? "127.0.0.1" : host, port: port)
    }

    func run() async throws {
        let registry: Endpoint = self.registry
        let listener: TCPListener
        do {
            listener = try await TCP.listen(host: listenHost, port: port) { stream in
                guard let other = try? await TCP.connect(to: registry, timeout: .seconds(5)) else { return }
                await splice(stream, other)
            }
        } catch {
            // A cluster without its registry still runs what its nodes hold.
            log.warning("the registry is not relayed: \(error)")
            return
        }
        try await Task.sleepUntilCancelled()
        await listener.close()
    }
}

extension Task where Success == Never, Failure == Never {
    /// Waits for cancellation without a timer.
    static func sleepUntilCancelled() async throws {
        let gate: Gate = Gate()
        await withTaskCancellationHandler {
            await gate.wait()
        } onCancel: {
            gate.open()
        }
    }
}
