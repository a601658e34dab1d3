import KubeAPI
import KubeModel
import KubeNet
import KubeServer
import KubeWire
import Testing

@Suite struct PipelineTests {
    private let maps: String = "/api/v1/namespaces/default/configmaps"
    private let json: Headers = ["Content-Type": "application/json"]

    @Test func strangersAreToldInUpstreamsWords() async throws {
        let wire: Wire = Wire(server: try await Fixture.server())
        let jane: PeerIdentity = PeerIdentity(commonName: "jane", organizations: [])
        func message(_ path: String, _ peer: PeerIdentity?) async throws -> String {
            let answer = await wire("GET", path, peer: peer)
            #expect(answer.status == 403)
            return try JSON.parse(answer.text).message.text
        }
        #expect(
            try await message("/api/v1/namespaces/default/pods", jane)
                == "pods is forbidden: User \"jane\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\""
        )
        #expect(
            try await message("/apis/apps/v1/namespaces/x/deployments/web/scale", jane)
                == "deployments.apps \"web\" is forbidden: User \"jane\" cannot get resource \"deployments/scale\" in API group \"apps\" in the namespace \"x\""
        )
        #expect(
            try await message("/api/v1/nodes", nil)
                == "nodes is forbidden: User \"system:anonymous\" cannot list resource \"nodes\" in API group \"\" at the cluster scope"
        )
        #expect(try await message("/metrics", jane) == "forbidden: User \"jane\" cannot get path \"/metrics\"")
        let unknown = await wire("GET", maps, headers: ["Authorization": "Bearer nonsense"], peer: nil)
        #expect(unknown.status == 401)
    }

    @Test func impersonationIsAnswered() async throws {
        let wire: Wire = Wire(server: try await Fixture.server())
        let answer = await wire("GET", "/api/v1/pods", headers: ["Impersonate-User": "bob"])
        #expect(answer.status == 403 && answer.text.contains("User \\\"bob\\\""))
    }

    @Test func badBodiesAreStatuses() async throws {
        let wire: Wire = Wire(server: try await Fixture.server())
        #expect(await wire("POST", maps, "{bad", headers: json).status == 400)
        #expect(await wire("POST", maps, "[]", headers: json).status == 400)
        #expect(await wire("POST", maps, "", headers: json).status == 400)
        #expect(await wire("POST", maps, "{}", headers: ["Content-Type": "text/plain"]).status == 415)
        #expect(await wire("POST", maps, #"{"metadata":{}}"#, headers: json).status == 422)
        #expect(await wire("PATCH", maps + "/x", "{}", headers: json).status == 415)
        #expect(await wire("GET", maps, headers: ["Accept": "text/html"]).status == 406)
        #expect(await wire("GET", "/api/v1/nonsense").status == 404)
        #expect(await wire("GET", "/nonsense").status == 404)
        #expect(await wire("POST", maps + "/x", "{}", headers: json).status == 405)
    }

    @Test func unknownFieldsAreWarnedOfOrRefused() async throws {
        let wire: Wire = Wire(server: try await Fixture.server())
        let body: String = #"{"metadata":{"name":"a"},"dta":{}}"#
        let strict = await wire("POST", maps + "?fieldValidation=Strict", body, headers: json)
        #expect(strict.status == 400 && strict.text.contains("strict decoding error: unknown field"))
        let warned = await wire("POST", maps, body, headers: json)
        #expect(warned.status == 201)
        #expect(warned.headers["Warning"] == #"299 - "unknown field \"dta\"""#)
    }

    @Test func listsAreSplicedAndShaped() async throws {
        let server: APIServer = try await Fixture.server()
        let wire: Wire = Wire(server: server)
        for name in ["a", "b"] { _ = await wire("POST", maps, #"{"metadata":{"name":"\#(name)"}}"#, headers: json) }
        let list: JSON = try JSON.parse(await wire("GET", maps).text)
        #expect(list.kind == "ConfigMapList" && list["items"].elements.count == 2)
        #expect(!list["items"][0].kind.exists)
        let table: JSON = try JSON.parse(
            await wire(
                "GET", maps, headers: ["Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"]
            ).text)
        #expect(table.kind == "Table" && table.rows.elements.count == 2)
        let partial: JSON = try JSON.parse(
            await wire(
                "GET", maps + "/a", headers: ["Accept": "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"]
            ).text)
        #expect(partial.kind == "PartialObjectMetadata" && partial.metadata.name == "a")
        let yaml = await wire("GET", maps + "/a", headers: ["Accept": "application/yaml"])
        #expect(yaml.text.hasPrefix("apiVersion: v1\nkind: ConfigMap\n"))
        let pretty = await wire("GET", maps + "/a?pretty=true")
        #expect(pretty.text.hasPrefix("{\n  \"kind\""))
    }

    @Test func protobufGoesInAndOut() async throws {
        let server: APIServer = try await Fixture.server()
        let wire: Wire = Wire(server: server)
        _ = await wire("POST", maps, #"{"metadata":{"name":"a"},"data":{"x":"y"}}"#, headers: json)
        let response: HTTPResponse = await server.respond(
            to: HTTPRequest(
                method: "GET", path: maps + "/a", headers: ["Accept": ProtobufCodec.mediaType], peer: Fixture.admin))
        guard case .bytes(let bytes) = response.body else {
            Issue.record("no body")
            return
        }
        #expect(bytes.starts(with: [0x6b, 0x38, 0x73, 0]))
        let back: JSON = try ProtobufCodec(schema: BuiltIn.schema).decode(bytes, as: "core/v1.ConfigMap")
        #expect(back.data.x == "y" && back.metadata.name == "a")
    }

    @Test func discoveryIsPlainAndAggregated() async throws {
        let wire: Wire = Wire(server: try await Fixture.server())
        let groups: JSON = try JSON.parse(await wire("GET", "/apis").text)
        #expect(groups.groups.elements.contains { $0.name == "apps" })
        let resources: JSON = try JSON.parse(await wire("GET", "/api/v1").text)
        #expect(resources.resources.elements.contains { $0.name == "pods/status" })
        let accept: Headers = ["Accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"]
        let whole = await wire("GET", "/apis", headers: accept)
        #expect(try JSON.parse(whole.text).kind == "APIGroupDiscoveryList")
        var again: Headers = accept
        again["If-None-Match"] = whole.headers["Etag"]
        #expect(await wire("GET", "/apis", headers: again).status == 304)
    }
}
