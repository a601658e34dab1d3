// Where peers listen, and the event loops that serve every connection of the process.

import Glibc
import NIOCore
import NIOPosix

/// Where a peer listens.
package enum Endpoint: Sendable, Hashable, CustomStringConvertible {
    case tcp(host: String, port: Int)
    case unix(path: String)

    package var description: String {
        switch self {
        case .tcp(let host, let port): "tcp " + hostPort(host, port)
        case .unix(let path): "unix " + path
        }
    }
}

/// `host:port`, with brackets around an IPv6 address.
package func hostPort(_ host: String, _ port: Int) -> String {
    host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
}

enum EventLoops {
    /// One group for the process: at most four threads.
    static let shared: MultiThreadedEventLoopGroup = MultiThreadedEventLoopGroup(
        numberOfThreads: max(1, min(4, sysconf(Int32(_SC_NPROCESSORS_ONLN)))))
}

extension SocketAddress {
    /// `ip:port`, or the empty text for a Unix socket.
    var hostPortText: String {
        guard let ip = ipAddress, let port else { return "" }
        return hostPort(ip, port)
    }
}
