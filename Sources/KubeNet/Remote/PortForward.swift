// port-forward: the channel protocol towards old WebSocket clients, and our own client over tunnelled SPDY.

package import KubeWire
import Synchronization

/// `v4.channel.k8s.io` for port-forward: channel 2i is the data of the i-th port, 2i+1 its errors; each begins with the
/// port as two bytes, little-endian.
enum PortForwardChannels {
    static let portsMax: Int = 64

    static func serve(_ socket: WebSocket, isBase64: Bool, ports: [Int], over spdy: SPDYConnection) async {
        guard !ports.isEmpty, ports.count <= portsMax, ports.allSatisfy({ (1...65535).contains($0) }) else {
            return await socket.close(code: 1002, reason: "query parameter \"port\" is required")
        }
        let channels: WebSocketChannels = WebSocketChannels(socket, isBase64: isBase64, count: ports.count * 2)
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                await channels.run()
                return true
            }
            for (i, port) in ports.enumerated() {
                group.addTask {
                    await serve(
                        port, requestID: i, data: channels.channel(2 * i), errors: channels.channel(2 * i + 1), spdy)
                    return false
                }
            }
            var left: Int = ports.count
            for await isClientGone in group {
                if !isClientGone { left -= 1 }
                if isClientGone || left == 0 { break }
            }
            await channels.close()
            await spdy.close()
            group.cancelAll()
        }
    }

    private static func serve(
        _ port: Int, requestID: Int, data: WebSocketChannel, errors: WebSocketChannel, _ spdy: SPDYConnection
    ) async {
        let announcement: [UInt8] = [UInt8(port & 255), UInt8(port >> 8)]
        do {
            try await data.write(announcement)
            try await errors.write(announcement)
            let connection = try await PortForwardConnection.open(spdy, port: port, requestID: requestID)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try? await copy(data, connection.data) }
                async let failed: Void = copy(connection.errors, errors)
                async let arrived: Void = copy(connection.data, data)
                _ = try await (failed, arrived)
                group.cancelAll()
            }
        } catch { try? await errors.write(Array("\(error)".utf8)) }
    }
}

/// One forwarded connection: its bytes, and the message of the server when it failed.
package struct PortForwardConnection: Sendable {
    package let data: any ByteStream
    package let errors: any ByteStream

    /// In the order that Kubernetes' clients use: the error stream first.
    static func open(_ spdy: SPDYConnection, port: Int, requestID: Int) async throws -> PortForwardConnection {
        var headers: Headers = ["streamType": "error", "port": String(port), "requestID": String(requestID)]
        let errors: SPDYStream = try await spdy.open(headers: headers)
        await errors.finish()
        headers["streamType"] = "data"
        return PortForwardConnection(data: try await spdy.open(headers: headers), errors: errors)
    }
}

/// A client of `pods/portforward`: many forwarded connections over one WebSocket.
package final class PortForwardClient: Sendable {
    private let spdy: SPDYConnection
    private let lastID: Mutex<Int> = Mutex(0)

    private init(_ spdy: SPDYConnection) { self.spdy = spdy }

    /// `request` is the GET of the subresource with its credentials. Throws `RemoteRefusal` when the server refuses.
    package static func connect(
        _ client: HTTPClient, _ request: HTTPRequest, to endpoint: Endpoint
    ) async throws -> PortForwardClient {
        let (response, socket, _) = try await WebSocket.connect(
            client, request, to: endpoint, protocols: ["SPDY/3.1+portforward.k8s.io"])
        guard let socket else { throw try await RemoteRefusal(response) }
        return PortForwardClient(SPDYConnection(WebSocketTunnel(socket), isServer: false))
    }

    /// Connects to `port` inside the pod; a failure arrives on `errors`.
    package func open(port: Int) async throws -> PortForwardConnection {
        let id: Int = lastID.withLock { last in
            defer { last += 1 }
            return last
        }
        return try await PortForwardConnection.open(spdy, port: port, requestID: id)
    }

    /// Splices `local` with `port` of the pod; returns the server's message when it failed.
    package func forward(_ local: any ByteStream, to port: Int) async throws -> String? {
        let connection: PortForwardConnection = try await open(port: port)
        await splice(local, connection.data)
        var message: [UInt8] = []
        while let bytes = try await connection.errors.read() { message += bytes }
        return message.isEmpty ? nil : String(decoding: message, as: UTF8.self)
    }

    /// Returns when the connection to the pod is gone; a server opens no streams of its own.
    package func waitUntilLost() async { for await stream in spdy.incoming { await stream.close() } }

    package func close() async { await spdy.close() }
}

/// The server answered something else than 101.
package struct RemoteRefusal: Error, Sendable, CustomStringConvertible {
    package let status: Int
    /// The metav1.Status of the answer; null when it has none.
    package let body: JSON
    package let description: String

    init(_ response: HTTPClientResponse) async throws {
        let bytes: [UInt8] = try await response.body.collect(maxBytes: 1 << 20)
        status = response.status
        body = (try? JSON.parse(bytes)) ?? .null
        let text: String = body.message.text
        description = text.isEmpty ? "unable to upgrade connection: \(String(decoding: bytes, as: UTF8.self))" : text
    }
}
