// WebSocket and SPDY: frames as values, then both roles over loopback, then exec and port-forward through the proxy.

import KubeBase
import KubeCrypto
import KubeWire
import Synchronization
import Testing

@testable import KubeNet

@Suite struct WebSocketCodecTests {
    @Test func messagesSurviveAnySplit() throws {
        let payloads: [[UInt8]] = [
            [], [1, 2, 3], [UInt8](repeating: 9, count: 126), [UInt8](repeating: 8, count: 70_000),
        ]
        let wire: [UInt8] = payloads.flatMap { WebSocketCodec.encode(.binary, $0, mask: [1, 2, 3, 4]) }
        for step in [1, 7, 1000, wire.count] {
            var codec: WebSocketCodec = WebSocketCodec(isServer: true)
            var got: [WebSocketEvent] = []
            for start in stride(from: 0, to: wire.count, by: step) {
                got += try codec.receive(Array(wire[start..<min(wire.count, start + step)]))
            }
            #expect(got == payloads.map { .message(.binary($0)) })
        }
    }

    @Test func violationsAreNamed() {
        func code(_ bytes: [UInt8], isServer: Bool = true) -> Int? {
            var codec: WebSocketCodec = WebSocketCodec(isServer: isServer)
            do {
                _ = try codec.receive(bytes)
                return nil
            } catch { return error.code }
        }
        #expect(code([0x82, 0x01, 0x00]) == 1002)
        #expect(code([0x82, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]) == 1009)
        #expect(code([0x80, 0x80, 0, 0, 0, 0]) == 1002)
        #expect(code(WebSocketCodec.encode(.text, [65], mask: nil), isServer: false) == nil)
    }
}

@Suite struct SPDYTests {
    @Test func framesRoundTrip() throws {
        let sender: SPDYSession = SPDYSession()
        var receiver: SPDYSession = SPDYSession()
        var wire: [UInt8] = []
        for i in 0..<5 {
            wire += sender.open(stream: UInt32(i * 2 + 1), headers: ["streamType": "stdin", "Port": String(i)])
        }
        wire += sender.reply(stream: 1, headers: [:])
        wire += sender.data(stream: 1, [1, 2, 3], isFinal: true) + sender.ping(7) + sender.goAway(lastStream: 9)
        var events: [SPDYEvent] = []
        for byte in wire { events += try receiver.receive([byte]) }
        #expect(events.count == 9)
        guard case .opened(let id, let headers, false) = events[4] else { throw NetError.end }
        #expect(id == 9 && headers["STREAMTYPE"] == "stdin" && headers["port"] == "4")
        guard case .data(1, [1, 2, 3], true) = events[6] else { throw NetError.end }
    }

    @Test func streamsCarryMuchBothWaysAtOnce() async throws {
        let (a, b) = try await pair()
        let client: SPDYConnection = SPDYConnection(a, isServer: false)
        let server: SPDYConnection = SPDYConnection(b, isServer: true)
        let echo: Task<Void, Never> = Task {
            await withTaskGroup(of: Void.self) { group in
                for await stream in server.incoming {
                    group.addTask {
                        try? await stream.reply()
                        while let bytes = try? await stream.read() { try? await stream.write(bytes) }
                        await stream.finish()
                    }
                }
            }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for i in 0..<4 {
                group.addTask {
                    let stream: SPDYStream = try await client.open(headers: ["n": String(i)])
                    let sent: [UInt8] = (0..<700_000).map { UInt8(truncatingIfNeeded: $0 &* (i + 3)) }
                    async let writing: Void = {
                        try await stream.write(sent)
                        await stream.finish()
                    }()
                    var got: [UInt8] = []
                    while let bytes = try await stream.read() { got += bytes }
                    try await writing
                    #expect(got == sent)
                }
            }
            try await group.waitForAll()
        }
        await client.close()
        await echo.value
    }

    @Test func lossEndsEveryStream() async throws {
        let (a, b) = try await pair()
        let client: SPDYConnection = SPDYConnection(a, isServer: false)
        let server: SPDYConnection = SPDYConnection(b, isServer: true)
        async let accepted: SPDYStream? = {
            for await stream in server.incoming {
                try? await stream.reply()
                return stream
            }
            return nil
        }()
        let stream: SPDYStream = try await client.open(headers: [:])
        _ = await accepted
        await b.close()
        await #expect(throws: (any Error).self) { _ = try await stream.read() }
        await #expect(throws: (any Error).self) { _ = try await client.open(headers: [:]) }
        await client.close()
    }
}

/// Two ends of one TCP connection.
func pair() async throws -> (any ByteStream, any ByteStream) {
    let (accepted, sink) = AsyncStream<any ByteStream>.makeStream()
    let listener: TCPListener = try await TCP.listen(host: "127.0.0.1", port: 0) { stream in
        sink.yield(stream)
        try? await Task.sleep(for: .seconds(3600))
    }
    let a: any ByteStream = try await TCP.connect(
        to: .tcp(host: "127.0.0.1", port: listener.port), timeout: .seconds(1))
    var iterator = accepted.makeAsyncIterator()
    let b: any ByteStream = await iterator.next()!
    await listener.close()
    return (a, b)
}
