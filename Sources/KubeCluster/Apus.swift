// The program's words: cluster commands are ours, everything else is kubectl's.

import Glibc
import KubeOS

package enum Apus {
    package static let version: String = "v1.36.0"

    /// Runs the command line and answers the exit status.
    package static func run(_ arguments: [String]) async -> Int32 {
        Signals.ignoreBrokenPipes()
        let program: String = (arguments.first ?? "apus").split(separator: "/").last.map { String($0) } ?? "apus"
        let words: [String] = Array(arguments.dropFirst())
        if program == "kubectl" { return await runKubeCtl(words, program: program) }
        guard let first = words.first, let command = commands[first] else {
            return await runKubeCtl(words, program: "apus")
        }
        let rest: [String] = Array(words.dropFirst())
        if rest.contains("--help") || rest.contains("-h") {
            Output.print(Usage.text(first))
            return 0
        }
        do {
            return try await interruptible.contains(first) ? undoneBySignals { try await command(rest) } : command(rest)
        } catch is CancellationError {
            Output.error("error: interrupted; what was begun has been undone")
            return 130
        } catch {
            Output.error("error: \(error)")
            return 1
        }
    }

    /// Commands that change the machine: a signal cancels them, and they undo what they began.
    private static let interruptible: Set<String> = ["up", "node", "image"]

    private static func undoneBySignals(_ body: @escaping CommandTask) async throws -> Int32 {
        let task: Task<Int32, any Error> = Task { try await body() }
        let signals: AsyncStream<Int32> = Signals.stream([SIGINT, SIGTERM])
        let watcher: Task<Void, Never> = Task { for await _ in signals { task.cancel() } }
        defer { watcher.cancel() }
        do {
            return try await task.value
        } catch {
            if task.isCancelled { throw CancellationError() }
            throw error
        }
    }

    typealias CommandTask = @Sendable () async throws -> Int32
    typealias CommandBody = @Sendable ([String]) async throws -> Int32

    static let commands: [String: CommandBody] = [
        "up": {
            try await Up.run($0)
            return 0
        },
        "down": {
            try await Down.run($0)
            return 0
        },
        "status": { try await Status.run($0) },
        "doctor": { try Doctor.run($0) },
        "node": {
            try await NodeCommand.run($0)
            return 0
        },
        "image": {
            try await ImageCommand.run($0)
            return 0
        },
        "rotate": {
            try RotateCommand.run($0)
            return 0
        },
        "server": {
            try await ServerCommand.run($0)
            return 0
        },
        "agent": {
            try await AgentCommand.run($0)
            return 0
        },
    ]
}
