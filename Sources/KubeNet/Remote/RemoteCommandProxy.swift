// What stands between a client of exec, attach or port-forward and the runtime's SPDY streaming server.

import KubeWire

/// A streaming server: containerd's, or a node's.
package struct StreamingBackend: Sendable {
    package var client: HTTPClient
    package var endpoint: Endpoint
    package var path: String
    package var rawQuery: String
    package var headers: Headers
    package init(
        client: HTTPClient, endpoint: Endpoint, path: String, rawQuery: String = "", headers: Headers = Headers()
    ) {
        self.client = client
        self.endpoint = endpoint
        self.path = path
        self.rawQuery = rawQuery
        self.headers = headers
    }

    /// Upgrades to SPDY/3.1; the backend's own answer when it refuses.
    fileprivate func spdy(
        _ protocolName: String
    ) async throws -> (stream: (any ByteStream)?, refusal: HTTPResponse?) {
        var headers: Headers = self.headers
        headers["Connection"] = "Upgrade"
        headers["Upgrade"] = "SPDY/3.1"
        headers["X-Stream-Protocol-Version"] = protocolName
        let request: HTTPRequest = HTTPRequest(method: "POST", path: path, rawQuery: rawQuery, headers: headers)
        let (response, stream) = try await client.upgrade(request, to: endpoint)
        if let stream { return (stream, nil) }
        return (nil, try await refused(response))
    }
}

/// Bytes of a backend's refusal that are passed on.
private let refusalBytesMax: Int = 1 << 20

private func refused(_ response: HTTPClientResponse) async throws -> HTTPResponse {
    let body: [UInt8] = try await response.body.collect(maxBytes: refusalBytesMax)
    return HTTPResponse(
        status: response.status, contentType: response.headers["Content-Type"] ?? "text/plain; charset=utf-8", body)
}

