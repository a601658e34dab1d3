// The client of pods/exec and pods/attach over WebSocket.

package import KubeWire

/// A terminal's size in character cells.
package struct TerminalSize: Sendable, Hashable {
    package var width: Int
    package var height: Int
    package init(width: Int, height: Int) {
        self.width = width
        self.height = height
    }
}

package struct RemoteCommandClient: Sendable {
    /// What the command reads; nil when it has no standard input. A nil chunk is its end.
    package var stdin: (@Sendable () async throws -> [UInt8]?)?
    package var stdout: @Sendable ([UInt8]) async throws -> Void
    package var stderr: @Sendable ([UInt8]) async throws -> Void
    /// Sizes to send, the first at once; only with a terminal.
    package var sizes: AsyncStream<TerminalSize>?

    package init(
        stdin: (@Sendable () async throws -> [UInt8]?)? = nil,
        stdout: @escaping @Sendable ([UInt8]) async throws -> Void,
        stderr: @escaping @Sendable ([UInt8]) async throws -> Void,
        sizes: AsyncStream<TerminalSize>? = nil
    ) {
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.sizes = sizes
    }

    /// Runs until the command ends; returns its metav1.Status. `request` is the GET of the subresource with its query
    /// (`command=…&stdin=true…`) and credentials. Throws `RemoteRefusal` when the server refuses.
    package func run(_ client: HTTPClient, _ request: HTTPRequest, to endpoint: Endpoint) async throws -> JSON {
        let (response, socket, chosen) = try await WebSocket.connect(
            client, request, to: endpoint, protocols: ["v5.channel.k8s.io", "v4.channel.k8s.io"])
        guard let socket else { throw try await RemoteRefusal(response) }
        let channels: WebSocketChannels = WebSocketChannels(socket, isBase64: false, count: 5)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await channels.run() }
            if let stdin {
                group.addTask {
                    while let bytes = try await stdin() { try await channels.channel(0).write(bytes) }
                    if chosen.hasPrefix("v5") { await channels.channel(0).sayEnd() }
                }
            }
            if let sizes {
                group.addTask {
                    for await size in sizes {
                        let text: JSON = ["Width": JSON(size.width), "Height": JSON(size.height)]
                        try await channels.channel(4).write(text.encoded())
                    }
                }
            }
            async let out: Void = drain(channels.channel(1), stdout)
            async let err: Void = drain(channels.channel(2), stderr)
            var text: [UInt8] = []
            while let bytes = try await channels.channel(3).read() { text += bytes }
            _ = try await (out, err)
            group.cancelAll()
            await channels.close()
            return text.isEmpty ? RemoteCommandSession.success : try JSON.parse(text)
        }
    }

    private func drain(
        _ channel: WebSocketChannel, _ sink: @Sendable ([UInt8]) async throws -> Void
    ) async throws {
        while let bytes = try await channel.read() { try await sink(bytes) }
    }

    /// The exit code that a Status tells: 0 for success, the command's own, else 1.
    package static func exitCode(_ status: JSON) -> Int {
        if status.status.text == "Success" { return 0 }
        for cause in status.details.causes.elements where cause.reason.text == "ExitCode" {
            if let code = Int(cause.message.text) { return code }
        }
        return 1
    }
}
