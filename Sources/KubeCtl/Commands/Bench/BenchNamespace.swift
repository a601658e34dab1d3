// A namespace for one measurement: made, used, and gone again whatever happens.

import Glibc
import KubeModel
import KubeNet
import KubeWire

struct BenchNamespace: Sendable {
    let name: String
    let connection: Connection

    var configMaps: String { "/api/v1/namespaces/\(name)/configmaps" }

    func request(_ method: String, _ path: String, contentType: String = "") -> HTTPRequest {
        connection.request(method, path, contentType: contentType)
    }

    /// Runs `body` in a new namespace; returns after the namespace is gone, so that its end disturbs no later figure.
    static func use(_ i: Invocation, _ body: (BenchNamespace) async throws -> Void) async throws {
        let connection: Connection = try i.session.connection()
        let n: BenchNamespace = BenchNamespace(name: "bench-\(getpid())", connection: connection)
        let object: JSON = ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": JSON(n.name)]]
        _ = try await connection.send("POST", "/api/v1/namespaces", object)
        do {
            try await body(n)
        } catch {
            // The measurement's own error matters more than one of the clean-up.
            _ = try? await connection.send("DELETE", "/api/v1/namespaces/\(n.name)", .null)
            throw error
        }
        try await n.delete()
    }

    private func delete() async throws {
        let path: String = "/api/v1/namespaces"
        let query: [(String, String)] = [("fieldSelector", "metadata.name=\(name)")]
        let list: JSON = try await connection.get(path, query: query)
        var events: EventLines = try await EventLines.open(
            connection, path, query: query, from: list.metadata.resourceVersion.text)
        _ = try await connection.send("DELETE", "\(path)/\(name)", .null)
        while let event = try await events.next(), event.type.text != "DELETED" {}
    }

    /// Pods are refused until their namespace has the ServiceAccount `default`.
    func awaitServiceAccount() async throws {
        let path: String = "/api/v1/namespaces/\(name)/serviceaccounts"
        let list: JSON = try await connection.get(path)
        if list["items"].elements.contains(where: { $0.metadata.name.text == "default" }) { return }
        var events: EventLines = try await EventLines.open(
            connection, path, query: [], from: list.metadata.resourceVersion.text)
        while let event = try await events.next() {
            if event.object.metadata.name.text == "default" { return }
        }
        throw UsageError("the watch of serviceaccounts ended before \"default\" came")
    }
}

/// The events of one watch, read when asked for.
struct EventLines {
    private var chunks: HTTPBody.AsyncIterator
    private var pending: [UInt8] = []

    static func open(
        _ connection: Connection, _ path: String, query: [(String, String)], from version: String
    ) async throws -> EventLines {
        let all: [(String, String)] = query + [("watch", "true"), ("resourceVersion", version)]
        let response: HTTPClientResponse = try await connection.send(connection.request("GET", path, query: all))
        if response.status >= 400 {
            throw connection.failure(response, try await response.body.collect(maxBytes: 1 << 20))
        }
        return EventLines(chunks: response.body.makeAsyncIterator())
    }

    /// nil at the end of the watch; an ERROR event is thrown.
    mutating func next() async throws -> JSON? {
        while true {
            if let end = pending.firstIndex(of: 10) {
                let event: JSON = try JSON.parse(Array(pending[..<end]))
                pending.removeSubrange(...end)
                if event.type.text == "ERROR" { throw StatusError(status: event.object, code: 500) }
                return event
            }
            guard let chunk = try await chunks.next() else { return nil }
            pending += chunk
        }
    }
}
