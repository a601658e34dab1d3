// Quotas: scopes, counts of any kind, and two creates at once.

import KubeAPI
import KubeBase
import KubeModel
import KubeResources
import KubeServer
import KubeWire
import Testing

@Suite struct QuotaTests {
    private func server(_ spec: JSON) async throws -> TestServer {
        let t: TestServer = try await TestServer.start()
        _ = try await t.create(API.resourceQuotas, "default", ["metadata": ["name": "q"], "spec": spec])
        return t
    }
    private func refusal(_ t: TestServer, _ pod: JSON) async -> String? {
        await t.failure { () async throws(StatusError) in try await t.create(API.pods, "default", pod) }?.message
    }

    @Test func terminatingScopeCountsPodsWithADeadline() async throws {
        let t: TestServer = try await server(["hard": ["pods": "0"], "scopes": ["Terminating"]])
        #expect(await refusal(t, TestServer.pod("free")) == nil)
        let said: String? = await refusal(t, TestServer.pod("timed") { $0.spec.activeDeadlineSeconds = 60 })
        #expect(
            said
                == "pods \"timed\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0")
    }

    @Test func priorityClassesBySelector() async throws {
        let expression: JSON = [
            "operator": "In", "scopeName": "PriorityClass", "values": ["system-cluster-critical"],
        ]
        let t: TestServer = try await server([
            "hard": ["pods": "0"], "scopeSelector": ["matchExpressions": [expression]],
        ])
        #expect(await refusal(t, TestServer.pod("plain")) == nil)
        let said: String? = await refusal(
            t, TestServer.pod("high") { $0.spec.priorityClassName = "system-cluster-critical" })
        #expect(said?.contains("exceeded quota: q") == true)
    }

    @Test func computeMustBeNamedAndAddsUpWithSidecars() async throws {
        let t: TestServer = try await server(["hard": ["requests.cpu": "1"]])
        #expect(
            await refusal(t, TestServer.pod("silent"))
                == "pods \"silent\" is forbidden: failed quota: q: must specify requests.cpu for: c")
        let asks: JSON = ["requests": ["cpu": "600m"]]
        let said: String? = await refusal(
            t,
            TestServer.pod("two") {
                $0.spec.containers.elements[0].resources = asks
                $0.spec.initContainers = [
                    ["name": "side", "image": "i", "restartPolicy": "Always", "resources": asks]
                ]
            })
        #expect(said?.contains("requested: requests.cpu=1200m, used: requests.cpu=0, limited: requests.cpu=1") == true)
    }

    @Test func anyKindIsCountedAndRacesDoNotPass() async throws {
        let t: TestServer = try await server(["hard": .object(JSONObject([("count/deployments.apps", "3")]))])
        let made: Int = await withTaskGroup(of: Bool.self) { group in
            for i in 0..<8 {
                group.addTask {
                    var d: JSON = [
                        "metadata": ["name": .string("d\(i)")],
                        "spec": ["selector": ["matchLabels": ["a": "b"]]],
                    ]
                    d.spec.template = [
                        "metadata": ["labels": ["a": "b"]], "spec": ["containers": [["name": "c", "image": "i"]]],
                    ]
                    let body: JSON = d
                    return await t.failure { () async throws(StatusError) in
                        try await t.create(API.deployments, "default", body)
                    } == nil
                }
            }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(made == 3)
    }
}
