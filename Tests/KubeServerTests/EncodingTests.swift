import KubeAPI
import KubeModel
import KubeNet
import KubeServer
import KubeWire
import Synchronization
import Testing

/// CBOR, gzip and what is said to clients that ask for other forms.
@Suite struct EncodingTests {
    private func exchange(
        _ server: APIServer, _ method: String, _ path: String, _ body: [UInt8] = [], _ headers: Headers
    ) async -> (status: Int, headers: Headers, body: [UInt8]) {
        let parts: [Substring] = path.split(separator: "?", maxSplits: 1)
        let response: HTTPResponse = await server.respond(
            to: HTTPRequest(
                method: method, path: String(parts[0]), rawQuery: parts.count > 1 ? String(parts[1]) : "",
                headers: headers,
                body: body, peer: Fixture.admin))
        let sink: ByteSink = ByteSink()
        switch response.body {
        case .bytes(let bytes): try? await sink.write(bytes)
        case .stream(let run): try? await run(sink)
        case .upgrade: break
        }
        return (response.status, response.headers, sink.all)
    }

    @Test func builtInKindsTravelAsCBOR() async throws {
        let server: APIServer = try await Fixture.server()
        let cbor: Headers = ["Accept": "application/cbor", "Content-Type": "application/cbor"]
        let sent: JSON = [
            "apiVersion": "v1", "kind": "Secret", "metadata": ["name": "s"], "data": ["k": "AQID"], "type": "Opaque",
        ]
        let made = await exchange(server, "POST", "/api/v1/namespaces/default/secrets", CBOR.encode(sent), cbor)
        #expect(made.status == 201)
        #expect(made.headers["Content-Type"] == "application/cbor")
        #expect(made.body.starts(with: CBOR.mark))
        // data is bytes with tag 22.
        #expect(made.body.contains([0x41, 0x6B, 0xD6, 0x43, 1, 2, 3]))
        let object: JSON = try CBOR.parse(made.body)
        #expect(object.data == ["k": "AQID"] && object.kind == "Secret")
        let list = await exchange(
            server, "GET", "/api/v1/namespaces/default/secrets", [], ["Accept": "application/cbor"])
        #expect(try CBOR.parse(list.body)["items"][0].metadata.name == "s")
        let table = await exchange(
            server, "GET", "/api/v1/namespaces/default/secrets", [],
            ["Accept": "application/cbor;as=Table;g=meta.k8s.io;v=v1"])
        #expect(try CBOR.parse(table.body).rows[0].cells[0] == "s")
        let missing = await exchange(
            server, "GET", "/api/v1/namespaces/default/secrets/x", [], ["Accept": "application/cbor"])
        #expect(missing.status == 404)
        #expect(try CBOR.parse(missing.body).reason == "NotFound")
        let torn = await exchange(
            server, "POST", "/api/v1/namespaces/default/secrets", Array(CBOR.encode(sent).dropLast()), cbor)
        #expect(torn.status == 400)
    }

