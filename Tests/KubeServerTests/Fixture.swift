// A server in memory with the built-in kinds under plain strategies: what the generic road does without any kind's help.

import KubeAPI
import KubeBase
import KubeModel
import KubeNet
import KubeServer
import KubeStore
import KubeWire
import Synchronization

struct MastersOnly: Authorizer {
    func authorize(_ attributes: RequestAttributes) async -> Decision {
        attributes.user.isMaster ? .allow(reason: "") : .noOpinion(reason: "")
    }
}

enum Fixture {
    static func definitions() -> [ResourceDefinition] {
        BuiltIn.resources.filter { $0.enabledByDefault && !$0.storagePrefix.isEmpty }.map { facts in
            let hasStatus: Bool = facts.subresources.contains { $0.name == "status" }
            var d: ResourceDefinition = ResourceDefinition(
                gvr: facts.gvr, kind: facts.kind, listKind: facts.listKind, singular: facts.singular,
                isNamespaced: facts.namespaced, verbs: facts.verbs, storagePrefix: facts.storagePrefix,
                strategy: hasStatus ? SpecStatusStrategy() as any Strategy : PlainStrategy())
            if facts.gvr == API.customResourceDefinitions { d.strategy = CustomResourceDefinitionStrategy() }
            d.shortNames = facts.shortNames
            d.typeName = facts.type
            for s in facts.subresources where s.name == "status" || s.name == "scale" {
                let gvk: GroupVersionKind = GroupVersionKind(
                    group: s.group.isEmpty ? facts.gvr.group : s.group,
                    version: s.version.isEmpty ? facts.gvr.version : s.version, kind: s.kind)
                d.subresources.append(
                    SubresourceDefinition(
                        name: s.name, kind: gvk, typeName: s.type, verbs: s.verbs,
                        handler: s.name == "status" ? .status : .scale(ScalePaths())))
            }
            return d
        }
    }

    static func server(store: any Store = LogStore.memory()) async throws -> APIServer {
        let server: APIServer = try await APIServer.open(
            APIServerOptions(store: store, definitions: definitions(), authorizer: { _ in MastersOnly() }))
        server.markReady()
        return server
    }

    static let admin: PeerIdentity = PeerIdentity(commonName: "admin", organizations: ["system:masters"])

    static func configMap(_ name: String, _ data: [String: String] = [:], labels: [String: String] = [:]) -> JSON {
        var o: JSON = ["metadata": ["name": .string(name)]]
        if !data.isEmpty { o.data = JSON(data) }
        if !labels.isEmpty { o.metadata.labels = JSON(labels) }
        return o
    }
}

/// Calls in process as the server itself.
struct Caller {
    let transport: any APITransport
    init(_ server: APIServer) { transport = server.transport(user: .loopback) }

    func callAsFunction(
        _ verb: Verb, _ resource: GroupVersionResource, _ name: String = "", namespace: String = "default",
        _ body: JSON = .null, sub: String = "", query: [String: String] = [:], patch: PatchType = .merge
    ) async throws(StatusError) -> JSON {
        var c: APICall = APICall(verb, resource)
        c.namespace = namespace
        c.name = name
        c.subresource = sub
        c.query = query
        c.patchType = patch
        c.body = body
        return try await transport.call(c)
    }
}

/// Requests through the pipeline without a socket.
struct Wire {
    let server: APIServer

    func callAsFunction(
        _ method: String, _ path: String, _ body: String = "", headers: Headers = Headers(),
        peer: PeerIdentity? = Fixture.admin
    ) async -> (status: Int, headers: Headers, text: String) {
        let parts: [Substring] = path.split(separator: "?", maxSplits: 1)
        var all: Headers = headers
        if all["User-Agent"] == nil { all["User-Agent"] = "test/1" }
        let response: HTTPResponse = await server.respond(
            to: HTTPRequest(
                method: method, path: String(parts[0]), rawQuery: parts.count > 1 ? String(parts[1]) : "",
                headers: all, body: Array(body.utf8), peer: peer))
        let sink: Collector = Collector()
        switch response.body {
        case .bytes(let bytes): try? await sink.write(bytes)
        case .stream(let run): try? await run(sink)
        case .upgrade: break
        }
        return (response.status, response.headers, sink.text)
    }
}

final class Collector: BodyWriter {
    private let bytes: Mutex<[UInt8]> = Mutex([])
    func write(_ more: [UInt8]) async throws { bytes.withLock { $0 += more } }
    var text: String { String(decoding: bytes.withLock { $0 }, as: UTF8.self) }
}
