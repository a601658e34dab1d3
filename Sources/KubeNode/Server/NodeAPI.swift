// The paths of the node API and who may use them.

import KubeBase
import KubeModel
import KubeNet
import KubeWire

struct NodeAPI: HTTPResponder {
    let node: NodeContext

    func respond(to request: HTTPRequest) async -> HTTPResponse {
        if request.path == "/healthz" {
            return HTTPResponse(contentType: "text/plain; charset=utf-8", Array("ok".utf8))
        }
        guard let peer = request.peer else { return Self.text(401, "Unauthorized") }
        guard !node.options.allowedOrganizations.isDisjoint(with: peer.organizations) else {
            return Self.text(
                403,
                "Forbidden (user=\(peer.commonName), verb=\(request.method.lowercased()), resource=nodes, "
                    + "subresource=proxy)"
            )
        }
        let query: QueryValues = QueryValues(request.rawQuery)
        let parts: [String] = request.path.split(separator: "/").map { PercentCoding.decode($0) }
        switch (parts.first, parts.count) {
        case ("containerLogs", 4): return await LogRequest.respond(node, parts[1], parts[2], parts[3], query)
        case ("exec", 4): return await Streaming.exec(node, request, parts[1], parts[2], parts[3], query)
        case ("exec", 5): return await Streaming.exec(node, request, parts[1], parts[2], parts[4], query)
        case ("attach", 4): return await Streaming.attach(node, request, parts[1], parts[2], parts[3], query)
        case ("attach", 5): return await Streaming.attach(node, request, parts[1], parts[2], parts[4], query)
        case ("portForward", 3), ("portForward", 4):
            return await Streaming.portForward(node, request, parts[1], parts[2])
        case ("run", 4): return await Streaming.run(node, parts[1], parts[2], parts[3], query)
        case ("pods", 1), ("runningpods", 1): return pods()
        case ("stats", 2) where parts[1] == "summary": return await Stats(node).summary()
        case ("metrics", 2) where parts[1] == "resource": return await Stats(node).resourceMetrics()
        case ("metrics", 1): return NodeMetrics(node: node).own()
        case ("metrics", 2) where parts[1] == "cadvisor": return await NodeMetrics(node: node).cadvisor()
        case ("configz", 1): return NodeFiles(node: node).configuration()
        case ("logs", _): return NodeFiles(node: node).log(Array(parts.dropFirst()))
        case ("healthz", 2) where ["ping", "log", "syncloop"].contains(parts[1]):
            return HTTPResponse(contentType: "text/plain; charset=utf-8", Array("ok".utf8))
        default: return Self.text(404, "404 page not found")
        }
    }

    /// The API server passes an agent's answer on as it is: what users shall read comes as a metav1.Status.
    static func status(_ error: StatusError) -> HTTPResponse {
        HTTPResponse(status: error.code, contentType: "application/json", error.status.encoded())
    }

    static func text(_ status: Int, _ text: String) -> HTTPResponse {
        HTTPResponse(status: status, contentType: "text/plain; charset=utf-8", Array((text + "\n").utf8))
    }

    private func pods() -> HTTPResponse {
        let items: [JSON] = node.allPods.map { host in
            var pod: JSON = host.pod
            pod.status = host.status
            return pod
        }
        let list: JSON = ["kind": "PodList", "apiVersion": "v1", "metadata": [:], "items": .array(items)]
        return HTTPResponse(contentType: "application/json", list.encoded())
    }
}

/// The decoded values of a query string, in order.
struct QueryValues: Sendable {
    private var pairs: [(String, String)] = []

    init(_ raw: String) {
        for part in raw.split(separator: "&") {
            let kv: [Substring] = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value: String = kv.count > 1 ? PercentCoding.decode(kv[1], plusIsBlank: true) : ""
            pairs.append((PercentCoding.decode(kv[0], plusIsBlank: true), value))
        }
    }

    subscript(_ name: String) -> String? { pairs.first { $0.0 == name }?.1 }
    func all(_ name: String) -> [String] { pairs.filter { $0.0 == name }.map { $0.1 } }
    func isTrue(_ names: String...) -> Bool { names.contains { self[$0] == "true" || self[$0] == "1" } }
}

enum PercentCoding {
    static func decode(_ text: Substring, plusIsBlank: Bool = false) -> String {
        var out: [UInt8] = []
        let b: [UInt8] = Array(text.utf8)
        var i: Int = 0
        while i < b.count {
            if b[i] == UInt8(ascii: "%"), i + 2 < b.count,
                let v = UInt8(String(decoding: b[(i + 1)...(i + 2)], as: UTF8.self), radix: 16)
            {
                out.append(v)
                i += 3
            } else {
                out.append(plusIsBlank && b[i] == UInt8(ascii: "+") ? 32 : b[i])
                i += 1
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
