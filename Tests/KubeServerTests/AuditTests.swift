// The audit policy's judgement and the events of whole requests.

import Glibc
import KubeBase
import KubeModel
import KubeNet
import KubeStore
import KubeWire
import Synchronization
import Testing

@testable import KubeServer

private final class Shelf: AuditBackend {
    let name: String = "shelf"
    private let lines: Mutex<[[UInt8]]> = Mutex([])
    func write(_ events: [[UInt8]]) async throws { lines.withLock { $0 += events } }
    var events: [JSON] { lines.withLock { $0 }.compactMap { try? JSON.parse($0) } }
}

/// Never takes anything.
private struct Wall: AuditBackend {
    let name: String = "wall"
    func write(_ events: [[UInt8]]) async throws { try await Task.sleep(for: .seconds(3600)) }
}

@Suite struct AuditTests {
    private static let policy: String = """
        apiVersion: audit.k8s.io/v1
        kind: Policy
        omitStages: [RequestReceived]
        rules:
        - level: None
          users: ["system:kube-proxy"]
          verbs: [watch]
          resources: [{group: "", resources: [endpoints, services]}]
        - level: None
          nonResourceURLs: ["/healthz*", "/version"]
        - level: Metadata
          resources: [{group: "", resources: [secrets, "pods/*", "*/status"]}]
        - level: Request
          verbs: [create]
          namespaces: [kube-system]
        - level: RequestResponse
          omitManagedFields: true
          resources: [{group: "", resources: [configmaps], resourceNames: [chosen]}, {group: apps}]
        - level: Metadata
          userGroups: ["system:authenticated"]
        """

    private func decide(
        _ verb: String, _ path: String, user: String = "jane", groups: [String] = ["system:authenticated"]
    ) throws -> AuditLevel {
        let policy: AuditPolicy = try AuditPolicy(text: Self.policy)
        let parts: [Substring] = path.split(separator: "?")
        let query: Query = Query(raw: parts.count > 1 ? String(parts[1]) : "")
        let info: RequestInfo = RequestInfo(HTTPRequest(method: verb, path: String(parts[0])), query)
        return policy.decide(info.attributes(UserInfo(name: user, groups: groups), query)).level
    }

    @Test func theFirstRuleThatMatchesDecides() throws {
        #expect(try decide("GET", "/api/v1/services?watch=1", user: "system:kube-proxy") == .none)
        #expect(try decide("GET", "/api/v1/services", user: "system:kube-proxy") == .metadata)
        #expect(try decide("GET", "/healthz/etcd") == .none)
        #expect(try decide("GET", "/version") == .none)
        #expect(try decide("GET", "/version/x") == .metadata)
        #expect(try decide("POST", "/api/v1/namespaces/kube-system/secrets") == .metadata)
        #expect(try decide("POST", "/api/v1/namespaces/kube-system/pods/p/exec") == .metadata)
        #expect(try decide("PUT", "/api/v1/nodes/n/status") == .metadata)
        #expect(try decide("POST", "/api/v1/namespaces/kube-system/configmaps") == .request)
        #expect(try decide("GET", "/api/v1/namespaces/a/configmaps/chosen") == .requestResponse)
        #expect(try decide("GET", "/api/v1/namespaces/a/configmaps/other") == .metadata)
        #expect(try decide("GET", "/apis/apps/v1/deployments") == .requestResponse)
        #expect(try decide("GET", "/apis/batch/v1/jobs", groups: []) == .none)
    }

    @Test(arguments: [
        ("kind: Policy\napiVersion: audit.k8s.io/v1\nrules: []", "loaded illegal policy with 0 rules"),
        ("kind: Policy\napiVersion: audit.k8s.io/v9", "no kind \"Policy\" is registered for version \"audit.k8s.io/v9\""),
        ("kind: Policy\napiVersion: audit.k8s.io/v1\nrules: [{level: Loud}]", "rules[0].level: Unsupported value"),
        ("kind: Policy\napiVersion: audit.k8s.io/v1\nomitStages: [x]\nrules: [{level: None}]", "allowed stages are"),
    ])
    func badPoliciesAreRefused(text: String, words: String) {
        #expect { try AuditPolicy(text: text) } throws: { "\($0)".contains(words) }
    }

