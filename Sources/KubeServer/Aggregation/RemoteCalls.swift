// Calls of our own controllers to aggregated API servers: garbage collection and the end of namespaces reach them too.

import KubeModel
import KubeNet
import KubeWire
import Synchronization

/// The registry knows the services without keeping them.
struct WeakRemotes: Sendable {
    weak var services: RemoteServices?
}

extension RemoteServices {
    private static let answerBytesMax: Int = 1 << 30

    var resources: [AggregatedResource] {
        all.filter { $0.isAvailable }.flatMap { entry in
            entry.documents.resources.map { item in
                AggregatedResource(
                    gvr: GroupVersionResource(
                        group: entry.remote.version.group, version: entry.remote.version.version,
                        resource: item.resource.text),
                    kind: item.responseKind.kind.text, isNamespaced: item.scope.text == "Namespaced",
                    verbs: Set(item.verbs.strings))
            }
        }
    }

    func call(_ call: APICall, _ entry: Entry, as user: UserInfo) async throws(StatusError) -> JSON {
        let answer: HTTPClientResponse = try await send(call, entry, user)
        let bytes: [UInt8]
        do {
            bytes = try await answer.body.collect(maxBytes: Self.answerBytesMax)
        } catch {
            throw .serviceUnavailable("error reading from \(entry.remote.serverName): \(error)")
        }
        let object: JSON = (try? JSON.parse(bytes)) ?? .null
        guard (200..<300).contains(answer.status) else { throw Self.error(answer.status, object, bytes) }
        return object
    }

    func watch(_ call: APICall, _ entry: Entry, as user: UserInfo) async throws(StatusError) -> WatchStream {
        let answer: HTTPClientResponse = try await send(call, entry, user)
        guard answer.status == 200 else {
            let bytes: [UInt8] = (try? await answer.body.collect(maxBytes: 1 << 20)) ?? []
            throw Self.error(answer.status, (try? JSON.parse(bytes)) ?? .null, bytes)
        }
        let lines: EventLines = EventLines(answer.body)
        return WatchStream(unfolding: { try await lines.next() })
    }

    private func send(
        _ call: APICall, _ entry: Entry, _ user: UserInfo
    ) async throws(StatusError) -> HTTPClientResponse {
        guard entry.isAvailable else { throw .serviceUnavailable("service unavailable") }
        do {
            let (client, endpoint): (HTTPClient, Endpoint) = try line(entry.remote)
            let request: HTTPRequest = RemoteIdentity.onward(Self.request(call), as: user)
            return try await client.send(request, to: endpoint, timeout: Self.headTimeout)
        } catch {
            throw .serviceUnavailable("error trying to reach service: \(error)")
        }
    }

    static func request(_ call: APICall) -> HTTPRequest {
        let method: String =
            switch call.verb {
            case .get, .list, .watch: "GET"
            case .create: "POST"
            case .update: "PUT"
            case .patch: "PATCH"
            case .delete, .deletecollection: "DELETE"
            }
        var query: [(String, String)] = call.query.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        if call.verb == .watch { query.append(("watch", "true")) }
        let raw: String = query.map { "\(escaped($0.0))=\(escaped($0.1))" }.joined(separator: "&")
        var request: HTTPRequest = HTTPRequest(method: method, path: call.path, rawQuery: raw)
        request.headers["Accept"] = "application/json"
        request.headers["User-Agent"] = "apus/v1.36"
        if call.body.exists {
            request.body = call.body.encoded()
            request.headers["Content-Type"] = call.verb == .patch ? call.patchType.rawValue : "application/json"
        }
        return request
    }

    private static func escaped(_ text: String) -> String {
        let hex: [Character] = Array("0123456789ABCDEF")
        return text.utf8.map { c in
            let isPlain: Bool =
                (c >= 48 && c <= 57) || ((c | 0x20) >= 97 && (c | 0x20) <= 122) || c == 45 || c == 46 || c == 95
            return isPlain ? String(Unicode.Scalar(c)) : "%\(hex[Int(c >> 4)])\(hex[Int(c & 15)])"
        }.joined()
    }

    private static func error(_ code: Int, _ object: JSON, _ bytes: [UInt8]) -> StatusError {
        if object.kind.text == "Status" { return StatusError(status: object, code: code) }
        return StatusError(code: code, reason: "", message: String(decoding: bytes.prefix(1024), as: UTF8.self))
    }
}

/// Splits a watch's body into events. One reader only.
private final class EventLines: @unchecked Sendable {
    private var chunks: HTTPBody.AsyncIterator
    private var buffer: [UInt8] = []

    init(_ body: HTTPBody) { chunks = body.makeAsyncIterator() }

    func next() async throws -> WatchEvent? {
        while true {
            if let end = buffer.firstIndex(of: 10) {
                let line: [UInt8] = Array(buffer[..<end])
                buffer.removeFirst(end + 1)
                if line.isEmpty { continue }
                let json: JSON = try JSON.parse(line)
                guard let kind = WatchEvent.Kind(rawValue: json.type.text) else { continue }
                if kind == .error { throw StatusError(status: json.object, code: json.object.code.asInt ?? 500) }
                return WatchEvent(kind: kind, object: json.object)
            }
            guard let chunk = try await chunks.next() else { return nil }
            buffer += chunk
        }
    }
}
