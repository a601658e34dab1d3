// What admission plugins are shown of requests that are no plain writes.

import KubeAPI
import KubeModel
import KubeServer
import KubeStore
import KubeWire
import Synchronization
import Testing

private final class Recorder: AdmissionPlugin {
    let name: String = "Recorder"
    let seen: Mutex<[AdmissionRequest]> = Mutex([])
    func admit(_ request: inout AdmissionRequest) async throws(StatusError) {
        if request.kind.kind == "Scale" { request.object.spec.replicas = 7 }
    }
    func validate(_ request: AdmissionRequest) async throws(StatusError) { seen.withLock { $0.append(request) } }
}

@Suite struct SubresourceAdmissionTests {
    private func server(_ recorder: Recorder) async throws -> Caller {
        var definitions: [ResourceDefinition] = Fixture.definitions()
        let echo: SubresourceClosure = SubresourceClosure { call throws(StatusError) in
            .object(call.body.exists ? call.body : ["kind": "Status"], status: 201)
        }
        for i in definitions.indices where definitions[i].gvr == API.pods {
            for (name, kind, group) in [("eviction", "Eviction", "policy"), ("exec", "PodExecOptions", "")] {
                definitions[i].subresources.append(
                    SubresourceDefinition(
                        name: name, kind: GroupVersionKind(group: group, version: "v1", kind: kind),
                        typeName: (group.isEmpty ? "core" : group) + "/v1." + kind, verbs: ["create", "get"],
                        handler: .custom(echo)))
            }
        }
        var options: APIServerOptions = APIServerOptions(
            store: LogStore.memory(), definitions: definitions, authorizer: { _ in MastersOnly() })
        options.admission = [recorder]
        let server: APIServer = try await APIServer.open(options)
        server.markReady()
        return Caller(server)
    }

    @Test func evictionIsACreateOfItsOwnKind() async throws {
        let recorder: Recorder = Recorder()
        let call: Caller = try await server(recorder)
        _ = try await call(.create, API.pods, "p", ["metadata": ["name": "p"]], sub: "eviction")
        let seen: AdmissionRequest = try #require(recorder.seen.withLock { $0.last })
        #expect(seen.operation == .create && seen.subresource == "eviction" && seen.name == "p")
        #expect(seen.kind.kind == "Eviction" && seen.kind.group == "policy")
        #expect(seen.object.kind == "Eviction" && seen.options.kind == "CreateOptions")
    }

    @Test func execIsAConnectWithTypedOptions() async throws {
        let recorder: Recorder = Recorder()
        let call: Caller = try await server(recorder)
        _ = try await call(
            .create, API.pods, "p", sub: "exec", query: ["command": "ls", "stdin": "true", "container": "c"])
        let seen: AdmissionRequest = try #require(recorder.seen.withLock { $0.last })
        #expect(seen.operation == .connect && seen.kind.kind == "PodExecOptions")
        #expect(seen.object.command == ["ls"] && seen.object.stdin == true && seen.object.container == "c")
    }

    @Test func aScaleIsAdmittedAndChangedAsAScale() async throws {
        let recorder: Recorder = Recorder()
        let call: Caller = try await server(recorder)
        let spec: JSON = [
            "replicas": 1, "selector": ["matchLabels": ["a": "b"]],
            "template": [
                "metadata": ["labels": ["a": "b"]], "spec": ["containers": [["name": "c", "image": "i"]]],
            ],
        ]
        _ = try await call(.create, API.deployments, "", ["metadata": ["name": "d"], "spec": spec])
        let scale: JSON = try await call(
            .patch, API.deployments, "d", ["spec": ["replicas": 3]], sub: "scale")
        let seen: AdmissionRequest = try #require(recorder.seen.withLock { $0.last })
        #expect(seen.operation == .update && seen.kind.kind == "Scale" && seen.oldObject.spec.replicas == 1)
        #expect(scale.spec.replicas == 7)
    }
}
