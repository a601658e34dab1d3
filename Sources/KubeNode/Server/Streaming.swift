// exec, attach and port-forward: the runtime names a URL of its streaming server; the client's upgraded connection is
// joined to it: SPDY byte by byte, WebSocket translated to SPDY.

import KubeBase
import KubeModel
import KubeNet
import KubeWire
import Synchronization

enum Streaming {
    static func exec(
        _ node: NodeContext, _ request: HTTPRequest, _ namespace: String, _ pod: String, _ container: String,
        _ query: QueryValues
    ) async -> HTTPResponse {
        switch running(node, namespace, pod, container) {
        case .failure(let fault): return fault.response
        case .success(let id):
            var q: CRIExecRequest = CRIExecRequest()
            q.containerID = id
            q.cmd = query.all("command")
            q.tty = query.isTrue("tty")
            q.stdin = query.isTrue("stdin", "input")
            q.stdout = query.isTrue("stdout", "output")
            q.stderr = query.isTrue("stderr", "error") && !q.tty
            let options: RemoteCommandOptions = RemoteCommandOptions(
                stdin: q.stdin, stdout: q.stdout, stderr: q.stderr, tty: q.tty)
            do throws(GRPCError) {
                return await forward(request, to: try await node.cri.exec(q), .command(options))
            } catch {
                return NodeAPI.text(500, error.goText)
            }
        }
    }

    static func attach(
        _ node: NodeContext, _ request: HTTPRequest, _ namespace: String, _ pod: String, _ container: String,
        _ query: QueryValues
    ) async -> HTTPResponse {
        switch running(node, namespace, pod, container) {
        case .failure(let fault): return fault.response
        case .success(let id):
            var q: CRIAttachRequest = CRIAttachRequest()
            q.containerID = id
            // The terminal is the container's own.
            q.tty = node.pod(namespace: namespace, name: pod)?.containerSpec(container).tty.isTrue ?? false
            q.stdin = query.isTrue("stdin", "input")
            q.stdout = query.isTrue("stdout", "output")
            q.stderr = query.isTrue("stderr", "error") && !q.tty
            let options: RemoteCommandOptions = RemoteCommandOptions(
                stdin: q.stdin, stdout: q.stdout, stderr: q.stderr, tty: q.tty)
            do throws(GRPCError) {
                return await forward(request, to: try await node.cri.attach(q), .command(options))
            } catch {
                return NodeAPI.text(500, error.goText)
            }
        }
    }

    static func portForward(
        _ node: NodeContext, _ request: HTTPRequest, _ namespace: String, _ pod: String
    ) async -> HTTPResponse {
        guard let host = node.pod(namespace: namespace, name: pod) else {
            return NodeAPI.text(404, "pod \"\(pod)\" not found")
        }
        do throws(GRPCError) {
            return await forward(request, to: try await node.cri.portForward(sandbox: host.sandboxID), .ports)
        } catch {
            return NodeAPI.text(500, error.goText)
        }
    }

    /// POST /run: a command without streams; answers its output.
    static func run(
        _ node: NodeContext, _ namespace: String, _ pod: String, _ container: String, _ query: QueryValues
    ) async -> HTTPResponse {
        switch running(node, namespace, pod, container) {
        case .failure(let fault): return fault.response
        case .success(let id):
            let command: [String] = query["cmd"]?.split(separator: " ").map { String($0) } ?? query.all("command")
            do throws(GRPCError) {
                let r: CRIExecSyncResponse = try await node.cri.execSync(id, command, timeoutSeconds: 60)
                return HTTPResponse(contentType: "text/plain", Array(r.stdout + r.stderr))
            } catch {
                return NodeAPI.text(500, error.goText)
            }
        }
    }

    private struct Fault: Error {
        var response: HTTPResponse
    }

    private static func running(
        _ node: NodeContext, _ namespace: String, _ pod: String, _ container: String
    ) -> Result<String, Fault> {
        guard let host = node.pod(namespace: namespace, name: pod) else {
            return .failure(Fault(response: NodeAPI.text(404, "pod \"\(pod)\" not found")))
        }
        guard let record = host.record(container), record.step == .running else {
            return .failure(Fault(response: NodeAPI.text(404, "container not found (\"\(container)\")")))
        }
        return .success(record.id)
    }

    /// What the client asks of the runtime's streaming server, which speaks SPDY.
    private enum Purpose {
        case command(RemoteCommandOptions)
        case ports
    }

    /// Joins the client's connection to the one at `url`: SPDY byte by byte, WebSocket translated.
    private static func forward(_ request: HTTPRequest, to url: String, _ purpose: Purpose) async -> HTTPResponse {
        guard let target = Target(url) else { return NodeAPI.text(500, "the runtime answered the URL \(url)") }
        do {
            let backend: StreamingBackend = StreamingBackend(
                client: try HTTPClient(tls: nil), endpoint: target.endpoint, path: target.path,
                rawQuery: target.query)
            switch purpose {
            case .command(let options):
                return try await StreamingProxy.remoteCommand(request, options: options, to: backend)
            case .ports: return try await StreamingProxy.portForward(request, to: backend)
            }
        } catch {
            return NodeAPI.text(502, "error dialing the runtime's streaming server: \(error)")
        }
    }

    private struct Target {
        var endpoint: Endpoint
        var authority: String
        var path: String
        var query: String

        /// `http://127.0.0.1:38000/exec/token`
        init?(_ url: String) {
            guard url.hasPrefix("http://") else { return nil }
            let rest: Substring = url.dropFirst("http://".count)
            let slash: Substring.Index = rest.firstIndex(of: "/") ?? rest.endIndex
            authority = String(rest[..<slash])
            guard let colon = authority.lastIndex(of: ":"), let port = Int(authority[authority.index(after: colon)...])
            else { return nil }
            let host: String = authority[..<colon].filter { $0 != "[" && $0 != "]" }
            endpoint = .tcp(host: host, port: port)
            let parts: [Substring] = rest[slash...].split(
                separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
            path = parts.first.map { String($0) } ?? "/"
            query = parts.count > 1 ? String(parts[1]) : ""
        }
    }
}

extension PodHost {
    func containerSpec(_ name: String) -> JSON { state.withLock { $0.worker.spec(of: name) } }
}
