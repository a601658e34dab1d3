// What a simulator replaces: time and chance. Components take these values instead of asking the machine.

import Glibc
package import Logging
import Synchronization

/// Reads wall time and waits. The real one is `SystemTime`.
package protocol TimeSource: Sendable {
    func now() -> Timestamp
    /// Throws `CancellationError` when the task is cancelled before `duration` is over.
    func sleep(for duration: Duration) async throws
}

package struct SystemTime: TimeSource {
    package init() {}
    package func now() -> Timestamp { .now }
    package func sleep(for duration: Duration) async throws { try await Task.sleep(for: duration) }
}

/// Random identifiers as Kubernetes forms them.
package enum Identifier {
    /// A version 4 UUID in lower case: metadata.uid.
    package static func uid() -> String {
        // Two draws: each is a system call.
        let halves: [UInt64] = [.random(in: 0 ... .max), .random(in: 0 ... .max)]
        var b: [UInt8] = halves.flatMap { half in (0..<8).map { UInt8(truncatingIfNeeded: half >> ($0 * 8)) } }
        b[6] = (b[6] & 0x0f) | 0x40
        b[8] = (b[8] & 0x3f) | 0x80
        let hex: [UInt8] = Array("0123456789abcdef".utf8)
        var out: [UInt8] = []
        out.reserveCapacity(36)
        for (i, byte) in b.enumerated() {
            if i == 4 || i == 6 || i == 8 || i == 10 { out.append(45) }
            out.append(hex[Int(byte >> 4)])
            out.append(hex[Int(byte & 15)])
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// Letters without vowels and digits that look alike, as `k8s.io/apimachinery/pkg/util/rand` uses for generated names.
    package static func suffix(_ count: Int = 5) -> String {
        let alphabet: [UInt8] = Array("bcdfghjklmnpqrstvwxz2456789".utf8)
        return String(decoding: (0..<count).map { _ in alphabet.randomElement()! }, as: UTF8.self)
    }
}

extension Logger {
    /// A logger of one component; the level comes from `APUS_LOG` (default `info`).
    package static func component(_ name: String) -> Logger {
        var logger: Logger = Logger(label: name)
        logger.logLevel = getenv("APUS_LOG").flatMap { Logger.Level(rawValue: String(cString: $0)) } ?? .info
        return logger
    }
}

/// A part of the program with a life: `run` returns when it has stopped, and stops when its task is cancelled.
package protocol Component: Sendable {
    var name: String { get }
    func run() async throws
}
