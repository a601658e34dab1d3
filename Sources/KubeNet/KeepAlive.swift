// TCP keep-alive as Go programs set it: a dead peer is noticed after two and a half minutes of silence.

import Glibc
import NIOCore

enum KeepAlive {
    /// Seconds of silence before the first probe and between probes; probes unanswered before the connection is dead.
    static let idleSeconds: Int = 15
    static let probesMax: Int = 9

    /// For TCP sockets only; a Unix socket refuses them.
    static let options: [(option: ChannelOptions.Types.SocketOption, value: Int)] = [
        (.init(level: .socket, name: .so_keepalive), 1),
        (.init(level: .tcp, name: .init(rawValue: TCP_KEEPIDLE)), idleSeconds),
        (.init(level: .tcp, name: .init(rawValue: TCP_KEEPINTVL)), idleSeconds),
        (.init(level: .tcp, name: .init(rawValue: TCP_KEEPCNT)), probesMax),
    ]
}
