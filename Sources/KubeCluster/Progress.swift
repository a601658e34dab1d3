// What a command says while it works: one line a step, with its time.

import Glibc
import KubeBase
import Synchronization

/// Steps may run side by side; a line is printed when its step is done.
final class Progress: Sendable {
    private let started: ContinuousClock.Instant = .now
    private let isQuiet: Bool

    init(isQuiet: Bool = false) { self.isQuiet = isQuiet }

    func step<T: Sendable>(_ title: String, _ body: () async throws -> T) async rethrows -> T {
        let start: ContinuousClock.Instant = .now
        let value: T = try await body()
        line("\(title)\(String(repeating: " ", count: max(1, 52 - title.count)))\(Self.time(.now - start))")
        return value
    }

    func line(_ text: String) { if !isQuiet { Output.print("  " + text) } }

    var elapsed: String { Self.time(.now - started) }

    /// `12 ms`, `1.34 s`.
    static func time(_ d: Duration) -> String {
        let milliseconds: Int64 = d.components.seconds * 1000 + d.components.attoseconds / 1_000_000_000_000_000
        if milliseconds < 1000 { return "\(milliseconds) ms" }
        let hundredths: Int64 = milliseconds / 10
        let rest: String = String(hundredths % 100)
        return "\(hundredths / 100).\(rest.count == 1 ? "0" + rest : rest) s"
    }
}

/// Lines to the user, written at once.
enum Output {
    static func print(_ text: String) { write(1, text) }
    static func error(_ text: String) { write(2, text) }

    private static func write(_ descriptor: Int32, _ text: String) {
        let bytes: [UInt8] = Array((text + "\n").utf8)
        _ = Glibc.write(descriptor, bytes, bytes.count)
    }
}
