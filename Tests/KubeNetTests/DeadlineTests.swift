// A request whose time is over is answered, whatever its responder does.

import KubeBase
import KubeNet
import Synchronization
import Testing

@Suite struct DeadlineTests {
    @Test func aHangingResponderIsAnsweredForAndCancelled() async throws {
        let (cancellations, told): (AsyncStream<Bool>, AsyncStream<Bool>.Continuation) = AsyncStream.makeStream()
        try await withServer { r in
            guard r.path == "/hang" else { return HTTPResponse(contentType: "text/plain", Array("fine".utf8)) }
            r.deadline?.set(secondsFromNow: 0.1)
            try? await Task.sleep(for: .seconds(3600))
            told.yield(Task.isCancelled)
            return HTTPResponse(status: 200)
        } _: { server, endpoint in
            let client: HTTPClient = try HTTPClient(tls: nil)
            let late = try await client.send(
                HTTPRequest(method: "GET", path: "/hang"), to: endpoint, timeout: .seconds(10))
            #expect(late.status == 504)
            #expect(text(try await late.body.collect(maxBytes: 1000)).contains("did not complete"))
            var iterator = cancellations.makeAsyncIterator()
            #expect(await iterator.next() == true)
            // The connection and everybody else go on.
            let next = try await client.send(HTTPRequest(method: "GET", path: "/"), to: endpoint, timeout: .seconds(10))
            #expect(text(try await next.body.collect(maxBytes: 100)) == "fine")
            #expect(server.connectionCount == 1)
        }
    }

    @Test func anAnswerInTimeIsLeftAlone() async throws {
        try await withServer { r in
            r.deadline?.set(secondsFromNow: 0.05)
            // The deadline is for the answer, not for its stream.
            return HTTPResponse(
                status: 200,
                body: .stream { writer in
                    try await writer.write([65])
                    try await Task.sleep(for: .milliseconds(600))
                    try await writer.write([66])
                })
        } _: { _, endpoint in
            let client: HTTPClient = try HTTPClient(tls: nil)
            let r = try await client.send(HTTPRequest(method: "GET", path: "/"), to: endpoint, timeout: .seconds(10))
            #expect(r.status == 200)
            #expect(text(try await r.body.collect(maxBytes: 100)) == "AB")
        }
    }
}
