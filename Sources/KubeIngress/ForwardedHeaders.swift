// Header fields on their way through the proxy (RFC 9110, 7.6.1; the X-Forwarded- fields that applications read).

import KubeBase
package import KubeNet

package enum ForwardedHeaders {
    /// Fields of one connection, which are not passed on.
    private static let hops: Set<String> = [
        "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade",
        "proxy-authenticate", "proxy-authorization", "expect", "http2-settings",
    ]
    /// What only we may say: a client's own words are dropped.
    private static let ours: Set<String> = [
        "x-forwarded-for", "x-forwarded-host", "x-forwarded-port", "x-forwarded-proto", "x-forwarded-scheme",
        "x-real-ip", "x-scheme", "forwarded",
    ]

    /// Without the fields of one connection, the ones named by `Connection` included.
    package static func endToEnd(_ headers: Headers) -> Headers {
        var dropped: Set<String> = hops
        for line in headers.all("Connection") {
            for name in line.split(separator: ",") {
                dropped.insert(name.drop { $0 == " " }.lowercased().filter { $0 != " " })
            }
        }
        var kept: Headers = Headers()
        kept.pairs = headers.pairs.filter { !dropped.contains($0.name.lowercased()) }
        return kept
    }

    /// The fields of a client's request as the endpoint gets them. `port` is the one that we listen on.
    package static func onward(_ request: HTTPRequest, scheme: String, port: Int, upgrades: Bool) -> Headers {
        var headers: Headers = endToEnd(request.headers)
        headers.pairs.removeAll { ours.contains($0.name.lowercased()) }
        // HTTP/2 may split cookies, HTTP/1.1 may not (RFC 9113, 8.2.3).
        let cookies: [String] = headers.all("Cookie")
        if cookies.count > 1 { headers["Cookie"] = cookies.joined(separator: "; ") }
        let address: String = bareAddress(request.remoteAddress)
        headers.add("X-Real-IP", address)
        headers.add("X-Forwarded-For", address)
        headers.add("X-Forwarded-Host", request.headers["Host"] ?? "")
        headers.add("X-Forwarded-Port", String(port))
        headers.add("X-Forwarded-Proto", scheme)
        headers.add("X-Forwarded-Scheme", scheme)
        if headers["X-Request-ID"] == nil {
            headers.add("X-Request-ID", Identifier.uid().filter { $0 != "-" })
        }
        if upgrades, let protocols = request.headers["Upgrade"] {
            headers.add("Connection", "Upgrade")
            headers.add("Upgrade", protocols)
        }
        return headers
    }

    /// `10.0.0.1:5555` → `10.0.0.1`
    private static func bareAddress(_ remote: String) -> String {
        guard let colon = remote.lastIndex(of: ":") else { return remote }
        return String(remote[..<colon].filter { $0 != "[" && $0 != "]" })
    }

    package static func asksUpgrade(_ request: HTTPRequest) -> Bool {
        request.headers["Upgrade"] != nil
            && request.headers.all("Connection").contains { line in
                line.split(separator: ",").contains { $0.filter { $0 != " " }.lowercased() == "upgrade" }
            }
    }
}
