// Objects in, routes out: upstream's matching rules line by line.

import KubeModel
import KubeNet
import KubeWire
import Testing

@testable import KubeIngress

/// An Ingress of our class; each rule is (host, path type, path, service).
func ingress(
    _ name: String, _ rules: [(String, String, String, String)], className: String? = "apus", age: Int = 0,
    spec: JSON = [:]
) -> JSON {
    var object: JSON = ["apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "spec": spec]
    object.metadata = [
        "name": .string(name), "namespace": "shop", "generation": 1,
        "creationTimestamp": .string("2026-01-01T00:00:0\(9 - age)Z"),
    ]
    if let className { object.spec.ingressClassName = .string(className) }
    if !rules.isEmpty {
        object.spec.rules = .array(
            rules.map { host, type, path, service in
                var rule: JSON = ["http": ["paths": [[
                    "path": .string(path), "pathType": .string(type),
                    "backend": ["service": ["name": .string(service), "port": ["number": 80]]],
                ]]]]
                if !host.isEmpty { rule.host = .string(host) }
                return rule
            })
    }
    return object
}

/// Services `a`…`f`, each with one address that ends in its letter's number.
struct Shop: Sendable {
    var services: [String: JSON] = [:]
    var slices: [String: [JSON]] = [:]
    var secrets: [String: JSON] = [:]
    var classes: [JSON] = [
        ["metadata": ["name": "apus"], "spec": ["controller": "apus.dev/ingress"]],
        ["metadata": ["name": "nginx"], "spec": ["controller": "k8s.io/ingress-nginx"]],
    ]

    init() {
        for (i, name) in ["a", "b", "c", "d", "e", "f"].enumerated() {
            services[name] = ["spec": ["ports": [["name": "http", "port": 80], ["name": "admin", "port": 81]]]]
            slices[name] = [
                [
                    "addressType": "IPv4", "ports": [["name": "http", "port": 8080], ["name": "admin", "port": 9090]],
                    "endpoints": [["addresses": [.string("10.0.0.\(i + 1)")], "conditions": ["ready": true]]],
                ]
            ]
        }
    }

    func plan(_ ingresses: JSON...) -> IngressPlan {
        let copy: Shop = self
        return IngressPlan(
            IngressView(
                ingresses: ingresses, classes: classes, service: { _, name in copy.services[name] },
                slices: { _, name in copy.slices[name] ?? [] }, secret: { _, name in copy.secrets[name] }))
    }
}

/// The service behind a host and path, `404` or `503`.
func target(_ plan: IngressPlan, _ host: String, _ path: String) -> String {
    switch plan.table.route(host: host, path: path) {
    case .noRule: "404"
    case .unavailable: "503"
    case .backend(let key, _): key.service
    }
}

@Suite struct PlanTests {
    /// https://kubernetes.io/docs/concepts/services-networking/ingress/#examples
    @Test(arguments: [
        ("Prefix", "/", "/any/thing", true), ("Exact", "/foo", "/foo", true), ("Exact", "/foo", "/bar", false),
        ("Exact", "/foo", "/foo/", false), ("Exact", "/foo/", "/foo", false), ("Prefix", "/foo", "/foo", true),
        ("Prefix", "/foo", "/foo/", true), ("Prefix", "/foo/", "/foo", true), ("Prefix", "/foo/", "/foo/", true),
        ("Prefix", "/aaa/bb", "/aaa/bbb", false), ("Prefix", "/aaa/bbb", "/aaa/bbb", true),
        ("Prefix", "/aaa/bbb/", "/aaa/bbb", true), ("Prefix", "/aaa/bbb", "/aaa/bbb/", true),
        ("Prefix", "/aaa/bbb", "/aaa/bbb/ccc", true), ("Prefix", "/aaa/bbb", "/aaa/bbbxyz", false),
        ("Prefix", "/Foo", "/foo", false), ("Exact", "/a b", "/a%20b", true), ("Prefix", "/a", "/a%2Fb", false),
        ("ImplementationSpecific", "/foo", "/foo/bar", true), ("ImplementationSpecific", "", "/x", true),
    ]) func paths(type: String, rule: String, request: String, matches: Bool) {
        let plan: IngressPlan = Shop().plan(ingress("i", [("", type, rule, "a")]))
        #expect(target(plan, "any.example", request) == (matches ? "a" : "404"))
    }

    @Test(arguments: [
        ("foo.bar.com", "a"), ("FOO.bar.com.", "a"), ("foo.bar.com:8080", "a"), ("x.foo.com", "b"), ("foo.com", "c"),
        ("x.y.foo.com", "c"), ("exact.foo.com", "d"), ("other", "c"), ("[::1]:80", "c"), ("", "c"),
    ]) func hosts(host: String, service: String) {
        let plan: IngressPlan = Shop().plan(
            ingress(
                "i",
                [
                    ("foo.bar.com", "Prefix", "/", "a"), ("*.foo.com", "Prefix", "/", "b"), ("", "Prefix", "/", "c"),
                    ("exact.foo.com", "Prefix", "/", "d"),
                ]))
        #expect(target(plan, host, "/") == service)
    }

    @Test func theLongestPathGoesFirstAndExactBeforePrefix() {
        let plan: IngressPlan = Shop().plan(
            ingress(
                "i",
                [
                    ("h", "Prefix", "/", "a"), ("h", "Prefix", "/x", "b"), ("h", "Exact", "/x", "c"),
                    ("h", "Prefix", "/x/y", "d"),
                ]))
        #expect(["/", "/x", "/x/", "/x/y/z", "/q"].map { target(plan, "h", $0) } == ["a", "c", "b", "d", "a"])
    }

    @Test func theOlderIngressWins() {
        let (young, old) = (
            ingress("a", [("h", "Prefix", "/", "a")]), ingress("z", [("h", "Prefix", "/", "b")], age: 5)
        )
        #expect(target(Shop().plan(young, old), "h", "/") == "b")
    }

    @Test func onlyIngressesOfOurClassesCount() {
        var legacy: JSON = ingress("l", [("legacy", "Prefix", "/", "a")], className: nil)
        legacy.metadata.annotations = ["kubernetes.io/ingress.class": "apus"]
        let plan: IngressPlan = Shop().plan(
            ingress("n", [("n", "Prefix", "/", "a")], className: "nginx"),
            ingress("m", [("m", "Prefix", "/", "a")], className: "missing"),
            ingress("o", [("o", "Prefix", "/", "a")], className: nil), legacy)
        #expect(["n", "m", "o", "legacy"].map { target(plan, $0, "/") } == ["404", "404", "404", "a"])
        #expect(plan.faults.keys.map { $0.name } == ["l"])
    }

    @Test func theDefaultBackendTakesWhatNoRuleTakes() {
        let spec: JSON = ["defaultBackend": ["service": ["name": "f", "port": ["name": "admin"]]]]
        var withHost: JSON = ingress("i", [("h", "Exact", "/x", "a")], spec: spec)
        withHost.spec.rules = .array(withHost.spec.rules.elements + [["host": "bare"]])
        let plan: IngressPlan = Shop().plan(withHost)
        #expect(["h", "other", "bare"].map { target(plan, $0, "/y") } == ["f", "f", "f"])
        #expect(
            plan.table.route(host: "q", path: "/")
                == .backend(
                    BackendKey(namespace: "shop", service: "f", port: "admin"), [.tcp(host: "10.0.0.6", port: 9090)]))
    }

    @Test func endpointsThatEndServeOnlyAsALastResort() {
        var shop: Shop = Shop()
        let ending: JSON = [
            "addresses": ["10.0.0.8"], "conditions": ["ready": false, "serving": true, "terminating": true],
        ]
        let dead: JSON = ["addresses": ["10.0.0.9"], "conditions": ["ready": false, "serving": false]]
        func addresses(_ endpoints: [JSON]) -> [Endpoint]? {
            shop.slices["a"] = [
                ["addressType": "IPv4", "ports": [["name": "http", "port": 8080]], "endpoints": .array(endpoints)]
            ]
            return shop.plan(ingress("i", [("h", "Prefix", "/", "a")])).table.endpoints.values.first
        }
        #expect(addresses([["addresses": ["10.0.0.7"]], ending, dead]) == [.tcp(host: "10.0.0.7", port: 8080)])
        #expect(addresses([ending, dead]) == [.tcp(host: "10.0.0.8", port: 8080)])
        #expect(addresses([dead]) == [])
    }

    @Test func whatIsMissingIsTold() {
        var shop: Shop = Shop()
        shop.services["out"] = ["spec": ["type": "ExternalName", "externalName": "localhost", "ports": [["port": 80]]]]
        shop.secrets["bad"] = ["data": ["tls.crt": "eA==", "tls.key": "eA=="]]
        var plan: IngressPlan = shop.plan(
            ingress(
                "i", [("h", "Prefix", "/", "none"), ("h2", "Prefix", "/", "out")],
                spec: [
                    "defaultBackend": ["service": ["name": "a", "port": ["name": "nope"]]],
                    "tls": [["hosts": ["h"], "secretName": "bad"], ["secretName": "gone"]],
                ]))
        var pairs: KeyPairs = KeyPairs()
        #expect(pairs.parse(&plan).isEmpty)
        #expect(["h", "h2", "x"].map { target(plan, $0, "/") } == ["503", "503", "503"])
        let messages: [String] = plan.faults.values.flatMap { $0 }.map { $0.message }.sorted()
        #expect(
            messages == [
                "could not find port \"nope\" in service \"shop/a\"",
                "could not find secret \"shop/gone\" of type kubernetes.io/tls",
                "could not find service \"shop/none\"",
                "secret \"shop/bad\" is not usable: tls: failed to find any PEM data in certificate input",
                "service \"shop/out\" is of type ExternalName, which is not supported",
            ])
        // Each is told once.
        var memory: EventMemory = EventMemory()
        #expect(memory.news(plan) { _ in 1 }.count == 6)
        #expect(memory.news(plan) { _ in 1 }.isEmpty)
        #expect(memory.news(plan) { _ in 2 }.map { $0.fault.message } == ["Scheduled for sync"])
    }

    @Test func statusesAreWrittenAndTakenAway() {
        let address: IngressAddress = IngressAddress(host: "127.0.0.1", httpPort: 8080, httpsPort: 8443)
        var object: JSON = ingress("i", [])
        let entries: JSON = IngressStatus.entries(address)
        #expect(IngressStatus.change(object, isOurs: true, address) == entries)
        #expect(IngressStatus.change(object, isOurs: false, address) == nil)
        object.status.loadBalancer.ingress = entries
        #expect(IngressStatus.change(object, isOurs: true, address) == nil)
        #expect(IngressStatus.change(object, isOurs: false, address) == [])
    }
}