    @Test func applyAndWatchInCBOR() async throws {
        let server: APIServer = try await Fixture.server()
        let sent: JSON = ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "c"], "data": ["a": "b"]]
        let applied = await exchange(
            server, "PATCH", "/api/v1/namespaces/default/configmaps/c?fieldManager=me", CBOR.encode(sent),
            ["Accept": "application/cbor", "Content-Type": "application/apply-patch+cbor"])
        #expect(applied.status == 201)
        let watch = await exchange(
            server, "GET", "/api/v1/namespaces/default/configmaps?watch=true&timeoutSeconds=1", [],
            ["Accept": "application/cbor"])
        #expect(watch.headers["Content-Type"] == "application/cbor-seq")
        let events: [JSON] = try CBOR.parseSequence(watch.body)
        #expect(events.first?.type == "ADDED")
        #expect(events.first?.object.data == ["a": "b"])
    }

    @Test func largeAnswersAreCompressedForThoseWhoTakeIt() async throws {
        let server: APIServer = try await Fixture.server()
        let call: Caller = Caller(server)
        for i in 0..<3 {
            _ = try await call(
                .create, API.configMaps, "", Fixture.configMap("c\(i)", ["a": String(repeating: "x", count: 60_000)]))
        }
        let path: String = "/api/v1/namespaces/default/configmaps"
        let plain = await exchange(server, "GET", path, [], [:])
        #expect(plain.headers["Content-Encoding"] == nil && plain.body.count > 128 << 10)
        let packed = await exchange(server, "GET", path, [], ["Accept-Encoding": "gzip"])
        #expect(packed.headers["Content-Encoding"] == "gzip" && packed.headers["Vary"] == "Accept-Encoding")
        #expect(packed.body.count < plain.body.count / 10)
        #expect(Gzip.decompress(packed.body, bytesMax: 1 << 20) == plain.body)
        let small = await exchange(server, "GET", path + "/c0", [], ["Accept-Encoding": "gzip"])
        #expect(small.headers["Content-Encoding"] == nil)
        let refused = await exchange(server, "GET", path, [], ["Accept-Encoding": "gzip;q=0"])
        #expect(refused.headers["Content-Encoding"] == nil)
    }

    @Test func otherFormsAreRefusedByName() async throws {
        let server: APIServer = try await Fixture.server()
        let path: String = "/api/v1/namespaces/default/configmaps"
        let accept = await exchange(server, "GET", path, [], ["Accept": "text/html"])
        #expect(accept.status == 406)
        let status: JSON = try JSON.parse(accept.body)
        #expect(status.reason == "NotAcceptable")
        #expect(
            status.message
                == "only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf, application/cbor"
        )
        let content = await exchange(server, "POST", path, Array("{}".utf8), ["Content-Type": "text/html"])
        #expect(content.status == 415)
        #expect(try JSON.parse(content.body).reason == "UnsupportedMediaType")
    }

    @Test func discoveryIsNegotiated() async throws {
        let server: APIServer = try await Fixture.server()
        let aggregated: String = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
        let whole = await exchange(server, "GET", "/apis", [], ["Accept": aggregated + ",application/json"])
        #expect(whole.headers["Content-Type"] == aggregated)
        #expect(try JSON.parse(whole.body).kind == "APIGroupDiscoveryList")
        let etag: String = try #require(whole.headers["Etag"])
        #expect(
            await exchange(server, "GET", "/apis", [], ["Accept": aggregated, "If-None-Match": etag]).status == 304)
        let unknown: String = "application/json;g=apidiscovery.k8s.io;v=v7;as=APIGroupDiscoveryList"
        #expect(await exchange(server, "GET", "/apis", [], ["Accept": unknown]).status == 406)
        let fallback = await exchange(server, "GET", "/apis", [], ["Accept": unknown + ",application/json"])
        #expect(try JSON.parse(fallback.body).kind == "APIGroupList")
        let protobuf = await exchange(server, "GET", "/apis", [], ["Accept": "application/vnd.kubernetes.protobuf"])
        #expect(protobuf.headers["Content-Type"] == "application/vnd.kubernetes.protobuf")
        #expect(protobuf.body.starts(with: Array("k8s\0".utf8)))
        #expect(await exchange(server, "GET", "/apis", [], ["Accept": "text/html"]).status == 406)
    }

    @Test func customObjectsHaveNoProtobuf() async throws {
        let server: APIServer = try await Fixture.server()
        let call: Caller = Caller(server)
        _ = try await call(
            .create, API.customResourceDefinitions, namespace: "", DefinitionRulesTests.definition(["type": "object"]))
        _ = try await call(.create, CustomObjectTests.resource, "", CustomObjectTests.object("a", [:]))
        let path: String = "/apis/stable.example.com/v1/namespaces/default/crontabs"
        let both = await exchange(
            server, "GET", path, [], ["Accept": "application/vnd.kubernetes.protobuf, application/json"])
        #expect(both.headers["Content-Type"] == "application/json")
        #expect(
            await exchange(server, "GET", path, [], ["Accept": "application/vnd.kubernetes.protobuf"]).status == 406)
        let metadata = await exchange(
            server, "GET", path, [],
            ["Accept": "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"])
        #expect(metadata.headers["Content-Type"] == "application/vnd.kubernetes.protobuf" && metadata.status == 200)
        let sent = await exchange(
            server, "POST", path, Array("k8s\0".utf8), ["Content-Type": "application/vnd.kubernetes.protobuf"])
        #expect(sent.status == 415)
    }

    @Test func keysThatStandTwiceInYAMLAreTold() async throws {
        let server: APIServer = try await Fixture.server()
        let path: String = "/api/v1/namespaces/default/configmaps"
        let body: [UInt8] = Array("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndata:\n  a: b\n  a: c\n".utf8)
        let strict = await exchange(
            server, "POST", path + "?fieldValidation=Strict", body, ["Content-Type": "application/yaml"])
        #expect(strict.status == 400)
        #expect(
            try JSON.parse(strict.body).message.text.hasSuffix(
                "strict decoding error: yaml: unmarshal errors:\n  line 7: key \"a\" already set in map"))
        let applied = await exchange(
            server, "PATCH", path + "/c?fieldManager=me&fieldValidation=Strict", body,
            ["Content-Type": "application/apply-patch+yaml"])
        #expect(
            try JSON.parse(applied.body).message.text.hasPrefix(
                "error strict decoding YAML: error converting YAML to JSON: "))
        let warned = await exchange(server, "POST", path, body, ["Content-Type": "application/yaml"])
        #expect(warned.status == 201)
        #expect(warned.headers["Warning"] == "299 - \"line 7: key \\\"a\\\" already set in map\"")
    }

    @Test func openAPIDocumentsAreNamedByTheirHashes() async throws {
        let server: APIServer = try await Fixture.server()
        let index = await exchange(server, "GET", "/openapi/v3", [], [:])
        let url: String = try JSON.parse(index.body).paths["apis/apps/v1"].serverRelativeURL.text
        let document = await exchange(server, "GET", url, [], [:])
        #expect(document.status == 200)
        #expect(document.headers["Cache-Control"]?.contains("immutable") == true)
        let etag: String = try #require(document.headers["Etag"])
        #expect(url.hasSuffix("hash=" + etag.dropFirst().dropLast()))
        let again = await exchange(server, "GET", url, [], ["If-None-Match": etag])
        #expect(again.status == 304 && again.body.isEmpty)
        let old = await exchange(server, "GET", "/openapi/v3/apis/apps/v1?hash=OLD", [], [:])
        #expect(old.status == 301 && old.headers["Location"] == url)
        _ = try await Caller(server)(
            .create, API.customResourceDefinitions, namespace: "",
            DefinitionRulesTests.definition(
                ["type": "object", "description": "A tab."], version: ["selectableFields": .null]))
        let after: JSON = try JSON.parse(await exchange(server, "GET", "/openapi/v3", [], [:]).body)
        #expect(after.paths["apis/apps/v1"].serverRelativeURL.text == url)
        let custom: String = after.paths["apis/stable.example.com/v1"].serverRelativeURL.text
        let made: JSON = try JSON.parse(await exchange(server, "GET", custom, [], [:]).body)
        #expect(made.components.schemas["com.example.stable.v1.CronTab"]["description"] == "A tab.")
    }
}

final class ByteSink: BodyWriter {
    private let bytes: Mutex<[UInt8]> = Mutex([])
    func write(_ more: [UInt8]) async throws { bytes.withLock { $0 += more } }
    var all: [UInt8] { bytes.withLock { $0 } }
}
