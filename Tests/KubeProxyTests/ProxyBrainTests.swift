// The brain: which transactions follow which objects.

import KubeModel
@testable import KubeProxy
import KubeWire
import Testing

@Suite struct ProxyBrainTests {
    let network: ProxyNetwork = ProxyNetwork(
        nodeName: "n1", clusterCIDR: "10.244.0.0/16", serviceCIDR: "10.96.0.0/12", answeredHere: ["10.96.0.10"])

    func started() -> ProxyBrain {
        var brain: ProxyBrain = ProxyBrain(network: network)
        _ = brain.change()
        return brain
    }

    @Test func startRewritesTheTable() {
        var brain: ProxyBrain = ProxyBrain(network: network)
        let first: [JSON] = brain.change().transaction?.nftables.elements ?? []
        #expect(first.prefix(3).map { $0.fields.keys[0] } == ["add", "delete", "add"])
        #expect(brain.change() == ProxyChange())
    }

    @Test func changeTouchesOneService() {
        var brain: ProxyBrain = started()
        brain.on(service: nil, Sample.service("web", "10.96.0.1", port: 80, target: 8080))
        brain.on(slice: nil, Sample.slice("web", port: 8080, ready: ["10.244.1.2"]))
        _ = brain.change()
        brain.on(service: nil, Sample.service("db", "10.96.0.2", port: 5432, target: 5432))
        let text: String = brain.change().transaction.map { "\($0)" } ?? ""
        #expect(text.contains("10.96.0.2") && !text.contains("10.96.0.1\""))
    }

    @Test func sameObjectsChangeNothing() {
        var brain: ProxyBrain = started()
        let web: JSON = Sample.service("web", "10.96.0.1", port: 80, target: 8080)
        brain.on(service: nil, web)
        _ = brain.change()
        brain.on(service: web, web)
        #expect(brain.change().transaction == nil)
    }

    @Test func removalLeavesNothing() {
        var brain: ProxyBrain = started()
        let empty: Ruleset = brain.ruleset
        let web: JSON = Sample.service(
            "web", "10.96.0.1", port: 80, target: 8080, ["nodePort": 30080, "sessionAffinity": "ClientIP"])
        let slice: JSON = Sample.slice("web", port: 8080, ready: ["10.244.1.2"])
        brain.on(service: nil, web)
        brain.on(slice: nil, slice)
        _ = brain.change()
        #expect(brain.ruleset != empty)
        brain.on(service: web, nil)
        brain.on(slice: slice, nil)
        _ = brain.change()
        #expect(brain.ruleset == empty)
    }

    @Test func suspicionRewrites() {
        var brain: ProxyBrain = started()
        brain.suspect()
        #expect(brain.change().transaction != nil)
    }

    @Test func answeredAddressesAreLeftAlone() {
        var brain: ProxyBrain = started()
        brain.on(service: nil, Sample.service("kube-dns", "10.96.0.10", port: 53, target: 53))
        #expect(brain.change().transaction == nil)
    }

    @Test(arguments: [
        ["clusterIP": "None", "clusterIPs": ["None"]], ["type": "ExternalName", "clusterIP": "", "clusterIPs": []],
    ] as [JSON]) func servicesWithoutAddressHaveNoPort(_ spec: JSON) {
        #expect(ServicePort.list(Sample.service("x", "", port: 1, target: 1, spec)).isEmpty)
    }

    @Test func staleUDPFlowsAreForgotten() {
        var brain: ProxyBrain = started()
        brain.on(service: nil, Sample.service("dns", "10.96.0.3", port: 53, target: 53, transport: "UDP"))
        _ = brain.change()
        let two: JSON = Sample.slice("dns", port: 53, transport: "UDP", ready: ["10.244.1.2", "10.244.1.3"])
        brain.on(slice: nil, two)
        #expect(brain.change().staleFlows == [StaleFlows(address: "10.96.0.3", port: 53, endpoint: nil)])
        brain.on(slice: two, Sample.slice("dns", port: 53, transport: "UDP", ready: ["10.244.1.3"]))
        #expect(brain.change().staleFlows == [StaleFlows(address: "10.96.0.3", port: 53, endpoint: "10.244.1.2")])
    }

    static let ready: JSON = ["ready": true]
    static let unready: JSON = ["ready": false, "serving": false]
    static let leaving: JSON = ["ready": false, "serving": true, "terminating": true]

    @Test(arguments: [
        ([("a", "n1", ready), ("b", "n2", ready)], ["a", "b"], ["a"]),
        ([("a", "n1", unready), ("b", "n2", ready)], ["b"], []),
        ([("a", "n1", leaving), ("b", "n2", ready)], ["b"], ["a"]),
        ([("a", "n1", leaving), ("b", "n2", leaving)], ["a", "b"], ["a"]),
        ([("a", "n1", unready)], [], []),
        ([("a", "n1", [:])], ["a"], ["a"]),
    ] as [([(String, String, JSON)], [String], [String])])
    func destinations(_ endpoints: [(String, String, JSON)], _ cluster: [String], _ local: [String]) {
        let port: ServicePort = ServicePort.list(Sample.service("web", "10.96.0.1", port: 80, target: 8080))[0]
        let all: [Endpoint] = port.endpoints(in: [Sample.slice("web", port: 8080, endpoints)], nodeName: "n1")
        let d: Destinations = Destinations(all, nodeName: "n1", zone: "")
        #expect(d.cluster.map { $0.address } == cluster)
        #expect(d.local.map { $0.address } == local)
    }

    @Test func hintsKeepTrafficInItsZone() {
        func endpoint(_ address: String, _ zone: String) -> Endpoint {
            Endpoint(
                address: address, port: 1, isReady: true, isServing: true, isTerminating: false, isLocal: false,
                zones: zone.isEmpty ? [] : [zone], nodes: [])
        }
        let both: [Endpoint] = [endpoint("a", "z1"), endpoint("b", "z2")]
        #expect(Destinations(both, nodeName: "n1", zone: "z2").cluster.map { $0.address } == ["b"])
        #expect(Destinations(both, nodeName: "n1", zone: "z3").cluster.count == 2)
        #expect(Destinations(both + [endpoint("c", "")], nodeName: "n1", zone: "z2").cluster.count == 3)
    }
}