@Suite struct BalancerTests {
    @Test func theLeastBusyTakesTheNextAndEqualsTakeTurns() {
        let all: [Endpoint] = (1...3).map { .tcp(host: "10.0.0.\($0)", port: 80) }
        var balancer: Balancer = Balancer()
        #expect(Set((0..<3).compactMap { _ in balancer.pick(all) }) == Set(all))
        balancer.release(all[1])
        #expect(balancer.pick(all) == all[1])
        balancer.release(all[2])
        #expect(balancer.pick(all, avoiding: [all[2]]) != all[2])
        #expect(balancer.pick(all, avoiding: Set(all)) == nil)
        #expect(balancer.pick([]) == nil)
        #expect(balancer.openRequests(all[2]) == 0)
    }
}

@Suite struct ForwardedHeadersTests {
    @Test func fieldsOfOneConnectionAndFalseOriginsAreDropped() {
        var request: HTTPRequest = HTTPRequest(method: "GET", path: "/", remoteAddress: "10.1.1.1:999")
        for (name, value) in [
            ("Host", "h"), ("connection", "keep-alive, X-Mine"), ("X-Mine", "1"), ("X-Forwarded-For", "6.6.6.6"),
            ("Transfer-Encoding", "chunked"), ("cookie", "a=1"), ("cookie", "b=2"), ("Accept", "*/*"),
        ] { request.headers.add(name, value) }
        let onward: Headers = ForwardedHeaders.onward(request, scheme: "https", port: 8443, upgrades: false)
        #expect(onward["X-Mine"] == nil && onward["Connection"] == nil && onward["Transfer-Encoding"] == nil)
        #expect(onward.all("X-Forwarded-For") == ["10.1.1.1"] && onward.all("Cookie") == ["a=1; b=2"])
        #expect(onward["X-Forwarded-Proto"] == "https" && onward["X-Forwarded-Port"] == "8443")
        #expect(onward["Host"] == "h" && onward["X-Forwarded-Host"] == "h" && onward["Accept"] == "*/*")
    }
}
