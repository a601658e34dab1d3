// The terminal we run in: raw mode and size, for `exec -it` and `attach`.

import CKubeOS
import Glibc

package enum Terminal {
    package static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    /// nil when the descriptor is no terminal.
    package static func size(_ descriptor: Int32 = 1) -> (columns: Int, rows: Int)? {
        var columns: UInt16 = 0
        var rows: UInt16 = 0
        guard kube_window_size(descriptor, &columns, &rows) == 0 else { return nil }
        return (Int(columns), Int(rows))
    }

    /// Every key goes to the other side; answers what puts it back. nil when standard input is no terminal.
    package static func makeRaw() -> (@Sendable () -> Void)? {
        var saved: termios = termios()
        guard tcgetattr(0, &saved) == 0 else { return nil }
        var raw: termios = saved
        cfmakeraw(&raw)
        tcsetattr(0, TCSADRAIN, &raw)
        let before: termios = saved
        return {
            var t: termios = before
            tcsetattr(0, TCSADRAIN, &t)
        }
    }

    /// One after each change of size (SIGWINCH).
    package static func resizes() -> AsyncStream<Int32> { Signals.stream([SIGWINCH]) }
}
