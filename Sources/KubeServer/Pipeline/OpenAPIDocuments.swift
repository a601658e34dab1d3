// /openapi/v2 and /openapi/v3: what is served, for kubectl explain, validation and code generators.

import KubeAPI
import KubeModel
import KubeNet
import KubeWire
import Synchronization

extension APIServer {
    private static let v2Protobuf: String = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
    /// How long a document that its hash names may be kept.
    private static let immutableSeconds: Int = 31_536_000

    func openAPI(_ request: HTTPRequest, _ parts: [String]) throws(StatusError) -> HTTPResponse {
        let custom: [OpenAPI.CustomKind] =
            registry.definitions.compactMap { Documents.openAPI(of: $0) } + documents.customKinds.withLock { $0 }
        switch (parts.count > 1 ? parts[1] : "", parts.count) {
        case ("v2", 2): return try openAPIv2(request, custom)
        case ("v3", 2):
            let made: Documents.Document? = documents.get("openapi/v3") { _ in
                remotes.openAPIv3(index(custom)).encoded()
            }
            guard let made else { throw .noSuchResource }
            return served(made, "application/json", request)
        case ("v3", 4) where parts[2] == "api":
            return try version(GroupVersion(group: "", version: parts[3]), request, custom)
        case ("v3", 5) where parts[2] == "apis":
            let version: GroupVersion = GroupVersion(group: parts[3], version: parts[4])
            if let entry = remotes.entry(version) { return try remote(entry.documents.openAPIv3, request) }
            return try self.version(version, request, custom)
        default: throw .noSuchResource
        }
    }

    private func openAPIv2(
        _ request: HTTPRequest, _ custom: [OpenAPI.CustomKind]
    ) throws(StatusError) -> HTTPResponse {
        let accept: String = request.headers.all("Accept").joined(separator: ",")
        let made: Documents.Document?
        var type: String = "application/json"
        if accept.contains(APIServer.v2Protobuf) {
            // A media type with `@` does not parse; kubectl refuses an answer that has it.
            type = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
            made = documents.get("openapi/v2 protobuf") { _ in
                OpenAPI.v2Protobuf(of: remotes.openAPIv2(OpenAPI.v2(custom: custom)))
            }
        } else {
            made = documents.get("openapi/v2") { _ in remotes.openAPIv2(OpenAPI.v2(custom: custom)).encoded() }
        }
        guard let made else { throw .noSuchResource }
        return served(made, type, request)
    }

    /// Each path with the hash of its document.
    private func index(_ custom: [OpenAPI.CustomKind]) -> JSON {
        var paths: [(key: String, value: JSON)] = []
        for version in OpenAPI.versions(custom) {
            guard let document = documents.openAPIv3(version, custom) else { continue }
            let path: String = OpenAPI.path(version)
            paths.append((path, ["serverRelativeURL": .string("/openapi/v3/\(path)?hash=\(document.hash)")]))
        }
        paths.sort { $0.key < $1.key }
        return ["paths": .object(JSONObject(unique: paths))]
    }

    private func version(
        _ version: GroupVersion, _ request: HTTPRequest, _ custom: [OpenAPI.CustomKind]
    ) throws(StatusError) -> HTTPResponse {
        guard let document = documents.openAPIv3(version, custom) else { throw .noSuchResource }
        guard let asked = Query(raw: request.rawQuery).text("hash") else {
            return served(document, "application/json", request)
        }
        guard asked == document.hash else {
            let place: String = "/openapi/v3/\(OpenAPI.path(version))?hash=\(document.hash)"
            return HTTPResponse(status: 301, headers: ["Location": place])
        }
        return immutable(served(document, "application/json", request))
    }

    private func remote(_ bytes: [UInt8], _ request: HTTPRequest) throws(StatusError) -> HTTPResponse {
        guard !bytes.isEmpty else { throw .noSuchResource }
        let response: HTTPResponse = served(Documents.Document(bytes), "application/json", request)
        return Query(raw: request.rawQuery).text("hash") == nil ? response : immutable(response)
    }

    private func immutable(_ response: HTTPResponse) -> HTTPResponse {
        var response: HTTPResponse = response
        response.headers["Cache-Control"] = "public, immutable, max-age=\(APIServer.immutableSeconds)"
        return response
    }
}
