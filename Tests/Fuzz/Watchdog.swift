// Knows what is being tried, so that a crash, a hang or a swollen process leaves its input behind.

import Glibc
import Synchronization

/// The input lies in a file before it is tried; a thread of its own ends the process when one takes too long.
final class Watchdog: Sendable {
    /// Of one input.
    static let secondsMax: Int64 = 10
    /// Of the process, when nothing but one input can have filled it.
    static let residentBytesMax: Int = 2 << 30

    private let path: String
    private let descriptor: Int32
    private let started: Atomic<Int64> = Atomic(0)

    init(path: String) {
        self.path = path
        descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        precondition(descriptor >= 0, "cannot write \(path)")
    }

    private static var now: Int64 {
        var t: timespec = timespec()
        clock_gettime(CLOCK_MONOTONIC, &t)
        return Int64(t.tv_sec)
    }

    /// `subject\nseed\n` and the input's bytes.
    func trying(_ input: [UInt8], _ subject: String, seed: UInt64) {
        let bytes: [UInt8] = Array("\(subject)\n\(seed)\n".utf8) + input
        _ = bytes.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, bytes.count, 0) }
        ftruncate(descriptor, bytes.count)
        started.store(Watchdog.now, ordering: .relaxed)
    }

    func rest() { started.store(0, ordering: .relaxed) }

    func watch() {
        var thread: pthread_t = pthread_t()
        let me: UnsafeMutableRawPointer = Unmanaged.passRetained(self).toOpaque()
        pthread_create(&thread, nil, { raw in
            let dog: Watchdog = Unmanaged<Watchdog>.fromOpaque(raw!).takeUnretainedValue()
            while true {
                usleep(500_000)
                let since: Int64 = dog.started.load(ordering: .relaxed)
                if since > 0, Watchdog.now - since > Watchdog.secondsMax { dog.bite("it takes longer than \(Watchdog.secondsMax) s") }
                if Watchdog.resident() > Watchdog.residentBytesMax { dog.bite("the process is larger than \(Watchdog.residentBytesMax >> 20) MiB") }
            }
        }, me)
    }

    private func bite(_ why: String) {
        let words: [UInt8] = Array("fuzz: \(why); input in \(path)\n".utf8)
        _ = write(STDERR_FILENO, words, words.count)
        _exit(3)
    }

    static func resident() -> Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var line: [CChar] = [CChar](repeating: 0, count: 128)
        guard fgets(&line, 128, file) != nil else { return 0 }
        let text: String = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return (text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 4096
    }
}
