// log, exec, attach and port-forward: requests that the pod's node agent answers.

import KubeAPI
import KubeModel
import KubeNet
import KubeServer
import KubeWire
import Synchronization

enum PodAgent {
    /// The pod and its node; the node is nil when the pod has none yet.
    static func locate(_ call: SubresourceCall) throws(StatusError) -> (pod: JSON, node: JSON?) {
        let context: RequestContext = call.context
        guard let pod = context.registry.get(API.pods, namespace: context.namespace, name: context.name) else {
            throw .notFound(API.pods.groupResource, context.name)
        }
        guard let node = pod.spec.nodeName.asString, !node.isEmpty else { return (pod, nil) }
        guard let object = context.registry.get(API.nodes, namespace: "", name: node) else {
            throw .notFound(API.nodes.groupResource, node)
        }
        return (pod, object)
    }

    /// The container asked for, or the only one.
    static func container(_ asked: String?, in pod: JSON) throws(StatusError) -> String {
        func names(_ list: String) -> [String] { pod.spec[list].elements.map { $0.name.text } }
        let regular: [String] = names("containers")
        let initial: [String] = names("initContainers")
        let ephemeral: [String] = names("ephemeralContainers")
        guard let asked, !asked.isEmpty else {
            let preferred: String = pod.metadata.annotations["kubectl.kubernetes.io/default-container"].text
            if regular.contains(preferred) { return preferred }
            if regular.count == 1, initial.isEmpty { return regular[0] }
            if regular.count == 1, !initial.isEmpty, ephemeral.isEmpty { return regular[0] }
            var text: String =
                "a container name must be specified for pod \(pod.meta.name), choose one of: "
                + "[\(regular.joined(separator: " "))]"
            if !initial.isEmpty { text += " or one of the init containers: [\(initial.joined(separator: " "))]" }
            if !ephemeral.isEmpty {
                text += " or one of the ephemeral containers: [\(ephemeral.joined(separator: " "))]"
            }
            throw .badRequest(text)
        }
        guard (regular + initial + ephemeral).contains(asked) else {
            throw .badRequest("container \(asked) is not valid for pod \(pod.meta.name)")
        }
        return asked
    }

    /// Sends the request on to the agent under another path and query.
    static func forward(
        _ call: SubresourceCall, node: JSON, path: String, query: [(name: String, value: String)]
    ) async throws(StatusError) -> SubresourceAnswer {
        guard var request = call.http else { throw .badRequest("this request needs an HTTP connection") }
        guard let agents = call.registry.nodeAgents else {
            throw .serviceUnavailable("no connection to node agents is configured")
        }
        request.path = path
        request.rawQuery = query.map { "\(encoded($0.name))=\(encoded($0.value))" }.joined(separator: "&")
        request.headers["Authorization"] = nil
        request.peer = nil
        return .http(try await agents.forward(request, node: node))
    }

    /// Of a refusal's words.
    private static let wordsBytesMax: Int = 1 << 20

    /// A refusal of the agent becomes a Status: k8s.io/kubernetes/pkg/registry/core/rest.GenericHttpResponseChecker.
    static func check(_ response: HTTPResponse, _ pod: JSON) async throws(StatusError) {
        guard response.status != 101, !(200...206).contains(response.status) else { return }
        let words: String = await text(response)
        switch response.status {
        case 400: throw .badRequest(words)
        case 500: throw .internalError(words)
        default:
            let reason: String = [401: "Unauthorized", 403: "Forbidden", 404: "NotFound"][response.status] ?? ""
            throw StatusError(
                code: response.status, reason: reason, message: words.isEmpty ? "unknown" : words,
                details: ["name": pod.metadata.name, "kind": "pods"])
        }
    }

    private static func text(_ response: HTTPResponse) async -> String {
        switch response.body {
        case .bytes(let bytes): return trimmed(bytes)
        case .stream(let produce):
            let collector: CollectingWriter = CollectingWriter(bytesMax: wordsBytesMax)
            try? await produce(collector)
            return trimmed(collector.bytes)
        case .upgrade: return ""
        }
    }

    private static func trimmed(_ bytes: [UInt8]) -> String {
        var end: Int = bytes.count
        while end > 0, bytes[end - 1] <= 32 { end -= 1 }
        return String(decoding: bytes[..<end], as: UTF8.self)
    }

