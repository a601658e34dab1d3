// Services and EndpointSlices to test with.

import KubeModel
import KubeWire

enum Sample {
    static func service(
        _ name: String, _ ip: String, port: Int, target: Int, transport: String = "TCP", _ more: JSON = [:]
    ) -> JSON {
        var s: JSON = ["apiVersion": "v1", "kind": "Service"]
        s.metadata.namespace = "default"
        s.metadata.name = .string(name)
        s.spec.clusterIP = .string(ip)
        s.spec.clusterIPs = [.string(ip)]
        s.spec.ports = [
            ["name": "main", "protocol": .string(transport), "port": JSON(port), "targetPort": JSON(target)]
        ]
        for (key, value) in more.fields {
            if key == "nodePort" { s.spec.ports[0].nodePort = value } else { s.spec[key] = value }
        }
        return s
    }

    /// `endpoints`: address, node and, when not plainly ready, the conditions.
    static func slice(
        _ service: String, port: Int, transport: String = "TCP", _ endpoints: [(String, String, JSON)]
    ) -> JSON {
        var s: JSON = ["apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4"]
        s.metadata.namespace = "default"
        s.metadata.name = .string(service + "-abcde")
        s.metadata.labels = JSON(["kubernetes.io/service-name": service])
        s.ports = [["name": "main", "protocol": .string(transport), "port": JSON(port)]]
        s.endpoints = .array(
            endpoints.map { address, node, conditions in
                ["addresses": [.string(address)], "nodeName": .string(node), "conditions": conditions]
            })
        return s
    }

    static func slice(_ service: String, port: Int, transport: String = "TCP", ready: [String]) -> JSON {
        slice(service, port: port, transport: transport, ready.map { ($0, "n1", ["ready": true]) })
    }
}
