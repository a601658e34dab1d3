// Admission webhooks as values: who is meant, what is told, what an answer means; and whole requests through real calls.

import KubeAPI
import KubeBase
import KubeModel
import KubeNet
import KubeStore
import KubeWire
import Logging
import Synchronization
import Testing

@testable import KubeServer

/// A webhook over plain HTTP that answers what a closure says, and remembers what it was told.
private final class Hook: HTTPResponder {
    let answer: @Sendable (_ path: String, _ request: JSON) -> JSON
    let seen: Mutex<[JSON]> = Mutex([])
    init(_ answer: @escaping @Sendable (_ path: String, _ request: JSON) -> JSON) { self.answer = answer }

    func respond(to request: HTTPRequest) async -> HTTPResponse {
        guard let review = try? JSON.parse(request.body) else { return HTTPResponse(status: 400) }
        seen.withLock { $0.append(review) }
        var response: JSON = answer(request.path, review.request)
        if !response.uid.exists { response.uid = review.request.uid }
        let out: JSON = ["kind": review.kind, "apiVersion": review.apiVersion, "response": response]
        return HTTPResponse(contentType: "application/json", out.encoded())
    }
    var count: Int { seen.withLock { $0.count } }
}

private func patch(_ operations: JSON) -> JSON {
    ["allowed": true, "patchType": "JSONPatch", "patch": .string(Base64.encode(operations.encoded()))]
}

@Suite struct WebhookTests {
    private static func withServer(
        _ hook: Hook, _ body: (Caller, _ url: String) async throws -> Void
    ) async throws {
        let http: HTTPServer = try HTTPServer(responder: hook, tls: nil, log: .component("test"))
        let port: Int = try await http.listen(host: "127.0.0.1", port: 0)
        var options: APIServerOptions = APIServerOptions(
            store: LogStore.memory(), definitions: Fixture.definitions(), authorizer: { _ in MastersOnly() })
        options.admission = [MutatingWebhooks(), ValidatingWebhooks()]
        let server: APIServer = try await APIServer.open(options)
        server.markReady()
        let call: Caller = Caller(server)
        _ = try await call(.create, API.namespaces, "", namespace: "", ["metadata": ["name": "default"]])
        try await body(call, "http://127.0.0.1:\(port)")
        await http.shutdown(graceSeconds: 0)
        await server.close()
    }

