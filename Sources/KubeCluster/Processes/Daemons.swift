// The life of a long-running process of ours: its components run until a signal or until one fails.

import Glibc
import KubeBase
import KubeOS
import Logging

enum Daemons {
    /// Runs all components; SIGTERM and SIGINT end them in order. A component that ends or throws ends the process.
    static func run(_ components: [any Component], isReady: @escaping @Sendable () -> Void) async throws {
        let log: Logger = .component("apus")
        let stop: AsyncStream<Int32> = Signals.stream([SIGTERM, SIGINT])
        try await withThrowingTaskGroup(of: String?.self) { group in
            for component in components {
                group.addTask {
                    try await component.run()
                    return component.name
                }
            }
            group.addTask {
                for await number in stop {
                    log.info("signal \(number): stopping")
                    break
                }
                return nil
            }
            isReady()
            defer { group.cancelAll() }
            if let ended = try await group.next(), let name = ended { throw ClusterError("\(name) ended") }
        }
    }
}
