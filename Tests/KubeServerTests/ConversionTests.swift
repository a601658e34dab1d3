// Versions converted by a webhook behind TLS: every verb, lists in one call, and answers that must not be believed.

import KubeAPI
import KubeBase
import KubeCrypto
import KubeModel
import KubeNet
import KubeServer
import KubeWire
import Logging
import Synchronization
import Testing

/// v1 has `hostPort: h:p`, v2 `host` and `port`; counts what it is asked and can be told to misbehave.
private final class Converter: HTTPResponder {
    let asked: Mutex<[Int]> = Mutex([])
    let spoil: Mutex<@Sendable (inout JSON) -> Void> = Mutex({ _ in })

    func respond(to request: HTTPRequest) async -> HTTPResponse {
        guard let review = try? JSON.parse(request.body) else { return HTTPResponse(status: 400) }
        let objects: [JSON] = review.request.objects.elements
        asked.withLock { $0.append(objects.count) }
        let version: String = review.request.desiredAPIVersion.text
        var answer: JSON = [
            "apiVersion": review.apiVersion, "kind": "ConversionReview",
            "response": [
                "uid": review.request.uid, "result": ["status": "Success"],
                "convertedObjects": .array(objects.map { Converter.converted($0, version) }),
            ],
        ]
        spoil.withLock { $0 }(&answer)
        return HTTPResponse(contentType: "application/json", answer.encoded())
    }

    private static func converted(_ object: JSON, _ version: String) -> JSON {
        var o: JSON = object
        o.apiVersion = .string(version)
        if version.hasSuffix("/v2"), let both = o.hostPort.asString {
            let parts: [Substring] = both.split(separator: ":")
            o.hostPort = .null
            o.host = .string(String(parts[0]))
            o.port = .string(String(parts[1]))
        } else if version.hasSuffix("/v1"), let host = o.host.asString {
            o.hostPort = .string(host + ":" + o.port.text)
            o.host = .null
            o.port = .null
        }
        return o
    }
}

@Suite struct ConversionTests {
    private static let v1: GroupVersionResource = GroupVersionResource("conv.example.com/v1", "hosts")
    private static let v2: GroupVersionResource = GroupVersionResource("conv.example.com/v2", "hosts")

    private static func withHosts(_ body: (APIServer, Caller, Converter) async throws -> Void) async throws {
        let ca: CertificateAuthority = try .create(commonName: "test", validity: .seconds(600))
        let serving: (certificatePEM: String, keyPEM: String) = try ca.issue(
            CertificateRequest(
                commonName: "hook", organizations: [], dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"],
                isServer: true,
                isClient: false, validity: .seconds(600)))
        let converter: Converter = Converter()
        let http: HTTPServer = try HTTPServer(
            responder: converter,
            tls: TLSServerOptions(
                certificatePEM: serving.certificatePEM, keyPEM: serving.keyPEM, clientCAPEM: ca.certificatePEM),
            log: .component("hook"))
        let port: Int = try await http.listen(host: "127.0.0.1", port: 0)
        let server: APIServer = try await Fixture.server()
        let call: Caller = Caller(server)
        func version(_ name: String, storage: Bool, _ fields: [String]) -> JSON {
            let properties: JSON = .object(JSONObject(fields.map { ($0, ["type": "string"]) }))
            return [
                "name": .string(name), "served": true, "storage": JSON(storage),
                "schema": ["openAPIV3Schema": ["type": "object", "properties": properties]],
            ]
        }
        _ = try await call(
            .create, API.customResourceDefinitions, namespace: "",
            [
                "metadata": ["name": "hosts.conv.example.com"],
                "spec": [
                    "group": "conv.example.com", "scope": "Namespaced", "names": ["plural": "hosts", "kind": "Host"],
                    "conversion": [
                        "strategy": "Webhook",
                        "webhook": [
                            "conversionReviewVersions": ["v1"],
                            "clientConfig": [
                                "url": .string("https://127.0.0.1:\(port)/convert"),
                                "caBundle": .string(Base64.encode(Array(ca.certificatePEM.utf8))),
                            ],
                        ],
                    ],
                    "versions": [
                        version("v1", storage: true, ["hostPort"]), version("v2", storage: false, ["host", "port"]),
                    ],
                ],
            ])
        try await body(server, call, converter)
        await http.shutdown(graceSeconds: 0)
        await server.close()
    }

