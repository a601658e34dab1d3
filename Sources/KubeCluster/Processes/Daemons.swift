// The life of a long-running process of ours: its components run until a signal or until one fails.

import Glibc
import KubeBase
import KubeOS
import Logging

enum Daemons {
    /// Runs all components; SIGTERM and SIGINT end them in order. A component that ends or throws ends the process.
    /// `isReady` runs beside them, and may wait.
    static func run(
        _ components: [any Component], isReady: @escaping @Sendable () async -> Void
    ) async throws {
        let log: Logger = .component("apus")
        let stop: AsyncStream<Int32> = Signals.stream([SIGTERM, SIGINT])
        try await withThrowingTaskGroup(of: Ended.self) { group in
            for component in components {
                group.addTask {
                    try await component.run()
                    return .component(component.name)
                }
            }
            group.addTask {
                for await number in stop {
                    log.info("signal \(number): stopping")
                    break
                }
                return .signal
            }
            group.addTask {
                await isReady()
                return .readiness
            }
            defer { group.cancelAll() }
            while let ended = try await group.next() {
                switch ended {
                case .readiness: continue
                case .signal: return
                case .component(let name): throw ClusterError("\(name) ended")
                }
            }
        }
    }

    private enum Ended {
        case component(String)
        case signal
        case readiness
    }
}