    private func server(_ log: AuditLog) async throws -> APIServer {
        var options: APIServerOptions = APIServerOptions(
            store: LogStore.memory(), definitions: Fixture.definitions(), authorizer: { _ in MastersOnly() })
        options.audit = log
        return try await APIServer.open(options)
    }

    @Test func eventsTellWholeRequests() async throws {
        let shelf: Shelf = Shelf()
        let log: AuditLog = AuditLog(policy: try AuditPolicy(text: Self.policy), backends: [shelf])
        let wire: Wire = Wire(server: try await server(log))
        _ = await wire(
            "POST", "/api/v1/namespaces/kube-system/configmaps?dryRun=All", #"{"metadata":{"name":"a"},"data":{"k":"v"}}"#,
            headers: ["Content-Type": "application/json", "Audit-ID": "id-1", "X-Forwarded-For": "10.1.1.1, 10.1.1.2"])
        _ = await wire("GET", "/apis/apps/v1/namespaces/x/deployments")
        _ = await wire("GET", "/api/v1/namespaces/x/secrets/s", peer: nil)
        _ = await wire("GET", "/api/v1/pods", headers: ["Authorization": "Bearer nonsense"], peer: nil)
        let writer: Task<Void, Never> = Task { await log.run() }
        while log.waitingCount > 0 { await Task.yield() }
        writer.cancel()
        await writer.value
        let e: [JSON] = shelf.events
        try #require(e.count == 3)
        #expect(e[0].level == "Request" && e[0].stage == "ResponseComplete" && e[0].auditID == "id-1")
        #expect(e[0].verb == "create" && e[0].user.username == "admin")
        #expect(e[0].requestURI == "/api/v1/namespaces/kube-system/configmaps?dryRun=All")
        #expect(e[0].sourceIPs == ["10.1.1.1", "10.1.1.2"] && e[0].userAgent == "test/1")
        #expect(e[0].objectRef == ["resource": "configmaps", "namespace": "kube-system", "name": "a", "apiVersion": "v1"])
        #expect(e[0].requestObject.data == ["k": "v"] && !e[0].responseObject.exists)
        #expect(e[0].responseStatus == ["metadata": [:], "code": 201])
        #expect(e[0].annotations["authorization.k8s.io/decision"] == "allow")
        #expect(e[1].level == "RequestResponse" && e[1].responseObject.kind == "DeploymentList")
        #expect(e[2].responseStatus.code == 403 && e[2].responseStatus.reason == "Forbidden")
        #expect(e[2].annotations["authorization.k8s.io/decision"] == "forbid")
        #expect(e[2].user.username == "system:anonymous")
    }

    @Test func aBackendThatHangsDelaysNobody() async throws {
        let log: AuditLog = AuditLog(policy: try AuditPolicy(text: Self.policy), backends: [Wall()])
        let writer: Task<Void, Never> = Task { await log.run() }
        let wire: Wire = Wire(server: try await server(log))
        for _ in 0..<500 { #expect(await wire("GET", "/api/v1/namespaces").status == 200) }
        #expect(log.waitingCount > 0)
        writer.cancel()
    }

    @Test func filesAreRotatedAndThinnedOut() async throws {
        let folder: String = "/tmp/apus-audit-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        mkdir(folder, 0o700)
        defer { remove(folder) }
        var limits: AuditFile.Limits = AuditFile.Limits()
        limits.bytesMax = 1_000
        limits.filesMax = 3
        let file: AuditFile = try AuditFile(path: folder + "/audit.log", limits: limits)
        for i in 0..<200 { try await file.write([Array("{\"n\":\(i),\"filler\":\"0123456789012345678901234567890\"}".utf8)]) }
        let names: [String] = listing(folder)
        #expect(names.count == 4 && names.contains("audit.log"))
        #expect(names.filter { $0.hasPrefix("audit-20") && $0.hasSuffix(".log") }.count == 3)
        for name in names {
            var facts: stat = stat()
            #expect(lstat(folder + "/" + name, &facts) == 0 && facts.st_size <= 1_000 && facts.st_mode & 0o777 == 0o600)
        }
    }

    private func listing(_ folder: String) -> [String] {
        guard let d = opendir(folder) else { return [] }
        defer { closedir(d) }
        var names: [String] = []
        while let entry = readdir(d) {
            let name: String = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names
    }

    private func remove(_ folder: String) {
        for name in listing(folder) { unlink(folder + "/" + name) }
        rmdir(folder)
    }
}
