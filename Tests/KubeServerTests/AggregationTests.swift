// Aggregated API services as values: where they are, whether they are there, who asks, what they say of themselves.

import KubeModel
import KubeNet
import KubeWire
import Testing

@testable import KubeServer

@Suite struct AggregationTests {
    static let object: JSON = [
        "metadata": ["name": "v1.w.example.com"],
        "spec": [
            "group": "w.example.com", "version": "v1", "groupPriorityMinimum": 2000, "versionPriority": 200,
            "service": ["namespace": "ns", "name": "api", "port": 7443], "caBundle": "Q0E=",
        ],
    ]
    static let service: JSON = [
        "spec": ["type": "ClusterIP", "ports": [["name": "https", "port": 7443, "targetPort": 443]]]
    ]
    private static func slice(ready: Bool) -> JSON {
        [
            "ports": [["name": "https", "port": 8443]],
            "endpoints": [["addresses": ["10.1.2.3"], "conditions": ["ready": JSON(ready)]]],
        ]
    }

    @Test func objectSaysWhoAnswers() throws {
        let remote: RemoteService = try #require(RemoteService(Self.object))
        #expect(remote.serverName == "api.ns.svc")
        #expect(remote.authorityPEM == "CA")
        #expect(remote.path == "/apis/w.example.com/v1")
        #expect(RemoteService(["spec": ["group": "apps", "version": "v1"]]) == nil)
    }

    @Test func routesOrReasons() throws {
        let remote: RemoteService = try #require(RemoteService(Self.object))
        func reason(_ route: ServiceRoute) -> String {
            if case .none(let why) = route { return why.reason }
            return ""
        }
        #expect(reason(ServiceRoute(remote, service: nil, slices: [])) == "ServiceNotFound")
        #expect(reason(ServiceRoute(remote, service: ["spec": ["ports": [["port": 1]]]], slices: [])) == "ServicePortError")
        #expect(reason(ServiceRoute(remote, service: Self.service, slices: [])) == "EndpointsNotFound")
        #expect(reason(ServiceRoute(remote, service: Self.service, slices: [Self.slice(ready: false)])) == "MissingEndpoints")
        #expect(
            ServiceRoute(remote, service: Self.service, slices: [Self.slice(ready: true)])
                == .endpoints([.tcp(host: "10.1.2.3", port: 8443)]))
    }

    @Test func conditionKeepsItsTransitionTime() {
        var object: JSON = Self.object
        #expect(Availability.failed("ServiceNotFound", "gone").write(to: &object, now: "t1"))
        #expect(!Availability.failed("ServiceNotFound", "gone").write(to: &object, now: "t2"))
        #expect(Availability.failed("MissingEndpoints", "none").write(to: &object, now: "t3"))
        #expect(object.status.conditions[0].lastTransitionTime == "t1")
        #expect(Availability.passed.write(to: &object, now: "t4"))
        #expect(object.status.conditions[0].lastTransitionTime == "t4")
        #expect(RemoteService.isAvailable(object))
    }

    @Test func callerIsNamedAndCredentialsStay() {
        var request: HTTPRequest = HTTPRequest(method: "GET", path: "/apis/w.example.com/v1")
        request.headers = ["Authorization": "Bearer x", "X-Remote-User": "root", "Impersonate-User": "y", "Accept": "*/*"]
        let user: UserInfo = UserInfo(name: "ann", uid: "7", groups: ["a", "b"], extra: ["example.com/k": ["v"]])
        let onward: HTTPRequest = RemoteIdentity.onward(request, as: user)
        #expect(onward.headers["Authorization"] == nil && onward.headers["Impersonate-User"] == nil)
        #expect(onward.headers.all("X-Remote-User") == ["ann"])
        #expect(onward.headers.all("X-Remote-Group") == ["a", "b"])
        #expect(onward.headers["X-Remote-Uid"] == "7")
        #expect(onward.headers["X-Remote-Extra-example.com%2Fk"] == "v")
        #expect(onward.headers["Accept"] == "*/*")
    }

    @Test func legacyListBecomesAggregatedItems() {
        let list: JSON = [
            "resources": [
                ["name": "flunders/status", "kind": "Flunder", "namespaced": true, "verbs": ["get"]],
                ["name": "flunders", "singularName": "flunder", "kind": "Flunder", "namespaced": true, "verbs": ["get", "list"]],
            ]
        ]
        let items: [JSON] = RemoteDocuments.resources(legacy: list, GroupVersion(group: "w.example.com", version: "v1"))
        #expect(items.count == 1)
        #expect(items[0].scope == "Namespaced" && items[0].responseKind.group == "w.example.com")
        #expect(items[0].subresources[0].subresource == "status")
    }

    @Test func swaggerIsCutAndMerged() {
        let theirs: JSON = [
            "paths": [
                "/apis/w.example.com/v1/flunders": ["get": ["schema": ["$ref": "#/definitions/F"]]],
                "/healthz": ["get": .object(JSONObject())],
            ],
            "definitions": [
                "F": ["properties": ["m": ["$ref": "#/definitions/M"]]], "M": ["type": "object"], "X": ["type": "string"],
            ],
        ]
        let cut: JSON = RemoteDocuments.cut(theirs, to: GroupVersion(group: "w.example.com", version: "v1"))
        #expect(cut.paths.fields.count == 1)
        #expect(Set(cut.definitions.fields.map { $0.key }) == ["F", "M"])
        let own: JSON = ["paths": ["/api/": ["get": "x"]], "definitions": ["M": ["type": "string"]]]
        let merged: JSON = RemoteDocuments.merge(own, [cut])
        #expect(merged.definitions.fields["M"]?.type == "string")
        #expect(merged.definitions.fields["M_v2"]?.type == "object")
        #expect(merged.definitions.fields["F"]?.properties.m["$ref"] == "#/definitions/M_v2")
        #expect(merged.paths.fields.count == 2)
    }

    @Test func remoteVersionsStandInDiscovery() throws {
        let remote: RemoteService = try #require(RemoteService(Self.object))
        var entry: RemoteServices.Entry = RemoteServices.Entry(remote: remote, isAvailable: true)
        entry.documents.resources = [["resource": "flunders"]]
        entry.documents.isStale = false
        let discovery: Discovery = Discovery([], remotes: [entry])
        #expect(discovery.groupList.groups[0].preferredVersion.groupVersion == "w.example.com/v1")
        let item: JSON = discovery.aggregated(core: false, version: "v2")["items"][0]
        #expect(item.versions[0].freshness == "Current" && item.versions[0].resources[0].resource == "flunders")
    }
}
