// The shell: when waiters go on, and what happens when the kernel refuses.

import KubeClient
import KubeModel
import KubeWire
import Synchronization
import Testing

@testable import KubeProxy

/// Lists what it holds, then sends what is put on the stream.
private struct Shelf: APITransport {
    let objects: [String: [JSON]]
    let later: WatchStream

    func call(_ call: APICall) async throws(StatusError) -> JSON {
        ["kind": "List", "metadata": ["resourceVersion": "1"], "items": .array(objects[call.resource.resource] ?? [])]
    }
    func watch(_ call: APICall) async throws(StatusError) -> WatchStream {
        call.resource.resource == "services" ? later : WatchStream { _ in }
    }
}

private struct Refused: Error {}

@Suite struct ProxyComponentTests {
    @Test(.timeLimit(.minutes(1))) func waitersGoOnWhenTheKernelHasIt() async throws {
        let (later, sink) = WatchStream.makeStream()
        let web: JSON = Sample.service("web", "10.96.0.1", port: 80, target: 8080)
        let client: Client = Client(transport: Shelf(objects: ["services": [web]], later: later), fieldManager: "test")
        let applied: Mutex<[String]> = Mutex([])
        let network: ProxyNetwork = ProxyNetwork(
            nodeName: "n1", clusterCIDR: "10.244.0.0/16", serviceCIDR: "10.96.0.0/12")
        let proxy: ProxyComponent = ProxyComponent(
            client: client, network: network,
            filter: { transaction in
                let count: Int = applied.withLock {
                    $0.append("\(transaction)")
                    return $0.count
                }
                // The first write and the first change are refused: both must lead to a whole new table.
                if count == 1 || count == 3 { throw Refused() }
            }, flows: { _ in }, prepare: {})
        await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await proxy.run() }
            await proxy.waitUntilProgrammed()
            #expect(applied.withLock { $0.count } == 2)
            var db: JSON = Sample.service("db", "10.96.0.2", port: 5432, target: 5432)
            db.metadata.resourceVersion = "2"
            sink.yield(WatchEvent(kind: .added, object: db))
            while applied.withLock({ $0.count }) < 4 { await Task.yield() }
            await proxy.waitUntilProgrammed()
            let last: String = applied.withLock { $0[3] }
            #expect(last.contains("\"delete\":{\"table\"") && last.contains("10.96.0.1") && last.contains("10.96.0.2"))
            group.cancelAll()
        }
        // Stopped: nobody is left waiting.
        await proxy.waitUntilProgrammed()
    }

    /// A pod's rules stand before `admit` returns, although the API knows no address of it; another hand's change of
    /// the API's view (no address yet) does not take them away.
    @Test(.timeLimit(.minutes(1))) func anAdmittedPodIsIsolatedBeforeItsFirstPacket() async throws {
        let (later, _) = WatchStream.makeStream()
        var pod: JSON = PolicyTests.pod("p1", "", ["app": "web"])
        pod.metadata.uid = "u1"
        let shelf: Shelf = Shelf(
            objects: [
                "networkpolicies": [PolicyTests.ingress()], "pods": [pod],
                "namespaces": [["metadata": ["name": "default", "labels": [:]]]],
            ], later: later)
        let informers: InformerSet = InformerSet(Client(transport: shelf, fieldManager: "test"))
        let applied: Mutex<[String]> = Mutex([])
        let policy: PolicyComponent = PolicyComponent(
            informers: informers, nodeName: "n1",
            filter: { transaction in
                let count: Int = applied.withLock {
                    $0.append("\(transaction)")
                    return $0.count
                }
                if count == 1 { throw Refused() }
            })
        await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await informers.run() }
            group.addTask { try await policy.run() }
            await policy.admit(pod, addresses: ["10.244.1.2"])
            #expect(applied.withLock { $0.last ?? "" }.contains("ingress-10.244.1.2"))
            group.cancelAll()
        }
        // Stopped: nobody is left waiting.
        await policy.admit(pod, addresses: ["10.244.1.3"])
    }

    @Test(.timeLimit(.minutes(1))) func withoutPoliciesNobodyWaits() async throws {
        let (later, _) = WatchStream.makeStream()
        let informers: InformerSet = InformerSet(
            Client(transport: Shelf(objects: [:], later: later), fieldManager: "test"))
        let policy: PolicyComponent = PolicyComponent(
            informers: informers, nodeName: "n1", filter: { _ in Issue.record("nothing is to be written") })
        await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await informers.run() }
            group.addTask { try await policy.run() }
            await policy.admit(PolicyTests.pod("p1", "", [:]), addresses: ["10.244.1.2"])
            #expect(!informers.has(GroupVersionResource("v1", "pods")))
            group.cancelAll()
        }
    }
}
