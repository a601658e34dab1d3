// An HTTP server of ours on a loopback port, and a client that sends it whatever bytes there are.

import Glibc
import KubeNet
import Logging
import Synchronization

private struct Echo: HTTPResponder {
    func respond(to request: HTTPRequest) async -> HTTPResponse {
        HTTPResponse(contentType: "text/plain", Array("\(request.method) \(request.path.utf8.count) \(request.body.count)".utf8))
    }
}

final class RawHTTP: Sendable {
    static let shared: RawHTTP = RawHTTP()
    private let port: Mutex<Int> = Mutex(0)
    private let server: HTTPServer?

    private init() {
        var quiet: Logger = Logger(label: "fuzz")
        quiet.logLevel = .critical
        server = try? HTTPServer(responder: Echo(), tls: nil, log: quiet)
    }

    /// To be called before the first exchange.
    func start() async throws {
        guard let server else { throw Broken(description: "no server") }
        let bound: Int = try await server.listen(host: "127.0.0.1", port: 0)
        port.withLock { $0 = bound }
    }

    private func connected() throws -> Int32 {
        let s: Int32 = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address: sockaddr_in = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port.withLock { $0 }).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var limit: timeval = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        // No TIME_WAIT: there are many.
        var hard: linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(s, SOL_SOCKET, SO_LINGER, &hard, socklen_t(MemoryLayout<linger>.size))
        let rc: Int32 = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(s, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        guard rc == 0 else {
            close(s)
            throw Broken(description: "the server takes no connections: \(String(cString: strerror(errno)))")
        }
        return s
    }

    /// Sends, half-closes, and reads to the end: the server must end it.
    func exchange(_ bytes: [UInt8]) throws {
        let s: Int32 = try connected()
        defer { close(s) }
        _ = bytes.withUnsafeBytes { send(s, $0.baseAddress, bytes.count, Int32(MSG_NOSIGNAL)) }
        shutdown(s, Int32(SHUT_WR))
        var answer: [UInt8] = []
        var buffer: [UInt8] = [UInt8](repeating: 0, count: 4096)
        while true {
            let n: Int = buffer.withUnsafeMutableBytes { recv(s, $0.baseAddress, 4096, 0) }
            if n < 0 {
                if errno == ECONNRESET { return }
                throw Broken(description: "the server neither answers nor closes: \(String(cString: strerror(errno)))")
            }
            if n == 0 { break }
            answer += buffer[..<n]
            if answer.count > 1 << 20 { break }
        }
        guard answer.isEmpty || answer.starts(with: Array("HTTP/1.".utf8)) else {
            throw Broken(description: "an answer that is no HTTP: \(String(decoding: answer.prefix(60), as: UTF8.self))")
        }
    }
}
