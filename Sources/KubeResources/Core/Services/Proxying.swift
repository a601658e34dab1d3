// `pods/proxy` and `services/proxy`: HTTP to an endpoint through the API server.

import KubeAPI
import KubeModel
import KubeNet
import KubeServer
import KubeWire

enum EndpointProxy {
    /// `name`, `name:port`, `scheme:name:port`
    static func split(_ text: String) -> (scheme: String, name: String, port: String) {
        let parts: [String] = text.split(separator: ":", omittingEmptySubsequences: false).map { String($0) }
        switch parts.count {
        case 1: return ("", parts[0], "")
        case 2: return ("", parts[0], parts[1])
        default: return (parts[0], parts[1], parts[2])
        }
    }

    static func forward(
        _ call: SubresourceCall, scheme: String, host: String, port: Int
    ) async throws(StatusError) -> SubresourceAnswer {
        guard var request = call.http else { throw .badRequest("this request needs an HTTP connection") }
        request.path = call.subpath.isEmpty ? "/" : call.subpath
        request.headers["Authorization"] = nil
        request.headers["Host"] = "\(host):\(port)"
        request.headers["X-Forwarded-Uri"] = call.http?.path ?? ""
        request.peer = nil
        let tls: TLSClientOptions? =
            scheme == "https"
            ? TLSClientOptions(
                caPEM: nil, certificatePEM: nil, keyPEM: nil, serverName: nil, insecureSkipVerify: true) : nil
        let client: HTTPClient
        do { client = try HTTPClient(tls: tls) } catch { throw .internalError("\(error)") }
        do {
            let answer: HTTPClientResponse = try await client.send(
                request, to: .tcp(host: host, port: port), timeout: .seconds(30))
            var headers: Headers = answer.headers
            for hop in ["Connection", "Keep-Alive", "Transfer-Encoding", "Content-Length", "Upgrade"] {
                headers[hop] = nil
            }
            return .http(
                HTTPResponse(
                    status: answer.status, headers: headers,
                    body: .stream { writer in
                        for try await chunk in answer.body { try await writer.write(chunk) }
                        await client.shutdown()
                    }))
        } catch {
            await client.shutdown()
            throw .serviceUnavailable("error trying to reach service: \(error)")
        }
    }
}

struct PodProxy: SubresourceHandler {
    func handle(_ call: SubresourceCall) async throws(StatusError) -> SubresourceAnswer {
        let target: (scheme: String, name: String, port: String) = EndpointProxy.split(call.context.name)
        guard let pod = call.registry.get(API.pods, namespace: call.context.namespace, name: target.name) else {
            throw .notFound(API.pods.groupResource, target.name)
        }
        var port: Int? = Int(target.port)
        let declared: [JSON] = pod.spec.containers.elements.flatMap { $0.ports.elements }
        if target.port.isEmpty { port = declared.first?.containerPort.asInt }
        if port == nil { port = declared.first { $0.name.text == target.port }?.containerPort.asInt }
        guard !pod.status.podIP.text.isEmpty else { throw .badRequest("address not allowed") }
        return try await EndpointProxy.forward(
            call, scheme: target.scheme, host: pod.status.podIP.text, port: port ?? 80)
    }
}

struct ServiceProxy: SubresourceHandler {
    func handle(_ call: SubresourceCall) async throws(StatusError) -> SubresourceAnswer {
        let target: (scheme: String, name: String, port: String) = EndpointProxy.split(call.context.name)
        let namespace: String = call.context.namespace
        guard let service = call.registry.get(API.services, namespace: namespace, name: target.name) else {
            throw .notFound(API.services.groupResource, target.name)
        }
        let ports: [JSON] = service.spec.ports.elements
        let chosen: JSON? =
            target.port.isEmpty && ports.count == 1
            ? ports[0] : ports.first { $0.name.text == target.port || String($0.port.asInt ?? 0) == target.port }
        guard let chosen else {
            throw .serviceUnavailable("no service port \"\(target.port)\" found for service \"\(target.name)\"")
        }
        let slices: [JSON] = call.registry.list(API.endpointSlices, namespace: namespace).filter {
            $0.metadata.labels["kubernetes.io/service-name"].text == target.name
        }
        var candidates: [(host: String, port: Int)] = []
        for slice in slices {
            guard let port = slice.ports.elements.first(where: { $0.name.text == chosen.name.text })?.port.asInt else {
                continue
            }
            for e in slice.endpoints.elements where e.conditions.ready.asBool ?? true {
                for address in e.addresses.strings { candidates.append((address, port)) }
            }
        }
        guard let pick = candidates.randomElement() else {
            throw .serviceUnavailable("no endpoints available for service \"\(target.name)\"")
        }
        return try await EndpointProxy.forward(call, scheme: target.scheme, host: pick.host, port: pick.port)
    }
}