package enum StreamingProxy {
    /// Passes an upgrade on as it is: the same protocol on both sides, bytes spliced. `headers` of the backend replace
    /// the client's (credentials). Throws when the backend can't be reached.
    package static func passThrough(_ request: HTTPRequest, to backend: StreamingBackend) async throws -> HTTPResponse {
        var headers: Headers = request.headers
        for name in ["Host", "Authorization", "Content-Length"] { headers[name] = nil }
        for (name, value) in backend.headers.pairs { headers[name] = value }
        let (response, stream) = try await backend.client.upgrade(
            HTTPRequest(
                method: request.method, path: backend.path, rawQuery: backend.rawQuery, headers: headers,
                body: request.body),
            to: backend.endpoint)
        guard let stream else { return try await refused(response) }
        return HTTPResponse(status: 101, headers: response.headers, body: .upgrade { await splice($0, stream) })
    }

    /// exec and attach: SPDY passes through, WebSocket is translated to SPDY.
    package static func remoteCommand(
        _ request: HTTPRequest, options: RemoteCommandOptions, to backend: StreamingBackend
    ) async throws -> HTTPResponse {
        guard WebSocket.isUpgrade(request) else {
            guard request.headers["Upgrade"] != nil else { return upgradeRequired }
            return try await passThrough(request, to: backend)
        }
        guard let handshake = RemoteCommandHandshake(request) else { return badHandshake(request) }
        let (stream, refusal) = try await backend.spdy("v4.channel.k8s.io")
        guard let stream else { return refusal ?? upgradeRequired }
        return HTTPResponse(
            status: 101, headers: handshake.headers,
            body: .upgrade { client in
                let spdy: SPDYConnection = SPDYConnection(stream, isServer: false)
                if let session = try? await RemoteCommandSession.open(handshake, over: client, options: options) {
                    await translate(session, spdy, options)
                }
                await spdy.close()
            })
    }

    /// port-forward: SPDY passes through; SPDY inside WebSocket is unwrapped; `v4.channel.k8s.io` is translated.
    package static func portForward(_ request: HTTPRequest, to backend: StreamingBackend) async throws -> HTTPResponse {
        guard WebSocket.isUpgrade(request) else {
            guard request.headers["Upgrade"] != nil else { return upgradeRequired }
            return try await passThrough(request, to: backend)
        }
        let tunnel: String = "SPDY/3.1+portforward.k8s.io"
        let names: [String] = [tunnel, "v4.channel.k8s.io", "v4.base64.channel.k8s.io"]
        guard let (headers, chosen) = WebSocket.accept(request, protocols: names) else { return badHandshake(request) }
        let (stream, refusal) = try await backend.spdy("portforward.k8s.io")
        guard let stream else { return refusal ?? upgradeRequired }
        return HTTPResponse(
            status: 101, headers: headers,
            body: .upgrade { client in
                let socket: WebSocket = WebSocket(client, isServer: true)
                if chosen == tunnel { return await splice(WebSocketTunnel(socket), stream) }
                let spdy: SPDYConnection = SPDYConnection(stream, isServer: false)
                await PortForwardChannels.serve(
                    socket, isBase64: chosen.contains("base64"), ports: ports(request.rawQuery), over: spdy)
                await spdy.close()
            })
    }

    private static func ports(_ query: String) -> [Int] {
        query.split(separator: "&").filter { $0.hasPrefix("ports=") }
            .flatMap { $0.dropFirst(6).split(separator: ",") }.compactMap { Int($0) }
    }

    private static let upgradeRequired: HTTPResponse = HTTPResponse(
        status: 400, contentType: "text/plain; charset=utf-8", Array("Upgrade request required\n".utf8))

    private static func badHandshake(_ request: HTTPRequest) -> HTTPResponse {
        let asked: String = WebSocket.askedProtocols(request).joined(separator: " ")
        return HTTPResponse(
            status: 403, contentType: "text/plain; charset=utf-8",
            Array("requested protocol(s) are not supported: [\(asked)]\n".utf8))
    }

    // MARK: exec and attach

    private static func translate(
        _ session: RemoteCommandSession, _ spdy: SPDYConnection, _ options: RemoteCommandOptions
    ) async {
        let status: JSON? = await withTaskGroup(of: JSON?.self) { group in
            group.addTask {
                await session.run()
                return nil
            }
            group.addTask {
                do { return try await copyCommand(session, spdy, options) } catch is CancellationError {
                    return nil
                } catch { return RemoteCommandSession.failed("\(error)") }
            }
            let first: JSON? = await group.next() ?? nil
            guard let first else {
                await spdy.close()
                group.cancelAll()
                return nil
            }
            // The session reads on until its goodbye is answered.
            await session.finish(status: first)
            group.cancelAll()
            return first
        }
        if status == nil { await session.close() }
    }

    /// Copies all streams; returns the Status that the backend sent.
    private static func copyCommand(
        _ session: RemoteCommandSession, _ spdy: SPDYConnection, _ options: RemoteCommandOptions
    ) async throws -> JSON {
        func open(_ type: String) async throws -> SPDYStream { try await spdy.open(headers: ["streamType": type]) }
        let error: SPDYStream = try await open("error")
        let stdin: SPDYStream? = options.stdin ? try await open("stdin") : nil
        let stdout: SPDYStream? = options.stdout ? try await open("stdout") : nil
        let stderr: SPDYStream? = options.stderr ? try await open("stderr") : nil
        let resize: SPDYStream? = options.tty ? try await open("resize") : nil
        return try await withThrowingTaskGroup(of: Void.self) { inputs in
            for (from, to) in [(session.stdin, stdin), (session.resize, resize)] {
                guard let from, let to else { continue }
                inputs.addTask { try? await copy(from, to) }
            }
            async let out: Void = copy(stdout, session.stdout)
            async let err: Void = copy(stderr, session.stderr)
            var text: [UInt8] = []
            while let bytes = try await error.read(), text.count < refusalBytesMax { text += bytes }
            _ = try await (out, err)
            inputs.cancelAll()
            if text.isEmpty { return RemoteCommandSession.success }
            let parsed: JSON? = try? JSON.parse(text)
            return parsed ?? RemoteCommandSession.failed(String(decoding: text, as: UTF8.self))
        }
    }
}

/// Copies one way until the end and passes the end on; nothing when either side is absent.
func copy(_ from: (any ByteStream)?, _ to: (any ByteStream)?) async throws {
    guard let from, let to else { return }
    while let bytes = try await from.read() { try await to.write(bytes) }
    await to.finish()
}
