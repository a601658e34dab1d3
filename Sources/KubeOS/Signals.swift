// Signals to this process as a stream.

import CKubeOS
import Glibc
import Synchronization

package enum Signals {
    private static let streams: Mutex<[(numbers: Set<Int32>, continuation: AsyncStream<Int32>.Continuation)]> = Mutex([]
    )
    private static let isReading: Mutex<Bool> = Mutex(false)

    /// From the call on, these signals no longer end the process but arrive here.
    package static func stream(_ numbers: [Int32]) -> AsyncStream<Int32> {
        let (stream, continuation): (AsyncStream<Int32>, AsyncStream<Int32>.Continuation) = AsyncStream.makeStream()
        streams.withLock { $0.append((Set(numbers), continuation)) }
        var pipe: Int32 = -1
        for number in numbers { pipe = kube_catch_signal(number) }
        let starts: Bool = isReading.withLock { isReading in
            defer { isReading = true }
            return !isReading
        }
        if starts {
            OwnThread.start { [pipe] in
                var byte: UInt8 = 0
                while true {
                    let n: Int = read(pipe, &byte, 1)
                    if n < 0, errno == EINTR { continue }
                    if n <= 0 { return }
                    streams.withLock { all in
                        for s in all where s.numbers.contains(Int32(byte)) { s.continuation.yield(Int32(byte)) }
                    }
                }
            }
        }
        return stream
    }

    /// Returns at the first SIGTERM or SIGINT.
    package static func waitForStop() async {
        for await _ in stream([SIGTERM, SIGINT]) { return }
    }

    /// A write to a closed connection shall fail, not kill.
    package static func ignoreBrokenPipes() { signal(SIGPIPE, SIG_IGN) }
}
