// A whole API server in memory, bootstrapped as a cluster's.

import KubeAPI
import KubeBase
import KubeCrypto
import KubeModel
import KubeResources
import KubeServer
import KubeStore
import KubeWire

struct TestServer {
    let server: APIServer
    let settings: ClusterSettings

    static func start(nodeAgents: (any NodeAgentDialer)? = nil) async throws -> TestServer {
        let settings: ClusterSettings = ClusterSettings(
            signingKeys: [try SigningKey.create()], clientCAPEM: "-", advertiseAddress: "192.0.2.1",
            advertisePort: 6443,
            staticTokens: TokenVerifier.staticTokens(csv: "sesame,alice,7,\"dev,ops\"\n"))
        var options: APIServerOptions = APIServerOptions(
            store: LogStore.memory(), definitions: Catalogue.definitions(settings),
            authorizer: ClusterSecurity.authorizer(settings))
        options.authenticators = ClusterSecurity.authenticators(settings)
        options.admission = AdmissionPlugins.all()
        options.nodeAgents = nodeAgents
        let server: APIServer = try await APIServer.open(options)
        try await BootstrapObjects(settings, server.registry).apply()
        server.markReady()
        return TestServer(server: server, settings: settings)
    }

    func call(
        _ verb: Verb, _ resource: GroupVersionResource, _ namespace: String = "", _ name: String = "",
        _ subresource: String = "", body: JSON = .null, user: UserInfo = .loopback, query: [String: String] = [:]
    ) async throws(StatusError) -> JSON {
        var c: APICall = APICall(verb, resource)
        c.namespace = namespace
        c.name = name
        c.subresource = subresource
        c.body = body
        c.query = query
        return try await server.transport(user: user).call(c)
    }

    func create(
        _ resource: GroupVersionResource, _ namespace: String, _ object: JSON, user: UserInfo = .loopback
    ) async throws(StatusError) -> JSON {
        try await call(.create, resource, namespace, body: object, user: user)
    }

    /// The message of a call that must fail.
    func failure(_ body: () async throws(StatusError) -> JSON) async -> StatusError? {
        do throws(StatusError) {
            _ = try await body()
            return nil
        } catch {
            return error
        }
    }

    static func pod(_ name: String, _ change: (inout JSON) -> Void = { _ in }) -> JSON {
        var pod: JSON = [
            "apiVersion": "v1", "kind": "Pod", "metadata": ["name": .string(name)],
            "spec": ["containers": [["name": "c", "image": "nginx:1"]]],
        ]
        change(&pod)
        return pod
    }
}
