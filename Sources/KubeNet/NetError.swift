// What can go wrong on a network, in the words Go programs use, since users know those.

import Glibc
import NIOCore
import NIOPosix
import NIOSSL

/// An error of this layer: a kind to act on and a sentence to show.
package struct NetError: Error, Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        case refused, unreachable, timeout, closed, addressInUse, tls, malformed, tooLarge, other
    }
    package var kind: Kind
    package var message: String
    package init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }
    package var description: String { message }

    static let closed: NetError = NetError(.closed, "use of closed network connection")
    static let end: NetError = NetError(.closed, "unexpected EOF")

    /// `dial tcp 10.0.0.1:80: connect: connection refused` and its kin.
    static func dialing(_ endpoint: Endpoint, _ error: any Error) -> NetError {
        let prefix: String = "dial \(endpoint): "
        if let error = error as? NetError { return error }
        if let error = error as? IOError { return io(error, prefix + "connect: ") }
        if let error = error as? NIOConnectionError {
            if let first = error.connectionErrors.first {
                // Go names the address that was tried, not the name it was looked up by.
                guard let ip = first.target.ipAddress, let port = first.target.port else {
                    return dialing(endpoint, first.error)
                }
                return dialing(.tcp(host: ip, port: port), first.error)
            }
            return noSuchHost(endpoint)
        }
        if error is SocketAddressError { return noSuchHost(endpoint) }
        if case ChannelError.connectTimeout = error { return NetError(.timeout, prefix + "i/o timeout") }
        return on(error, prefix)
    }

    private static func noSuchHost(_ endpoint: Endpoint) -> NetError {
        guard case .tcp(let host, _) = endpoint else { return NetError(.unreachable, "dial \(endpoint): no such host") }
        return NetError(.unreachable, "dial tcp: lookup \(host): no such host")
    }

    /// An error of a connection that stands.
    static func on(_ error: any Error, _ prefix: String = "") -> NetError {
        switch error {
        case let error as NetError: return error
        case let error as IOError: return io(error, prefix)
        case is NIOSSLError, is BoringSSLError: return NetError(.tls, prefix + "tls: \(error)")
        case is ChannelError: return NetError(.closed, prefix + "use of closed network connection")
        default: return NetError(.other, prefix + "\(error)")
        }
    }

    private static func io(_ error: IOError, _ prefix: String) -> NetError {
        let (kind, text): (Kind, String)
        switch error.errnoCode {
        case ECONNREFUSED: (kind, text) = (.refused, "connection refused")
        case ECONNRESET: (kind, text) = (.closed, "connection reset by peer")
        case EPIPE: (kind, text) = (.closed, "broken pipe")
        case ETIMEDOUT: (kind, text) = (.timeout, "connection timed out")
        case EHOSTUNREACH: (kind, text) = (.unreachable, "no route to host")
        case ENETUNREACH: (kind, text) = (.unreachable, "network is unreachable")
        case ENOENT: (kind, text) = (.refused, "no such file or directory")
        case EADDRINUSE: (kind, text) = (.addressInUse, "address already in use")
        case EADDRNOTAVAIL: (kind, text) = (.unreachable, "cannot assign requested address")
        case EACCES: (kind, text) = (.other, "permission denied")
        default: (kind, text) = (.other, String(cString: strerror(error.errnoCode)))
        }
        return NetError(kind, prefix + text)
    }

    static func listening(_ network: String, _ address: String, _ error: any Error) -> NetError {
        let prefix: String = "listen \(network) \(address): bind: "
        if let error = error as? IOError { return io(error, prefix) }
        return on(error, prefix)
    }
}
