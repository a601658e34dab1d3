// A client that stops reading must not hold what is sent to it.

import Glibc
import KubeAPI
import KubeBase
import KubeModel
import KubeNet
import KubeServer
import KubeStore
import KubeWire
import Testing

private struct Everybody: Authenticator {
    func authenticate(_ request: HTTPRequest) async throws(StatusError) -> UserInfo? { .loopback }
}

@Suite struct SlowWatcherTests {
    /// A connected socket with a small receive buffer, on which a watch was asked for; nothing is read from it.
    private func watch(port: Int) -> Int32 {
        let descriptor: Int32 = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var size: Int32 = 4096
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        var address: sockaddr_in = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let connected: Int32 = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        let text: String = "GET /api/v1/configmaps?watch=1 HTTP/1.1\r\nHost: x\r\nUser-Agent: test\r\n\r\n"
        return connected == 0 && send(descriptor, text, text.utf8.count, 0) == text.utf8.count ? descriptor : -1
    }

    @Test(.timeLimit(.minutes(2))) func aClientThatDoesNotReadIsGivenUp() async throws {
        var options: APIServerOptions = APIServerOptions(
            store: LogStore.memory(), definitions: Fixture.definitions(), authorizer: { _ in MastersOnly() })
        options.authenticators = { _ in [Everybody()] }
        options.eventLog.bytesMax = 1 << 20
        let server: APIServer = try await APIServer.open(options)
        server.markReady()
        let http: HTTPServer = try HTTPServer(responder: server, tls: nil, log: .component("http"))
        let port: Int = try await http.listen(host: "127.0.0.1", port: 0)
        let descriptor: Int32 = watch(port: port)
        defer { close(descriptor) }
        try #require(descriptor >= 0)
        let call: Caller = Caller(server)
        let big: String = String(repeating: "x", count: 200_000)
        _ = try await call(.create, API.configMaps, "", Fixture.configMap("a"))
        // Far more than the log and the kernel's socket buffers hold.
        var i: Int = 0
        while i < 20 || (http.connectionCount > 0 && i < 400) {
            _ = try await call(.patch, API.configMaps, "a", ["data": ["x": .string("\(i)" + big)]])
            i += 1
        }
        while http.connectionCount > 0 { try await Task.sleep(for: .milliseconds(5)) }
        #expect(http.connectionCount == 0)
        // Whoever reads on the other side sees a stream that was cut, not one that ended.
        var bytes: [UInt8] = []
        var buffer: [UInt8] = [UInt8](repeating: 0, count: 1 << 16)
        while case let n = recv(descriptor, &buffer, buffer.count, 0), n > 0 { bytes += buffer[..<n] }
        #expect(!bytes.isEmpty)
        #expect(bytes.suffix(5) != Array("0\r\n\r\n".utf8)[...])
        await http.shutdown(graceSeconds: 0)
        await server.close()
    }
}
