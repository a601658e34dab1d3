// What a node announces and answers on its health-check ports.

import KubeModel
import KubeWire
import Testing

@testable import KubeProxy

@Suite struct AnnouncerTests {
    @Test func aNodeAnnouncesWhatTheControllerGaveIt() {
        var mine: JSON = Sample.service("a", "10.96.0.1", port: 80, target: 80, ["type": "LoadBalancer"])
        mine.metadata.annotations[Announcer.annotation] = "n1"
        mine.status.loadBalancer.ingress = [["ip": "10.0.0.202"], ["ip": "fd00::1"], ["hostname": "x.example"]]
        var other: JSON = mine
        other.metadata.annotations[Announcer.annotation] = "n2"
        var former: JSON = mine
        former.spec.type = "ClusterIP"
        #expect(Announcer.addresses([mine, other], nodeName: "n1") == ["10.0.0.202"])
        #expect(Announcer.addresses([other, former], nodeName: "n1") == [])
    }

    @Test func gratuitousARP() {
        let frame: [UInt8]? = GratuitousARP.frame("10.0.0.202", hardwareAddress: "02:00:00:00:00:01")
        #expect(frame?.count == 42)
        #expect(frame.map { Array($0[0..<14]) } == [255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 8, 6])
        // A request whose sender and target are both the address.
        #expect(frame.map { Array($0[28..<32]) } == [10, 0, 0, 202])
        #expect(frame.map { Array($0[38..<42]) } == [10, 0, 0, 202])
        #expect(GratuitousARP.frame("10.0.0", hardwareAddress: "02:00:00:00:00:01") == nil)
        #expect(GratuitousARP.frame("10.0.0.1", hardwareAddress: "") == nil)
    }

    @Test func localEndpointsAreCountedOnce() {
        let slice: JSON = Sample.slice(
            "a", port: 80,
            [
                ("10.1.0.1", "n1", ["ready": true]), ("10.1.0.1", "n1", [:]), ("10.1.0.2", "n1", ["ready": false]),
                ("10.1.0.3", "n2", ["ready": true]),
            ])
        #expect(HealthCheck.localEndpoints([slice, slice], nodeName: "n1") == 1)
        #expect(HealthCheck.localEndpoints([slice], nodeName: "n3") == 0)
        let body: JSON = HealthCheck(service: ObjectKey(namespace: "default", name: "a"), localEndpoints: 2).body
        #expect(body.localEndpoints.asInt == 2)
    }
}
