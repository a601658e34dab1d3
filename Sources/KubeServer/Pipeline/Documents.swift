// Paths that are no objects: discovery, OpenAPI, version, health, metrics, OpenID.

import KubeAPI
import KubeCrypto
import KubeModel
import KubeNet
import KubeWire
import Synchronization

/// Documents that change only with the definitions; made at first use.
final class Documents: Sendable {
    struct Document: Sendable {
        var bytes: [UInt8]
        var etag: String
        init(_ bytes: [UInt8]) {
            self.bytes = bytes
            etag = "\"" + Digest.hex(Digest.sha256(bytes)).uppercased() + "\""
        }
        /// As `?hash=` names it.
        var hash: String { String(etag.dropFirst().dropLast()) }
    }
    private struct State {
        var generation: Int = -1
        var made: [String: Document] = [:]
    }
    private let registry: Registry
    let remotes: RemoteServices
    private let state: Mutex<State> = Mutex(State())

    init(registry: Registry, remotes: RemoteServices) {
        self.registry = registry
        self.remotes = remotes
    }

    /// What is served now, by us and by aggregated servers.
    var discovery: Discovery { Discovery(registry.definitions, remotes: remotes.all) }

    /// The document called `name`, made by `make` unless it is still good; nil when `make` says so.
    func get(_ name: String, _ make: (Discovery) -> [UInt8]?) -> Document? {
        let generation: Int = registry.generation
        let known: Document? = state.withLock { s in
            if s.generation != generation {
                s.generation = generation
                s.made = [:]
            }
            return s.made[name]
        }
        if let known { return known }
        guard let bytes = make(discovery) else { return nil }
        let new: Document = Document(bytes)
        state.withLock { s in if s.generation == generation { s.made[name] = new } }
        return new
    }

    /// OpenAPI v3 of one group and version lives until its own kinds change: a new custom kind costs one small document.
    private struct Version {
        var kinds: [OpenAPI.CustomKind]
        var document: Document
    }
    private let versions: Mutex<[GroupVersion: Version]> = Mutex([:])

    func openAPIv3(_ version: GroupVersion, _ custom: [OpenAPI.CustomKind]) -> Document? {
        let own: [OpenAPI.CustomKind] = custom.filter { $0.resource.gvr.groupVersion == version }
        let known: Version? = versions.withLock { $0[version] }
        if let known, known.kinds.count == own.count, zip(known.kinds, own).allSatisfy({ $0.looks(like: $1) }) {
            return known.document
        }
        guard let json = OpenAPI.v3(version, custom: own) else { return nil }
        let new: Version = Version(kinds: own, document: Document(json.encoded()))
        versions.withLock { $0[version] = new }
        return new.document
    }

    /// Custom kinds for the OpenAPI documents; set by whoever serves CustomResourceDefinitions.
    let customKinds: Mutex<[OpenAPI.CustomKind]> = Mutex([])
}

extension Documents {
    /// nil: the tables describe it, or its CustomResourceDefinition.
    static func openAPI(of d: ResourceDefinition) -> OpenAPI.CustomKind? {
        guard let schema = d.openAPISchema else { return nil }
        return OpenAPI.CustomKind(
            resource: ResourceFacts(
                gvr: d.gvr, kind: d.kind, listKind: d.listKind, type: "", listType: "", singular: d.singular,
                namespaced: d.isNamespaced, verbs: d.verbs, shortNames: d.shortNames, categories: d.categories,
                subresources: [], stability: "GA", deprecated: false, enabledByDefault: true, storagePrefix: "",
                storageVersionHash: ""),
            schema: schema)
    }
}

extension APIServer {
    func document(
        _ request: HTTPRequest, _ info: RequestInfo, _ query: Query
    ) async throws(StatusError) -> HTTPResponse {
        guard request.method == "GET" || request.method == "HEAD" else {
            throw StatusError(
                code: 405, reason: "MethodNotAllowed",
                message: "the server does not allow this method on the requested resource", details: [:])
        }
        let parts: [String] = info.path.split(separator: "/").map { String($0) }
        switch parts.first {
        case nil: return paths()
        case "healthz", "livez", "readyz": return health.response(parts, query)
        case "version" where parts.count == 1:
            return HTTPResponse(contentType: "application/json", Array(Version.json(options.build).indented(by: 2).utf8))
        case "metrics" where parts.count == 1:
            return HTTPResponse(contentType: "text/plain; version=0.0.4; charset=utf-8", metrics.text())
        case "api", "apis": return try discovery(request, parts)
        case "openapi": return try openAPI(request, parts)
        case ".well-known" where info.path == "/.well-known/openid-configuration":
            return try openID(options.openIDConfiguration, "application/json")
        case "openid" where info.path == "/openid/v1/jwks":
            return try openID(options.jsonWebKeySet, "application/jwk-set+json")
        default: throw .noSuchResource
        }
    }

