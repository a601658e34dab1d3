// postStart and preStop: run a command, ask over HTTP, open a connection, or wait.

import KubeBase
import KubeNet
import KubeWire

/// Why a hook failed, in the words of the FailedPostStartHook and FailedPreStopHook events.
struct HookFault: Error, Sendable, CustomStringConvertible {
    var description: String
}

enum LifecycleHooks {
    /// `timeout` bounds the whole hook.
    static func run(
        _ hook: JSON, container: JSON, id: String, podIP: String, cri: CRI, http: HTTPClient, timeout: Duration,
        time: any TimeSource
    ) async throws {
        if hook.exec.exists {
            let seconds: Int = max(1, Int(timeout.components.seconds))
            let r: CRIExecSyncResponse = try await cri.execSync(id, hook.exec.command.strings, timeoutSeconds: seconds)
            if r.exitCode != 0 {
                let output: String = String(decoding: r.stdout + r.stderr, as: UTF8.self)
                throw HookFault(
                    description:
                        "Exec lifecycle hook (\(hook.exec.command.strings)) for Container \"\(container.name.text)\" "
                        + "failed - error: command '\(hook.exec.command.strings.joined(separator: " "))' exited with "
                        + "\(r.exitCode): "
                        + "\(output), message: \"\(output)\"")
            }
        } else if hook.httpGet.exists {
            let target: HTTPTarget = try HTTPTarget(hook.httpGet, container: container, podIP: podIP)
            let response: HTTPClientResponse = try await http.send(
                target.request, to: target.endpoint, timeout: timeout)
            if response.status >= 400 {
                throw HookFault(description: "HTTP lifecycle hook failed with status \(response.status)")
            }
        } else if hook.tcpSocket.exists {
            let port: Int = try ContainerPort.resolve(hook.tcpSocket.port, container: container)
            let host: String = hook.tcpSocket.host.asString ?? podIP
            await (try TCP.connect(to: .tcp(host: host, port: port), timeout: timeout)).close()
        } else if hook.sleep.exists {
            try await time.sleep(for: .seconds(hook.sleep.seconds.asInt ?? 0))
        }
    }
}

/// Where an httpGet action of a probe or hook goes.
struct HTTPTarget: Sendable {
    var endpoint: Endpoint
    var request: HTTPRequest
    var isTLS: Bool

    init(_ action: JSON, container: JSON, podIP: String) throws {
        let port: Int = try ContainerPort.resolve(action.port, container: container)
        let host: String = action.host.asString ?? podIP
        endpoint = .tcp(host: host, port: port)
        isTLS = action.scheme.text == "HTTPS"
        let whole: String = action.path.asString ?? "/"
        let parts: [Substring] = whole.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        var path: String = parts.first.map { String($0) } ?? "/"
        if !path.hasPrefix("/") { path = "/" + path }
        request = HTTPRequest(method: "GET", path: path, rawQuery: parts.count > 1 ? String(parts[1]) : "")
        for h in action.httpHeaders.elements { request.headers.add(h.name.text, h.value.text) }
        if request.headers["Host"] == nil {
            request.headers["Host"] = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        }
        if request.headers["User-Agent"] == nil { request.headers["User-Agent"] = "kube-probe/1.36" }
        if request.headers["Accept"] == nil { request.headers["Accept"] = "*/*" }
        request.headers["Connection"] = "close"
    }
}

enum ContainerPort {
    /// A number, or the name of a port of the container.
    static func resolve(_ port: JSON, container: JSON) throws -> Int {
        if let number = port.asInt { return number }
        if let number = Int(port.text) { return number }
        if let named = container.ports.elements.first(where: { $0.name.text == port.text })?.containerPort.asInt {
            return named
        }
        throw ConfigFault("couldn't find port: \(port) in container \(container.name.text)")
    }
}
