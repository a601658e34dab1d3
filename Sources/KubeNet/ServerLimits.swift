// What a client may keep a server's connection busy with.

import NIOCore

/// Upstream's numbers where it has them (secure serving, Go's net/http).
enum ServerLimits {
    /// Seconds from accepting a connection to its first request's head, handshake included.
    static let headSeconds: Int64 = 32
    /// Seconds from a request's head to the end of its body.
    static let bodySeconds: Int64 = 60
    /// A connection on which nothing is asked is closed after it. Also the time of a later request's head.
    static let idleNanoseconds: Int64 = 90_000_000_000
    /// Seconds that the rest of a refused request is read, so that its sender sees the answer.
    static let drainSeconds: Int64 = 1
    /// HTTP/2: requests at a time, and bytes of one request's head.
    static let streamsMax: Int = 1000
    static let headerBytesMax: Int = 1 << 20
    /// HTTP/2: streams that a client may reset in 30 s.
    static let resetsMax: Int = 20_000
}

/// What a connection's streams tell its idle timer. Event loop only.
final class ConnectionActivity: @unchecked Sendable {
    private var open: Int = 0
    private var last: NIODeadline = .now()

    func began() { open += 1 }
    func ended() {
        open -= 1
        last = .now()
    }

    /// nil: something is going on.
    var idleNanosecondsLeft: Int64? {
        open > 0 ? nil : ServerLimits.idleNanoseconds - (NIODeadline.now() - last).nanoseconds
    }
}
