// What a path and a method ask for: k8s.io/apiserver/pkg/endpoints/request.RequestInfo.

import KubeModel
import KubeNet
import KubeWire

struct RequestInfo: Sendable {
    var path: String
    /// The API verb, or the lower-case method for paths that name no resource.
    var verb: String
    var isResourceRequest: Bool = false
    var group: String = ""
    var version: String = ""
    var resource: String = ""
    var subresource: String = ""
    var namespace: String = ""
    var name: String = ""
    /// `/api/v1//pods`: nobody's path. What is behind a proxy's may have any form.
    var hasEmptySegment: Bool = false
    /// After the subresource, with its slash, still encoded.
    var subpath: String = ""

    var gvr: GroupVersionResource { GroupVersionResource(group: group, version: version, resource: resource) }

    init(_ request: HTTPRequest, _ query: Query) {
        path = PercentCoding.decode(Array(request.path.utf8))
        verb = request.method.lowercased()
        let raw: [Substring] = request.path.split(separator: "/", omittingEmptySubsequences: true)
        var rest: ArraySlice<Substring>
        if raw.count >= 3, raw[0] == "api" {
            version = String(raw[1])
            rest = raw[2...]
        } else if raw.count >= 4, raw[0] == "apis" {
            group = String(raw[1])
            version = String(raw[2])
            rest = raw[3...]
        } else {
            return
        }
        isResourceRequest = true
        var isWatch: Bool = query.flag("watch") && query["watch"] != nil
        if rest.first == "watch", rest.count > 1 {
            isWatch = true
            rest = rest.dropFirst()
        }
        read(Array(rest), query)
        hasEmptySegment = !isConnect && RequestInfo.hasEmptySegment(request.path)
        verb = RequestInfo.verb(request.method, hasName: !name.isEmpty, isWatch: isWatch, verb)
        // A list of one by name is judged as a get of that name.
        if verb == "list" || verb == "watch", name.isEmpty, let selector = query.text("fieldSelector"),
            let one = (try? FieldSelector(parsing: selector))?.requiredValue(of: "metadata.name")
        {
            name = one
        }
    }

    private mutating func read(_ rest: [Substring], _ query: Query) {
        func decoded(_ part: Substring) -> String { PercentCoding.decode(Array(part.utf8)) }
        var parts: [Substring] = rest
        if parts[0] == "namespaces", parts.count > 1 {
            namespace = decoded(parts[1])
            if parts.count > 2, parts[2] != "status", parts[2] != "finalize" { parts = Array(parts[2...]) }
        }
        resource = decoded(parts[0])
        if parts.count > 1 { name = decoded(parts[1]) }
        if parts.count > 2 { subresource = decoded(parts[2]) }
        if parts.count > 3 { subpath = "/" + parts[3...].joined(separator: "/") }
    }

    private static func hasEmptySegment(_ path: String) -> Bool {
        var slashes: Int = 0
        var isInside: Bool = false
        for byte in path.utf8 {
            if byte == UInt8(ascii: "/") {
                slashes += 1
            } else {
                // Slashes around the whole path are nothing.
                if isInside, slashes > 1 { return true }
                isInside = true
                slashes = 0
            }
        }
        return false
    }

    private static func verb(_ method: String, hasName: Bool, isWatch: Bool, _ other: String) -> String {
        switch method {
        case "POST": "create"
        case "PUT": "update"
        case "PATCH": "patch"
        case "DELETE": hasName ? "delete" : "deletecollection"
        case "GET", "HEAD": isWatch ? "watch" : hasName ? "get" : "list"
        default: other
        }
    }

    func attributes(_ user: UserInfo, _ query: Query) -> RequestAttributes {
        guard isResourceRequest else { return RequestAttributes(user: user, verb: verb, path: path) }
        var a: RequestAttributes = RequestAttributes(
            user: user, verb: verb, gvr, subresource: subresource, namespace: namespace, name: name)
        a.path = path
        a.fieldSelector = query["fieldSelector"] ?? ""
        a.labelSelector = query["labelSelector"] ?? ""
        return a
    }

    /// Requests that may last: they neither count against the limit in flight nor time out.
    var isLongRunning: Bool {
        verb == "watch" || (!subresource.isEmpty && Registry.connects.contains(subresource))
    }
    /// Opens a stream to a pod or node: the verb CONNECT in metrics.
    var isConnect: Bool { !subresource.isEmpty && subresource != "log" && Registry.connects.contains(subresource) }
    var isWrite: Bool { !["get", "list", "watch", "head", "options"].contains(verb) }
}