    /// What OpenID Connect Discovery 1.0 asks of an issuer; RFC 7517 names the type of its keys.
    private func openID(_ document: JSON, _ contentType: String) throws(StatusError) -> HTTPResponse {
        guard document.exists else { throw .noSuchResource }
        var response: HTTPResponse = HTTPResponse(contentType: contentType, document.encoded())
        response.headers.add("Cache-Control", "public, max-age=3600")
        return response
    }

    /// `/`: the paths there are.
    private func paths() -> HTTPResponse {
        var list: [String] = ["/.well-known/openid-configuration", "/api", "/api/v1", "/apis", "/apis/"]
        for group in documents.discovery.groups where !group.name.isEmpty {
            list.append("/apis/\(group.name)")
            for version in group.versions { list.append("/apis/\(group.name)/\(version)") }
        }
        list += [
            "/healthz", "/livez", "/metrics", "/openapi/v2", "/openapi/v3", "/openapi/v3/", "/openid/v1/jwks",
            "/readyz", "/version",
        ]
        let json: JSON = ["paths": JSON(list.sorted())]
        return HTTPResponse(contentType: "application/json", Array(json.indented(by: 2).utf8))
    }

    // MARK: discovery

    private func discovery(_ request: HTTPRequest, _ parts: [String]) throws(StatusError) -> HTTPResponse {
        if parts.count == 1, let version = aggregatedVersion(request) {
            let isCore: Bool = parts[0] == "api"
            guard
                let document = documents.get(
                    "aggregated \(parts[0]) \(version)", { $0.aggregated(core: isCore, version: version).encoded() })
            else { throw .noSuchResource }
            let type: String = "application/json;g=apidiscovery.k8s.io;v=\(version);as=APIGroupDiscoveryList"
            return served(document, type, request)
        }
        let address: String = request.headers["Host"] ?? ""
        let made: Documents.Document? = documents.get("plain " + parts.joined(separator: "/")) { discovery in
            switch (parts[0], parts.count) {
            case ("api", 1): discovery.legacyVersions(serverAddress: address).encoded()
            case ("api", 2): discovery.resources(GroupVersion(group: "", version: parts[1]))?.encoded()
            case ("apis", 1): discovery.groupList.encoded()
            case ("apis", 2): discovery.group(parts[1])?.encoded()
            case ("apis", 3): discovery.resources(GroupVersion(group: parts[1], version: parts[2]))?.encoded()
            default: nil
            }
        }
        guard let document = made else { throw .noSuchResource }
        let form: Representation = try Representation(request, Query(raw: request.rawQuery))
        if form.shape != .object { throw Representation.refusal }
        guard form.encoding != .json, let json = try? JSON.parse(document.bytes) else {
            return served(document, "application/json", request)
        }
        return Answers.plain(json, form, 200)
    }

    private func aggregatedVersion(_ request: HTTPRequest) -> String? {
        for type in MediaType.list(request.headers.all("Accept").joined(separator: ",")) {
            guard type.name == "application/json" || type.name == "*/*" else { continue }
            guard type.parameters["as"] == "APIGroupDiscoveryList", type.parameters["g"] == "apidiscovery.k8s.io" else {
                return nil
            }
            if type.parameters["v"] == "v2" || type.parameters["v"] == "v2beta1" { return type.parameters["v"] }
        }
        return nil
    }

    /// 304 when the client has it already.
    func served(_ document: Documents.Document, _ type: String, _ request: HTTPRequest) -> HTTPResponse {
        var response: HTTPResponse = HTTPResponse(contentType: type, document.bytes)
        if request.headers["If-None-Match"] == document.etag { response = HTTPResponse(status: 304) }
        response.headers["Etag"] = document.etag
        response.headers["Vary"] = "Accept"
        return response
    }
}

/// `/version`
enum Version {
    static let git: String = "v1.36.0+apus"
    static func json(_ build: BuildFacts) -> JSON {
        [
        "major": "1", "minor": "36", "emulationMajor": "1", "emulationMinor": "36", "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "35", "gitVersion": .string(git), "gitCommit": .string(build.commit), "gitTreeState": .string(build.treeState),
        "buildDate": .string(build.date), "goVersion": "swift", "compiler": "swiftc", "platform": "linux/amd64",
        ]
    }
}

/// From which sources the program was built.
package struct BuildFacts: Sendable {
    /// 40 hex digits, or empty.
    package var commit: String = ""
    /// `clean`, `dirty`
    package var treeState: String = "clean"
    /// RFC 3339
    package var date: String = "1970-01-01T00:00:00Z"
    package init() {}
    package init(commit: String, treeState: String, date: String) {
        self.commit = commit
        self.treeState = treeState
        self.date = date
    }
}
