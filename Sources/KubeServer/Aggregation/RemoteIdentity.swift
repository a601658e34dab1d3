// Who asks, told to an aggregated API server by headers that our front-proxy certificate vouches for.

import KubeModel
import KubeNet

/// The client certificate that aggregated API servers trust (`requestheader-client-ca-file`).
package struct FrontProxyIdentity: Sendable {
    package var certificatePEM: String
    package var keyPEM: String
    package init(certificatePEM: String, keyPEM: String) {
        self.certificatePEM = certificatePEM
        self.keyPEM = keyPEM
    }
}

enum RemoteIdentity {
    static let extraPrefix: String = "X-Remote-Extra-"
    /// As whom the server looks at an aggregated API by itself.
    static let aggregator: UserInfo = UserInfo(name: "system:kube-aggregator", groups: [UserInfo.Group.masters])
    /// Of one hop only (RFC 9110 section 7.6.1); `Upgrade` and `Connection` stay when an upgrade is asked for.
    static let hops: [String] = [
        "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "TE", "Trailer", "Transfer-Encoding",
    ]

    /// The request as it goes on: the caller's credentials are replaced by the caller's name.
    static func onward(_ request: HTTPRequest, as user: UserInfo) -> HTTPRequest {
        var onward: HTTPRequest = request
        onward.peer = nil
        onward.headers.pairs.removeAll { header in
            let name: String = header.name.lowercased()
            return name == "authorization" || name == "host" || name == "content-length" || name == "accept-encoding"
                || name.hasPrefix("x-remote-") || name.hasPrefix("impersonate-")
        }
        for hop in hops { onward.headers[hop] = nil }
        if request.headers["Upgrade"] == nil { onward.headers["Connection"] = nil }
        onward.headers.add("X-Remote-User", user.name)
        if !user.uid.isEmpty { onward.headers.add("X-Remote-Uid", user.uid) }
        for group in user.groups { onward.headers.add("X-Remote-Group", group) }
        for (key, values) in user.extra.sorted(by: { $0.key < $1.key }) {
            for value in values { onward.headers.add(extraPrefix + escaped(key), value) }
        }
        let client: String = String(request.remoteAddress.prefix { $0 != ":" })
        if !client.isEmpty {
            let before: [String] = request.headers.all("X-Forwarded-For")
            onward.headers["X-Forwarded-For"] = (before + [client]).joined(separator: ", ")
        }
        return onward
    }

    /// A key of `extra` as part of a header's name: what is no token character (RFC 9110) is percent-encoded.
    static func escaped(_ key: String) -> String {
        var out: String = ""
        let hex: [Character] = Array("0123456789ABCDEF")
        for c in key.utf8 {
            let isLetter: Bool = (c | 0x20) >= 97 && (c | 0x20) <= 122
            let isToken: Bool = isLetter || (c >= 48 && c <= 57) || "!#$&'*+-.^_`|~".utf8.contains(c)
            if isToken {
                out.unicodeScalars.append(Unicode.Scalar(c))
            } else {
                out += "%\(hex[Int(c >> 4)])\(hex[Int(c & 15)])"
            }
        }
        return out
    }
}
