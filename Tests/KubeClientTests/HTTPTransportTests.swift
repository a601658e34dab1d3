// The API over a real socket: paths, bodies, errors, retries and watches cut anywhere.

import KubeBase
import KubeClient
import KubeModel
import KubeNet
import KubeWire
import Logging
import Synchronization
import Testing

/// Answers by path; remembers requests.
private final class Canned: HTTPResponder {
    let seen: Mutex<[HTTPRequest]> = Mutex([])

    func respond(to request: HTTPRequest) async -> HTTPResponse {
        let count: Int = seen.withLock {
            $0.append(request)
            return $0.count
        }
        func json(_ status: Int, _ body: JSON) -> HTTPResponse {
            HTTPResponse(status: status, contentType: "application/json", body.encoded())
        }
        if request.rawQuery.contains("watch=true"), request.path == "/api/v1/nodes" {
            return HTTPResponse(
                status: 200,
                body: .stream { writer in
                    try await writer.write(
                        Array((#"{"type":"ADDED","object":{"metadata":{"name":"n2"}}}"# + "\n").utf8))
                    // Open until the client goes.
                    try await Task.sleep(for: .seconds(3600))
                })
        }
        if request.path == "/api/v1/nodes" {
            return json(
                200,
                [
                    "kind": "NodeList", "apiVersion": "v1", "metadata": ["resourceVersion": "1"],
                    "items": [["metadata": ["name": "n1"]]],
                ])
        }
        if request.rawQuery.contains("watch=true") {
            return HTTPResponse(
                status: 200,
                body: .stream { writer in
                    let lines: String =
                        #"{"type":"ADDED","object":{"metadata":{"name":"a"}}}"# + "\n"
                        + #"{"type":"MODIFIED","object":{"metadata":{"name":"ä"}}}"# + "\n"
                        + #"{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}"#
                        + "\n"
                    // Cut in the middle of lines and of letters.
                    let bytes: [UInt8] = Array(lines.utf8)
                    for start in stride(from: 0, to: bytes.count, by: 7) {
                        try await writer.write(Array(bytes[start..<min(start + 7, bytes.count)]))
                    }
                })
        }
        switch request.path {
        case "/api/v1/namespaces/default/pods/gone":
            return json(404, StatusError.notFound(GroupResource(group: "", resource: "pods"), "gone").status)
        case "/api/v1/namespaces/default/pods/busy" where count == 1:
            var busy: HTTPResponse = json(429, StatusError.tooManyRequests("busy", retryAfterSeconds: 0).status)
            busy.headers["Retry-After"] = "0"
            return busy
        case "/api/v1/namespaces/default/pods/plain":
            return HTTPResponse(status: 502, contentType: "text/plain", Array("bad gateway".utf8))
        default:
            return json(
                200,
                [
                    "method": .string(request.method), "path": .string(request.path),
                    "query": .string(request.rawQuery), "body": .string(String(decoding: request.body, as: UTF8.self)),
                    "type": .string(request.headers["Content-Type"] ?? ""),
                    "auth": .string(request.headers["Authorization"] ?? ""),
                ])
        }
    }
}

@Suite struct HTTPTransportTests {
    private static let pods: GroupVersionResource = GroupVersionResource("v1", "pods")

    private func served(_ body: (Client) async throws -> Void) async throws {
        let server: HTTPServer = try HTTPServer(responder: Canned(), tls: nil, log: .component("test"))
        let port: Int = try await server.listen(host: "127.0.0.1", port: 0)
        let transport: HTTPTransport = try HTTPTransport(
            server: .tcp(host: "127.0.0.1", port: port), tls: nil, pathPrefix: "", token: { "t0" })
        do {
            try await body(Client(transport: transport, fieldManager: "test"))
        } catch {
            Issue.record(error)
        }
        await transport.http.shutdown()
        await server.shutdown(graceSeconds: 0)
    }

    @Test func requests() async throws {
        try await served { client in
            let created: JSON = try await client.create(Self.pods, namespace: "default", ["a": 1])
            #expect(created.method.text == "POST")
            #expect(created.path.text == "/api/v1/namespaces/default/pods")
            #expect(created.query.text == "fieldManager=test")
            #expect(created.body.text == #"{"a":1}"#)
            #expect(created.type.text == "application/json")
            #expect(created.auth.text == "Bearer t0")
            let patched: JSON = try await client.patch(
                GroupVersionResource("apps/v1", "deployments"), namespace: "n", "web", .strategicMerge, ["b": .null],
                subresource: "status")
            #expect(patched.method.text == "PATCH")
            #expect(patched.path.text == "/apis/apps/v1/namespaces/n/deployments/web/status")
            #expect(patched.type.text == "application/strategic-merge-patch+json")
            #expect(patched.body.text == #"{"b":null}"#)
            let listed: JSON = try await client.list(Self.pods, query: ["labelSelector": "a in (b,c)"])
            #expect(listed.query.text == "labelSelector=a%20in%20%28b%2Cc%29")
            let deleted: JSON = try await client.deleteCollection(Self.pods, namespace: "default")
            #expect(deleted.method.text == "DELETE")
        }
    }

    private func failure(_ client: Client, _ name: String) async -> StatusError? {
        do throws(StatusError) {
            _ = try await client.get(Self.pods, namespace: "default", name)
            return nil
        } catch {
            return error
        }
    }

    @Test func errorsKeepTheirWords() async throws {
        try await served { client in
            let gone: StatusError? = await failure(client, "gone")
            #expect(gone?.isNotFound == true)
            #expect(gone?.message == "pods \"gone\" not found")
            let plain: StatusError? = await failure(client, "plain")
            #expect(plain?.code == 502)
            #expect(plain?.message == "bad gateway")
        }
    }

    @Test func tooManyRequestsAreTriedAgain() async throws {
        try await served { client in
            let pod: JSON = try await client.get(Self.pods, namespace: "default", "busy")
            #expect(pod.method.text == "GET")
        }
    }

    @Test func watchLinesMayBeCutAnywhere() async throws {
        try await served { client in
            var names: [String] = []
            var end: StatusError?
            do {
                for try await event in try await client.watch(Self.pods) {
                    names.append(event.kind.rawValue + " " + event.object.metadata.name.text)
                }
            } catch let error as StatusError {
                end = error
            }
            #expect(names == ["ADDED a", "MODIFIED ä"])
            #expect(end?.isExpired == true)
        }
    }

    @Test(.timeLimit(.minutes(1))) func informerFollowsAndStopsOnCancel() async throws {
        try await served { client in
            let informer: Informer = Informer(client, GroupVersionResource("v1", "nodes"))
            let bell: Wakeup = Wakeup()
            informer.onChange { _, _ in bell.raise() }
            await withTaskGroup(of: Void.self) { group in
                group.addTask { try? await informer.run() }
                await informer.waitForSync()
                while informer.count < 2 { await bell.wait() }
                group.cancelAll()
            }
            #expect(informer.get("n1")?.kind.text == "Node")
        }
    }

    @Test func nobodyThere() async throws {
        let server: HTTPServer = try HTTPServer(responder: Canned(), tls: nil, log: .component("test"))
        let port: Int = try await server.listen(host: "127.0.0.1", port: 0)
        await server.shutdown(graceSeconds: 0)
        let transport: HTTPTransport = try HTTPTransport(server: .tcp(host: "127.0.0.1", port: port), tls: nil)
        let error: StatusError? = await failure(Client(transport: transport, fieldManager: "test"), "x")
        #expect(error?.isUnreachable == true)
        await transport.http.shutdown()
    }
}