    private static func configuration(
        _ name: String, _ url: String, resources: [String] = ["configmaps"], _ more: JSON = [:]
    ) -> JSON {
        var webhook: JSON = [
            "name": .string(name + ".example.com"), "clientConfig": ["url": .string(url)], "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "rules": [
                ["apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": JSON(resources)]
            ],
        ]
        for (key, value) in more.fields { webhook[key] = value }
        return ["metadata": ["name": .string(name)], "webhooks": [webhook]]
    }

    @Test func mutatesThenValidates() async throws {
        let hook: Hook = Hook { path, request in
            if path == "/validate" {
                return request.object.data.a == "changed"
                    ? ["allowed": true, "warnings": ["mind"]] : ["allowed": false]
            }
            return patch([["op": "add", "path": "/data", "value": ["a": "changed"]]])
        }
        try await Self.withServer(hook) { call, url in
            _ = try await call(
                .create, API.mutatingWebhookConfigurations, "", namespace: "", Self.configuration("m", url + "/mutate"))
            _ = try await call(
                .create, API.validatingWebhookConfigurations, "", namespace: "",
                Self.configuration("v", url + "/validate"))
            #expect(hook.count == 0)
            let made: JSON = try await call(.create, API.configMaps, "", Fixture.configMap("x"))
            #expect(made.data.a == "changed")
            #expect(hook.count == 2)
            let told: JSON = hook.seen.withLock { $0[0] }.request
            #expect(told.operation == "CREATE" && told.name == "x" && told.namespace == "default")
            #expect(told.kind == ["group": "", "version": "v1", "kind": "ConfigMap"])
            #expect(told.resource == ["group": "", "version": "v1", "resource": "configmaps"])
            #expect(told.fields["oldObject"] == .null && told.options.kind == "CreateOptions" && told.dryRun == false)
            #expect(told.userInfo.username == "system:apiserver")
        }
    }

    @Test func reinvokesWhoAskedForIt() async throws {
        let hook: Hook = Hook { path, request in
            if path == "/first" {
                return patch([["op": "add", "path": "/data/seen", "value": .string(request.object.data.late.text)]])
            }
            return patch([["op": "add", "path": "/data/late", "value": "yes"]])
        }
        try await Self.withServer(hook) { call, url in
            _ = try await call(
                .create, API.mutatingWebhookConfigurations, "", namespace: "",
                Self.configuration("a", url + "/first", ["reinvocationPolicy": "IfNeeded"]))
            _ = try await call(
                .create, API.mutatingWebhookConfigurations, "", namespace: "", Self.configuration("b", url + "/second"))
            let made: JSON = try await call(.create, API.configMaps, "", Fixture.configMap("x", ["k": "v"]))
            #expect(made.data.seen == "yes" && made.data.late == "yes")
            #expect(hook.count == 3)
        }
    }

    @Test func failurePolicyDecides() async throws {
        let hook: Hook = Hook { _, _ in ["allowed": true, "uid": "other"] }
        try await Self.withServer(hook) { call, url in
            _ = try await call(
                .create, API.validatingWebhookConfigurations, "", namespace: "", Self.configuration("v", url + "/x"))
            do {
                _ = try await call(.create, API.configMaps, "", Fixture.configMap("x"))
                Issue.record("a webhook with a wrong uid was believed")
            } catch let error as StatusError {
                #expect(error.code == 500)
                #expect(
                    error.message.hasPrefix(
                        "Internal error occurred: failed calling webhook \"v.example.com\": received invalid webhook "
                            + "response: expected response.uid="))
            }
            _ = try await call(
                .update, API.validatingWebhookConfigurations, "v", namespace: "",
                Self.configuration("v", url + "/x", ["failurePolicy": "Ignore"]))
            _ = try await call(.create, API.configMaps, "", Fixture.configMap("x"))
        }
    }

    @Test func nobodyListens() async throws {
        let hook: Hook = Hook { _, _ in ["allowed": true] }
        try await Self.withServer(hook) { call, _ in
            _ = try await call(
                .create, API.validatingWebhookConfigurations, "", namespace: "",
                Self.configuration("v", "http://127.0.0.1:1/x"))
            do {
                _ = try await call(.create, API.configMaps, "", Fixture.configMap("x"))
                Issue.record("created without the webhook")
            } catch let error as StatusError {
                #expect(
                    error.message
                        == "Internal error occurred: failed calling webhook \"v.example.com\": failed to call webhook: "
                        + "Post \"http://127.0.0.1:1/x?timeout=10s\": dial tcp 127.0.0.1:1: connect: connection refused"
                )
            }
        }
    }

    @Test func selectorsConditionsAndExemptions() async throws {
        let hook: Hook = Hook { _, _ in ["allowed": false, "status": ["code": 418, "message": "no"]] }
        try await Self.withServer(hook) { call, url in
            _ = try await call(
                .create, API.validatingWebhookConfigurations, "", namespace: "",
                Self.configuration(
                    "v", url, resources: ["*"],
                    [
                        "objectSelector": ["matchLabels": ["pick": "me"]],
                        "matchConditions": [
                            [
                                "name": "c",
                                "expression": "request.userInfo.username != 'x' && object.metadata.name != 'free'",
                            ]
                        ],
                    ]))
            _ = try await call(.create, API.configMaps, "", Fixture.configMap("a"))
            _ = try await call(.create, API.configMaps, "", Fixture.configMap("free", labels: ["pick": "me"]))
            do {
                _ = try await call(.create, API.configMaps, "", Fixture.configMap("b", labels: ["pick": "me"]))
                Issue.record("not denied")
            } catch let error as StatusError {
                #expect(error.code == 418)
                #expect(error.message == "admission webhook \"v.example.com\" denied the request: no")
            }
            // The old object's labels count too.
            await #expect(throws: StatusError.self) {
                _ = try await call(.delete, API.configMaps, "b")
                _ = try await call(
                    .update, API.configMaps, "a", Fixture.configMap("a", labels: ["pick": "me"]))
            }
            // Configurations themselves are never sent.
            var other: JSON = Self.configuration("w", url)
            other.metadata.labels = ["pick": "me"]
            _ = try await call(.create, API.validatingWebhookConfigurations, "", namespace: "", other)
        }
    }

    @Test func dryRunNeedsAPromise() async throws {
        let hook: Hook = Hook { _, _ in ["allowed": true] }
        try await Self.withServer(hook) { call, url in
            _ = try await call(
                .create, API.validatingWebhookConfigurations, "", namespace: "",
                Self.configuration("v", url, ["sideEffects": "Unknown"]))
            do {
                _ = try await call(
                    .create, API.configMaps, "", Fixture.configMap("x"), query: ["dryRun": "All"])
                Issue.record("a webhook with side effects was asked in a dry run")
            } catch let error as StatusError {
                #expect(error.code == 400)
                #expect(error.message == "admission webhook \"v.example.com\" does not support dry run")
            }
            #expect(hook.count == 0)
        }
    }

    // MARK: values

    @Test(arguments: [
        (["pods"], "", true), (["pods/*"], "", true), (["pods/*"], "status", true), (["*"], "", true),
        (["*"], "status", false), (["*/*"], "status", true), (["*/scale"], "status", false),
        (["services"], "", false), (["*/status"], "status", true),
    ])
    func rulesNameResources(_ resources: [String], _ subresource: String, _ expected: Bool) {
        let rule: WebhookRule = WebhookRule([
            "operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": JSON(resources),
        ])
        #expect(rule.matches(Self.request(subresource), as: API.pods) == expected)
    }

    @Test func rulesHaveScope() {
        func rule(_ scope: String) -> WebhookRule {
            WebhookRule([
                "operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"],
                "scope": .string(scope),
            ])
        }
        var namespaced: AdmissionRequest = Self.request()
        #expect(rule("Namespaced").matches(namespaced, as: API.pods))
        #expect(!rule("Cluster").matches(namespaced, as: API.pods))
        namespaced.namespace = ""
        #expect(rule("Cluster").matches(namespaced, as: API.nodes))
        #expect(rule("*").matches(namespaced, as: API.nodes))
        var ofNamespace: AdmissionRequest = Self.request()
        ofNamespace.resource = API.namespaces
        #expect(rule("Cluster").matches(ofNamespace, as: API.namespaces))
        #expect(!rule("Namespaced").matches(ofNamespace, as: API.namespaces))
    }

    private static func request(_ subresource: String = "") -> AdmissionRequest {
        let definition: ResourceDefinition = Fixture.definitions().first { $0.gvr == API.pods }!
        let registry: Registry = Registry(
            store: LogStore.memory(), sealer: nil, admission: [], clock: SystemTime(), eventLog: EventLogLimits())
        let context: RequestContext = RequestContext(
            verb: .create, resource: API.pods, subresource: subresource, namespace: "default", name: "p",
            user: UserInfo(name: "ann"), now: .now, registry: registry)
        return AdmissionRequest(
            .create, definition, subresource: subresource, object: ["metadata": ["name": "p"]], context: context)
    }

    private static func review(_ versions: [String]) throws -> AdmissionReview {
        let webhook: Webhook = Webhook(
            ["name": "w.example.com", "admissionReviewVersions": JSON(versions)], configuration: "c", index: 0)
        return try AdmissionReview(
            request(), as: WebhookInvocation(webhook: webhook, resource: API.pods, kind: request().kind),
            object: ["metadata": [:]], oldObject: .null, uid: "u1")
    }

    @Test func versionsAreChosen() throws {
        #expect(try Self.review(["v2", "v1beta1", "v1"]).version == "v1beta1")
        #expect(throws: AdmissionReview.Fault.self) { try Self.review(["v2"]) }
    }

    @Test(arguments: [
        ("{}", "webhook response was absent"),
        (
            #"{"response":{"uid":"u1"}}"#,
            "expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got /, Kind="
        ),
        (
            #"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"u2"}}"#,
            #"expected response.uid="u1", got "u2""#
        ),
        (
            #"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"u1","patch":"W10="}}"#,
            "webhook returned response.patch but not response.patchType"
        ),
        (
            #"{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","response":{"uid":"u1","patchType":"JSONPatch"}}"#,
            "webhook returned response.patchType but not response.patch"
        ),
    ])
    func faultyAnswers(_ answer: String, _ words: String) throws {
        let json: JSON = try JSON.parse(Array(answer.utf8))
        let review: AdmissionReview = try Self.review(["v1"])
        #expect(throws: AdmissionReview.Fault(description: words)) { try review.verdict(json, isMutating: true) }
    }

    @Test func denialsSayWhoAndAtLeast400() {
        #expect(
            AdmissionReview.denial("w", .null).message
                == "admission webhook \"w\" denied the request without explanation")
        let reason: StatusError = AdmissionReview.denial("w", ["reason": "Forbidden", "code": 403])
        #expect(reason.message == "admission webhook \"w\" denied the request: Forbidden" && reason.code == 403)
        #expect(AdmissionReview.denial("w", ["code": 200, "message": "m"]).code == 400)
    }

    @Test func reinvocationIsBounded() {
        var r: Reinvocation = Reinvocation()
        r.begin(with: "a")
        r.wasCalled("x")
        r.changed()
        r.wasCalled("y")
        r.end(with: "b")
        #expect(r.isWanted)
        r.beginSecondRound()
        r.begin(with: "b")
        #expect(r.calls("x") && !r.calls("y") && !r.calls("z"))
        // A built-in plugin changed the object since: all that were called may see it.
        r.begin(with: "c")
        #expect(r.calls("y"))
    }

    @Test func urlsAreTakenApart() throws {
        let url: OutboundURL = try #require(OutboundURL("https://u@[::1]:8443/a/b?c=d#e"))
        #expect(url.host == "::1" && url.port == 8443 && url.path == "/a/b" && url.query == "c=d")
        #expect(url.hasUserInfo && url.fragment == "e" && url.isTLS)
        #expect(OutboundURL("https://h")?.port == 443 && OutboundURL("http://h")?.description == "http://h")
        #expect(OutboundURL("ftp://h") == nil && OutboundURL("https://") == nil && OutboundURL("https://h:x") == nil)
    }

    @Test func servicesHaveAddressesOrReasons() throws {
        let service: JSON = ["spec": ["ports": [["name": "https", "port": 443]]]]
        let slice: JSON = [
            "ports": [["name": "https", "port": 8443]],
            "endpoints": [
                ["addresses": ["10.0.0.1"], "conditions": ["ready": false]], ["addresses": ["10.0.0.2"]],
            ],
        ]
        #expect(
            try ServiceAddress.candidates(name: "s", port: 443, service: service, slices: [slice])
                == [.tcp(host: "10.0.0.2", port: 8443)])
        func why(_ port: Int, _ service: JSON?, _ slices: [JSON]) -> String {
            do throws(ServiceAddress.Missing) {
                return "\(try ServiceAddress.candidates(name: "s", port: port, service: service, slices: slices))"
            } catch { return error.description }
        }
        #expect(why(443, nil, []) == "service \"s\" not found")
        #expect(why(1, service, []) == "no service port 1 found for service \"s\"")
        #expect(why(443, service, []) == "no endpoints available for service \"s\"")
    }
}
