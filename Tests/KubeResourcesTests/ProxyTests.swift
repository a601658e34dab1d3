// Proxied names, targets, paths and links, as values.

import KubeModel
import KubeNet
import KubeWire
import Testing

@testable import KubeResources

@Suite struct ProxyTests {
    @Test func namesAreTakenApart() {
        #expect(ProxyName("web") == ProxyName("web"))
        #expect(ProxyName("web:http")?.port == "http")
        #expect(ProxyName("https:web:8443")?.scheme == "https" && ProxyName("https:web:")?.name == "web")
        #expect(ProxyName("ftp:web:1") == nil && ProxyName("a:b:c:d") == nil && ProxyName(":80") == nil)
    }

    private static let pod: JSON = [
        "spec": ["containers": [["name": "a"], ["name": "b", "ports": [["name": "web", "containerPort": 8080]]]]],
        "status": ["podIP": "10.1.0.9"],
    ]

    @Test func podsHavePorts() throws {
        func target(_ name: String) throws -> ProxyTarget { try .pod(Self.pod, try #require(ProxyName(name))) }
        #expect(try target("p") == ProxyTarget(isTLS: false, host: "10.1.0.9", port: 8080))
        #expect(try target("p:web").port == 8080 && target("https:p:443").isTLS)
        #expect(throws: StatusError.self) { try target("p:none") }
        #expect(throws: StatusError.badRequest("address not allowed")) {
            try ProxyTarget.pod(["status": ["podIP": "127.0.0.1"]], try #require(ProxyName("p")))
        }
    }

    @Test func servicesHaveEndpoints() throws {
        let service: JSON = ["spec": ["ports": [["name": "web", "port": 80], ["name": "tls", "port": 443]]]]
        let slice: JSON = [
            "ports": [["name": "web", "port": 8080]],
            "endpoints": [["addresses": ["10.1.0.9"]], ["addresses": ["10.1.0.8"], "conditions": ["ready": false]]],
        ]
        func targets(_ name: String, _ slices: [JSON]) throws -> [ProxyTarget] {
            try ProxyTarget.service(service, slices, try #require(ProxyName(name)), asked: name)
        }
        #expect(try targets("s:80", [slice]) == [ProxyTarget(isTLS: false, host: "10.1.0.9", port: 8080)])
        #expect(try targets("https:s:web", [slice])[0].isTLS)
        #expect(throws: StatusError.serviceUnavailable("no service port 81 found for service \"s\"")) {
            try targets("s:81", [slice])
        }
        #expect(throws: StatusError.serviceUnavailable("no endpoints available for service \"s:tls\"")) {
            try targets("s:tls", [slice])
        }
    }

    @Test(arguments: [
        ("/api/v1/namespaces/n/pods/p/proxy", ""), ("/api/v1/namespaces/n/pods/p/proxy/", "/"),
        ("/api/v1/namespaces/n/services/p:80/proxy/a//b/", "/a//b/"), ("/api/v1/nodes/n/proxy/x%2Fy", "/x%2Fy"),
        ("/api/v1/nodes/n/proxy", ""),
    ])
    func restOfPathIsExact(_ path: String, _ rest: String) { #expect(EndpointProxy.rest(of: path) == rest) }

    @Test func nothingBehindProxyGetsASlash() {
        let bare: HTTPRequest = HTTPRequest(
            method: "GET", path: "/api/v1/namespaces/n/pods/p/proxy", rawQuery: "a=b")
        #expect(EndpointProxy.redirect(bare)?.headers["Location"] == "/api/v1/namespaces/n/pods/p/proxy/?a=b")
        var post: HTTPRequest = bare
        post.method = "POST"
        #expect(EndpointProxy.redirect(post) == nil)
    }

    private static let links: ProxiedLinks = ProxiedLinks(
        prefix: "/x/proxy", serverAuthority: "10.1.0.9:80", requestAuthority: "localhost:6443")

    @Test(arguments: [
        ("/a?b#c", "/x/proxy/a?b#c"), ("/", "/x/proxy/"), ("a/b", "a/b"), ("?q", "?q"), ("#f", "#f"),
        ("http://10.1.0.9:80/a/", "/x/proxy/a/"), ("https://localhost:6443/a", "/x/proxy/a"),
        ("https://example.com/a", "https://example.com/a"), ("//example.com/a", "//example.com/a"),
        ("mailto:a@b", "mailto:a@b"), ("/x/proxy/a", "/x/proxy/a"), ("/a/../b", "/x/proxy/b"),
        ("javascript:void(0)", "javascript:void(0)"),
    ])
    func linksLeadBack(_ link: String, _ expected: String) { #expect(Self.links.rewritten(link) == expected) }

    private static let page: String = """
        <!doctype html><!-- <a href="/no"> --><HTML><body background='/bg.png'>
        <a class=x href="/one">1</a> <a href=/two>2</a><img src='/i.png' alt="/no"/><p title="/no">3 < 4</p>
        <script src="/s.js">var a = '<a href="/no">';</script><a href = "three">3</a>
        """
    private static let rewritten: String = """
        <!doctype html><!-- <a href="/no"> --><HTML><body background='/x/proxy/bg.png'>
        <a class=x href="/x/proxy/one">1</a> <a href=/x/proxy/two>2</a><img src='/x/proxy/i.png' alt="/no"/><p title="/no">3 < 4</p>
        <script src="/x/proxy/s.js">var a = '<a href="/no">';</script><a href = "three">3</a>
        """

    @Test(arguments: [1, 2, 7, 10_000]) func pagesAreRewrittenInAnyPieces(_ size: Int) {
        var rewriter: HTMLRewriter = HTMLRewriter(Self.links)
        var out: [UInt8] = []
        var rest: ArraySlice<UInt8> = Array(Self.page.utf8)[...]
        while !rest.isEmpty {
            out += rewriter.feed(Array(rest.prefix(size)))
            rest = rest.dropFirst(size)
        }
        out += rewriter.end()
        #expect(String(decoding: out, as: UTF8.self) == Self.rewritten)
    }

    @Test func hostilePagesEnd() {
        for text in ["<", "<a href=\"", "<a href", "<!--", "</", "<a =", "<a / / /", "<a href=\"/x\"\"\">", "<script>"]
        {
            var rewriter: HTMLRewriter = HTMLRewriter(Self.links)
            let out: [UInt8] = rewriter.feed(Array(text.utf8)) + rewriter.end()
            #expect(!out.isEmpty)
        }
        var rewriter: HTMLRewriter = HTMLRewriter(Self.links)
        let long: [UInt8] = Array(("<a x=\"" + String(repeating: "y", count: HTMLRewriter.tagBytesMax + 10)).utf8)
        #expect(rewriter.feed(long) == long)
    }
}
