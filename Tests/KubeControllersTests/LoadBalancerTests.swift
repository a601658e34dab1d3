// Which address a LoadBalancer Service gets and who announces it; which IPAddress objects there are.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire
import Testing

@testable import KubeControllers

@Suite struct LoadBalancerTests {
    private let pool: AddressPool = AddressPool("10.0.0.202-10.0.0.204")!

    private func service(_ name: String, held: String? = nil, _ more: JSON = [:]) -> JSON {
        var s: JSON = ["metadata": ["name": .string(name), "namespace": "default"], "spec": ["type": "LoadBalancer"]]
        for (key, value) in more.fields { s.spec[key] = value }
        if let held { s.status.loadBalancer.ingress = [["ip": .string(held)]] }
        return s
    }

    private func node(_ name: String, ready: Bool = true, _ labels: JSON = [:]) -> JSON {
        [
            "metadata": ["name": .string(name), "labels": labels],
            "status": ["conditions": [["type": "Ready", "status": ready ? "True" : "False"]]],
        ]
    }

    private func plan(_ s: JSON, others: Set<String> = [], nodes: [JSON], slices: [JSON] = []) -> LoadBalancerPlan {
        .make(s, pool: pool, others: others, nodes: nodes, slices: slices)
    }

    @Test func addresses() {
        let nodes: [JSON] = [node("n1")]
        #expect(plan(service("a"), nodes: nodes).address == "10.0.0.202")
        #expect(plan(service("a"), others: ["10.0.0.202"], nodes: nodes).address == "10.0.0.203")
        #expect(plan(service("a"), others: ["10.0.0.202", "10.0.0.203", "10.0.0.204"], nodes: nodes).address == "")
        // What it holds it keeps, unless it is of another pool.
        #expect(plan(service("a", held: "10.0.0.204"), nodes: nodes).address == "10.0.0.204")
        #expect(plan(service("a", held: "192.0.2.1"), nodes: nodes).address == "10.0.0.202")
        #expect(plan(service("a", ["loadBalancerIP": "10.0.0.203"]), nodes: nodes).address == "10.0.0.203")
        #expect(plan(service("a", ["loadBalancerIP": "10.1.0.1"]), nodes: nodes).address == "")
        #expect(plan(service("a", ["loadBalancerClass": "example.com/x"]), nodes: nodes).address == "")
        #expect(plan(service("a", ["type": "NodePort"]), nodes: nodes).address == "")
        for bad in ["", "10.0.0.9-10.0.0.1", "10.0.0", "10.0.0.1-10.0.0.2-10.0.0.3", "10.0.0.256"] {
            #expect(AddressPool(bad) == nil, "\(bad)")
        }
    }

    @Test func announcers() {
        let all: [JSON] = (1...5).map { node("n\($0)") }
        let first: String = plan(service("a"), nodes: all).node
        #expect(!first.isEmpty)
        #expect(plan(service("a"), nodes: all.reversed()).node == first)
        // It stays where it is, although another would rank first.
        let other: String = all.map { $0.metadata.name.text }.first { $0 != first }!
        var s: JSON = service("a")
        s.metadata.annotations["apus.dev/announced-by"] = .string(other)
        #expect(plan(s, nodes: all).node == other)
        #expect(plan(s, nodes: all.map { $0.metadata.name.text == other ? node(other, ready: false) : $0 }).node != other)
        let label: JSON = ["node.kubernetes.io/exclude-from-external-load-balancers": ""]
        #expect(plan(s, nodes: [node(other, ready: true, label)]).node == "")
        // Policy Local: only a node with a ready endpoint.
        let local: JSON = service("a", ["externalTrafficPolicy": "Local"])
        let slice: JSON = [
            "endpoints": [
                ["nodeName": "n3", "conditions": ["ready": true]], ["nodeName": "n4", "conditions": ["ready": false]],
            ]
        ]
        #expect(plan(local, nodes: all, slices: [slice]).node == "n3")
        #expect(plan(local, nodes: all).node == "")
    }

    @Test(.timeLimit(.minutes(1))) func addressObjectsFollowTheirServicesAndRest() async throws {
        try await withCluster { api, client in
            var s: JSON = ["metadata": ["name": "web", "namespace": "default"]]
            s.spec.clusterIP = "10.96.0.7"
            s.spec.clusterIPs = ["10.96.0.7"]
            try await client.create(API.services, namespace: "default", s)
            var seen: JSON?
            while seen == nil {
                seen = try? await client.get(API.ipAddresses, "10.96.0.7")
                await Task.yield()
            }
            #expect(seen?.spec.parentRef.name.text == "web")
            try await client.delete(API.services, namespace: "default", "web")
            while (try? await client.get(API.ipAddresses, "10.96.0.7")) != nil { await Task.yield() }
        }
    }

    @Test func anAddressObjectSaysWhoseItIs() {
        let o: JSON = ServiceAddresses.object("fd00::1", of: service("web"))
        #expect(o.metadata.labels["ipaddress.kubernetes.io/ip-family"].text == "IPv6")
        #expect(o.metadata.labels["ipaddress.kubernetes.io/managed-by"].text == "ipallocator.k8s.io")
        let headless: JSON = ["spec": ["clusterIP": "None", "clusterIPs": ["None"]]]
        #expect(ServiceAddresses.clusterIPs(headless) == [])
    }
}