    private static func host(_ version: String, _ name: String, _ more: JSON) -> JSON {
        var o: JSON = [
            "apiVersion": .string("conv.example.com/" + version), "kind": "Host", "metadata": ["name": .string(name)],
        ]
        for (key, value) in more.fields { o[key] = value }
        return o
    }

    @Test func everyVerbSeesItsOwnVersion() async throws {
        try await Self.withHosts { server, call, converter in
            let first: JSON = try await call(.create, Self.v1, "", Self.host("v1", "a", ["hostPort": "h:80"]))
            #expect(first.hostPort == "h:80" && converter.asked.withLock { $0.isEmpty })
            let second: JSON = try await call(.create, Self.v2, "", Self.host("v2", "b", ["host": "g", "port": "81"]))
            #expect(second.host == "g" && second.apiVersion == "conv.example.com/v2")
            #expect(try await call(.get, Self.v1, "b").hostPort == "g:81")
            converter.asked.withLock { $0 = [] }
            _ = try await call(.create, Self.v1, "", Self.host("v1", "c", ["hostPort": "i:82"]))
            let list: [JSON] = try await call(.list, Self.v2)["items"].elements
            #expect(list.map { $0.host.text } == ["h", "g", "i"])
            // Only what was not converted yet, in one call; the second list asks nobody.
            #expect(converter.asked.withLock { $0 } == [2])
            _ = try await call(.list, Self.v2)
            #expect(converter.asked.withLock { $0 } == [2])
            let patched: JSON = try await call(.patch, Self.v2, "a", ["port": "90"])
            #expect(patched.host == "h" && patched.port == "90" && patched.metadata.generation == 2)
            let applied: JSON = try await call(
                .patch, Self.v2, "a", Self.host("v2", "a", ["host": "z"]),
                query: ["fieldManager": "me", "force": "true"],
                patch: .apply)
            #expect(applied.host == "z")
            #expect(try await call(.get, Self.v1, "a").hostPort == "z:90")
            let watched = await Wire(server: server)(
                "GET", "/apis/conv.example.com/v2/namespaces/default/hosts?watch=true&timeoutSeconds=1")
            #expect(watched.text.contains("\"host\":\"z\"") && !watched.text.contains("\"hostPort\":\""))
        }
    }

    @Test func whatAConverterMayNotDo() async throws {
        try await Self.withHosts { _, call, converter in
            _ = try await call(.create, Self.v1, "", Self.host("v1", "a", ["hostPort": "h:80"]))
            let prefix: String = "conversion webhook for conv.example.com/v1, Kind=Host "
            let spoils: [(@Sendable (inout JSON) -> Void, String)] = [
                ({ $0.response.convertedObjects = [] }, "returned 0 objects, expected 1"),
                ({ $0.response.uid = "x" }, "failed: expected response.uid="),
                ({ $0.response.result = ["status": "Failure", "message": "no"] }, "failed: no"),
                ({ $0.response = .null }, "failed: no response provided"),
                (
                    { $0.response.convertedObjects[0].metadata.name = "b" },
                    "returned invalid converted object at index 0: must have the same name: a != b"
                ),
                (
                    { $0.response.convertedObjects[0].apiVersion = "conv.example.com/v3" },
                    "returned invalid converted object at index 0: invalid groupVersion (expected conv.example.com/v2, received conv.example.com/v3)"
                ),
                (
                    { $0.response.convertedObjects[0].metadata.labels = ["a": 1] },
                    "returned invalid metadata in object at index 0: metadata.labels[a] must be a string"
                ),
            ]
            for (spoil, said) in spoils {
                converter.spoil.withLock { $0 = spoil }
                do throws(StatusError) {
                    _ = try await call(.get, Self.v2, "a")
                    Issue.record("\(said): the answer was believed")
                } catch {
                    #expect(error.code == 500 && error.message.hasPrefix(prefix + said), "\(error.message)")
                }
            }
            // Labels may change, other metadata is kept.
            converter.spoil.withLock {
                $0 = {
                    $0.response.convertedObjects[0].metadata.labels = ["new": "label"]
                    $0.response.convertedObjects[0].metadata.generation = 99
                }
            }
            let seen: JSON = try await call(.get, Self.v2, "a")
            #expect(seen.metadata.labels == ["new": "label"] && seen.metadata.generation == 1)
        }
    }
}