    /// RFC 3986 percent-encoding of all but unreserved characters.
    static func encoded(_ text: String) -> String {
        let digits: [UInt8] = Array("0123456789ABCDEF".utf8)
        var out: [UInt8] = []
        for c in text.utf8 {
            switch c {
            case 48...57, 65...90, 97...122, 45, 46, 95, 126: out.append(c)
            default: out += [37, digits[Int(c >> 4)], digits[Int(c & 15)]]
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    static func noHost(_ pod: JSON) -> StatusError {
        .badRequest("pod \(pod.meta.name) does not have a host assigned")
    }
}

struct PodLog: SubresourceHandler {
    func handle(_ call: SubresourceCall) async throws(StatusError) -> SubresourceAnswer {
        let (pod, node): (JSON, JSON?) = try PodAgent.locate(call)
        try check(call, pod)
        let container: String = try PodAgent.container(call.parameter("container"), in: pod)
        guard let node else {
            return .http(HTTPResponse(status: 200, contentType: "text/plain", []))
        }
        let known: Set<String> = [
            "follow", "previous", "timestamps", "sinceSeconds", "sinceTime", "tailLines", "limitBytes", "stream",
        ]
        var onward: SubresourceCall = call
        onward.http = call.http.map { WebSocketBody.plain($0) }
        let answer: SubresourceAnswer = try await PodAgent.forward(
            onward, node: node, path: "/containerLogs/\(pod.meta.namespace)/\(pod.meta.name)/\(container)",
            query: call.query.filter { known.contains($0.name) })
        guard case .http(let response) = answer, let request = call.http else { return answer }
        return .http(WebSocketBody.response(response, to: request))
    }

    private func check(_ call: SubresourceCall, _ pod: JSON) throws(StatusError) {
        var out: Faults = Faults()
        func number(_ name: String, from lowest: Int) {
            guard let text = call.parameter(name) else { return }
            guard let n = Int(text) else {
                return out.invalid(name, .string(text), "must be an integer")
            }
            if n < lowest {
                let why: String =
                    lowest == 0 ? "must be greater than or equal to 0" : "must be greater than 0"
                out.invalid(name, JSON(n), why)
            }
        }
        number("tailLines", from: 0)
        number("limitBytes", from: 1)
        number("sinceSeconds", from: 1)
        if call.parameter("sinceSeconds") != nil, call.parameter("sinceTime") != nil {
            out.forbidden("", "at most one of `sinceTime` or `sinceSeconds` may be specified")
        }
        if !out.list.isEmpty {
            throw .invalid(kind: GroupKind(group: "", kind: "PodLogOptions"), name: pod.meta.name, out.list)
        }
    }
}

/// exec and attach; the agent names its parameters differently.
struct PodStream: SubresourceHandler {
    let agentPath: String

    func handle(_ call: SubresourceCall) async throws(StatusError) -> SubresourceAnswer {
        let (pod, node): (JSON, JSON?) = try PodAgent.locate(call)
        let container: String = try PodAgent.container(call.parameter("container"), in: pod)
        func isOn(_ name: String) -> Bool { ["true", "1"].contains(call.parameter(name) ?? "") }
        let streams: [(String, String)] = [("stdin", "input"), ("stdout", "output"), ("stderr", "error"), ("tty", "tty")]
        guard isOn("stdin") || isOn("stdout") || isOn("stderr") else {
            throw .badRequest("you must specify at least 1 of stdin, stdout, stderr")
        }
        if agentPath == "exec", call.parameters("command").isEmpty {
            throw .badRequest("you must specify at least one command for the container")
        }
        guard let node else { throw PodAgent.noHost(pod) }
        if ["Succeeded", "Failed"].contains(pod.status.phase.text) {
            throw .badRequest(
                "cannot exec into a container in a completed pod; current phase is \(pod.status.phase.text)")
        }
        var query: [(name: String, value: String)] = []
        for (ours, theirs) in streams where isOn(ours) { query.append((name: theirs, value: "1")) }
        for command in call.parameters("command") { query.append((name: "command", value: command)) }
        return try await PodAgent.forward(
            call, node: node, path: "/\(agentPath)/\(pod.meta.namespace)/\(pod.meta.name)/\(container)", query: query)
    }
}

struct PodPortForward: SubresourceHandler {
    func handle(_ call: SubresourceCall) async throws(StatusError) -> SubresourceAnswer {
        let (pod, node): (JSON, JSON?) = try PodAgent.locate(call)
        guard let node else { throw PodAgent.noHost(pod) }
        let ports: [(name: String, value: String)] = call.parameters("ports").map { (name: "port", value: $0) }
        return try await PodAgent.forward(
            call, node: node, path: "/portForward/\(pod.meta.namespace)/\(pod.meta.name)", query: ports)
    }
}

/// Keeps what a stream writes, up to a limit.
private final class CollectingWriter: BodyWriter {
    private let kept: Mutex<[UInt8]> = Mutex([])
    private let bytesMax: Int
    init(bytesMax: Int) { self.bytesMax = bytesMax }
    var bytes: [UInt8] { kept.withLock { $0 } }

    func write(_ bytes: [UInt8]) async throws {
        kept.withLock { $0 += bytes.prefix(max(0, bytesMax - $0.count)) }
    }
}
