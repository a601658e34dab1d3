// The user's terminal: raw mode, size, and programs run on it.

package import Glibc
package import KubeNet

package enum Terminal {
    /// Runs a program on our standard streams and waits; answers its exit status.
    package static func runInForeground(_ path: String, _ arguments: [String]) -> Int32 {
        var argv: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
        defer { for pointer in argv { free(pointer) } }
        var child: pid_t = 0
        guard posix_spawn(&child, path, nil, nil, &argv, environ) == 0 else { return 127 }
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
        return status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
    }

    /// Puts the terminal of standard input in raw mode; answers the mode to restore.
    package static func makeRaw() -> termios? {
        var mode: termios = termios()
        guard tcgetattr(0, &mode) == 0 else { return nil }
        let old: termios = mode
        cfmakeraw(&mode)
        tcsetattr(0, TCSADRAIN, &mode)
        return old
    }

    package static func restore(_ mode: termios) {
        var copy: termios = mode
        tcsetattr(0, TCSADRAIN, &copy)
    }

    /// Columns and rows, or nil when standard output is no terminal.
    package static func size() -> TerminalSize? {
        var size: winsize = winsize()
        guard ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
        return TerminalSize(width: Int(size.ws_col), height: Int(size.ws_row))
    }
}
