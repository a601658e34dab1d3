// Health checks and metrics as monitoring reads them.

import KubeModel
import KubeNet
import KubeServer
import Testing

@Suite struct HealthTests {
    /// A server whose parts run.
    private func running(_ body: (Wire, APIServer) async throws -> Void) async throws {
        let server: APIServer = try await Fixture.server()
        try await server.bootstrap()
        let parts: Task<Void, any Error> = Task { try await server.run() }
        defer { parts.cancel() }
        let wire: Wire = Wire(server: server)
        while await wire("GET", "/readyz").status != 200 { await Task.yield() }
        try await body(wire, server)
    }

    @Test func checksAreNamedAndExcludable() async throws {
        try await running { wire, server in
            #expect(await wire("GET", "/readyz").text == "ok")
            let all: String = await wire("GET", "/readyz?verbose").text
            #expect(all.hasPrefix("[+]ping ok\n[+]log ok\n[+]etcd ok\n"))
            #expect(all.contains("[+]poststarthook/rbac/bootstrap-roles ok\n"))
            #expect(all.hasSuffix("[+]shutdown ok\nreadyz check passed\n"))
            let live: String = await wire("GET", "/livez?verbose&exclude=etcd&exclude=nonsense").text
            #expect(live.contains("[+]etcd excluded: ok\n"))
            #expect(live.contains("warn: some health checks cannot be excluded: no matches for \"nonsense\"\n"))
            #expect(!live.contains("shutdown"))
            #expect(await wire("GET", "/healthz/etcd").text == "ok")
            #expect(await wire("GET", "/readyz/poststarthook/priority-and-fairness-filter").status == 200)
            #expect(await wire("GET", "/readyz/nonsense").status == 404)
            server.markReady(false)
            let stopping = await wire("GET", "/readyz")
            #expect(stopping.status == 500)
            #expect(stopping.text.contains("[-]shutdown failed: reason withheld\n"))
            #expect(stopping.text.hasSuffix("readyz check failed\n"))
            #expect(await wire("GET", "/livez").status == 200)
            #expect(await wire("GET", "/readyz?exclude=shutdown").status == 200)
        }
    }

    @Test func aServerThatHasNotBegunIsNotReady() async throws {
        let wire: Wire = Wire(server: try await Fixture.server())
        let answer = await wire("GET", "/readyz/poststarthook/priority-and-fairness-filter")
        #expect(answer.status == 500)
        #expect(
            answer.text == "internal server error: poststarthook/priority-and-fairness-filter is not finished\n")
    }

    @Test func metricsAreInPrometheusForm() async throws {
        try await running { wire, _ in
            _ = await wire("POST", "/api/v1/namespaces/default/configmaps", #"{"metadata":{"name":"a"}}"#)
            _ = await wire("GET", "/api/v1/namespaces/default/configmaps/a")
            _ = await wire("GET", "/api/v1/namespaces/default/configmaps")
            _ = await wire("GET", "/api/v1/namespaces/default/wombats/a")
            let text: String = await wire("GET", "/metrics").text
            for line in [
                "# TYPE apiserver_request_total counter",
                #"apiserver_request_total{code="201",component="apiserver",dry_run="",group="",resource="configmaps",scope="namespace",subresource="",verb="POST",version="v1"} 1"#,
                #"apiserver_request_total{code="200",component="apiserver",dry_run="",group="",resource="configmaps",scope="resource",subresource="",verb="GET",version="v1"} 1"#,
                #"apiserver_request_total{code="200",component="apiserver",dry_run="",group="",resource="configmaps",scope="namespace",subresource="",verb="LIST",version="v1"} 1"#,
                "# TYPE apiserver_request_duration_seconds histogram",
                #"apiserver_request_duration_seconds_bucket{component="apiserver",dry_run="",group="",resource="configmaps",scope="namespace",subresource="",verb="LIST",version="v1",le="+Inf"} 1"#,
                #"apiserver_current_inflight_requests{request_kind="readOnly"} 1"#,
                #"apiserver_storage_objects{resource="configmaps"} 1"#,
                #"apiserver_resource_objects{group="",resource="configmaps"} 1"#,
                #"apiserver_flowcontrol_nominal_limit_seats{priority_level="workload-low"} 245"#,
                "# TYPE process_resident_memory_bytes gauge",
            ] { #expect(text.contains(line + "\n"), "\(line)") }
            #expect(!text.contains("wombats"))
            // Every sample belongs to the family that was announced before it; HELP comes before TYPE.
            var family: String = ""
            for line in text.split(separator: "\n") {
                if line.hasPrefix("# HELP ") {
                    family = String(line.split(separator: " ")[2])
                } else if line.hasPrefix("# TYPE ") {
                    #expect(line.split(separator: " ")[2] == family)
                } else {
                    let name: Substring = line.prefix { $0 != "{" && $0 != " " }
                    #expect(
                        name == family || ["_bucket", "_sum", "_count"].contains { name == family + $0 }, "\(line)")
                }
            }
        }
    }
}
