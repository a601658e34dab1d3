// The Node object of this machine, as the kubelet registers and reports it.

import KubeBase
import KubeModel
import KubeWire

/// What the runtime says of itself.
struct RuntimeFacts: Sendable, Equatable {
    /// `containerd://1.6.20`
    var version: String
    /// Empty when the runtime and its network are ready.
    var fault: String
    var pressure: Pressure = Pressure()
    /// core/v1 ContainerImage
    var images: [JSON]
}

enum NodeObject {
    static func labels(_ options: NodeAgentOptions, _ machine: Machine) -> [String: String] {
        var l: [String: String] = options.labels
        for prefix in ["kubernetes.io", "beta.kubernetes.io"] {
            l["\(prefix)/os"] = "linux"
            l["\(prefix)/arch"] = machine.architecture
        }
        l["kubernetes.io/hostname"] = options.nodeName
        return l
    }

    /// For registration; the status goes through `status`.
    static func make(_ options: NodeAgentOptions, _ machine: Machine) -> JSON {
        var node: JSON = ["apiVersion": "v1", "kind": "Node"]
        node.metadata.name = .string(options.nodeName)
        node.metadata.labels = JSON(labels(options, machine))
        node.metadata.annotations = ["volumes.kubernetes.io/controller-managed-attach-detach": "true"]
        node.spec = [:]
        let taints: [JSON] = options.taints.compactMap { taint($0) }
        if !taints.isEmpty { node.spec.taints = .array(taints) }
        return node
    }

    /// `key=value:effect`
    static func taint(_ text: String) -> JSON? {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let pair: [Substring] = text[..<colon].split(separator: "=", maxSplits: 1)
        guard let key = pair.first else { return nil }
        var t: JSON = ["key": .string(String(key)), "effect": .string(String(text[text.index(after: colon)...]))]
        if pair.count > 1 { t.value = .string(String(pair[1])) }
        return t
    }

    static func status(
        _ options: NodeAgentOptions, _ machine: Machine, _ runtime: RuntimeFacts, old: JSON, port: Int, now: Timestamp
    ) -> JSON {
        var s: JSON = [:]
        s.capacity = JSON(machine.capacity(options))
        s.allocatable = JSON(machine.allocatable(options))
        s.conditions = .array(conditions(runtime, old: old, now: now))
        s.addresses = .array(
            options.nodeIPs.map { ["type": "InternalIP", "address": .string($0)] }
                + [["type": "Hostname", "address": .string(options.nodeName)]])
        s.daemonEndpoints.kubeletEndpoint.Port = JSON(port)
        s.nodeInfo = [
            "machineID": .string(machine.machineID), "systemUUID": .string(machine.machineID),
            "bootID": .string(machine.bootID), "kernelVersion": .string(machine.kernel),
            "osImage": .string(machine.osImage), "containerRuntimeVersion": .string(runtime.version),
            "kubeletVersion": .string(options.version), "kubeProxyVersion": "", "operatingSystem": "linux",
            "architecture": .string(machine.architecture),
        ]
        if !runtime.images.isEmpty { s.images = .array(runtime.images) }
        return s
    }

    private static func conditions(_ runtime: RuntimeFacts, old: JSON, now: Timestamp) -> [JSON] {
        let isReady: Bool = runtime.fault.isEmpty
        let p: Pressure = runtime.pressure
        let all: [(String, Bool, String, String)] = [
            p.isMemoryShort
                ? ("MemoryPressure", true, "KubeletHasInsufficientMemory", "kubelet has insufficient memory available")
                : ("MemoryPressure", false, "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
            p.isDiskShort
                ? ("DiskPressure", true, "KubeletHasDiskPressure", "kubelet has disk pressure")
                : ("DiskPressure", false, "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
            p.isPIDShort
                ? ("PIDPressure", true, "KubeletHasInsufficientPID", "kubelet has insufficient PID available")
                : ("PIDPressure", false, "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
            (
                "Ready", isReady, isReady ? "KubeletReady" : "KubeletNotReady",
                isReady ? "kubelet is posting ready status" : runtime.fault
            ),
        ]
        return all.map { type, value, reason, message in
            let text: String = value ? "True" : "False"
            let before: JSON? = old.conditions.elements.first { $0.type.text == type && $0.status.text == text }
            return [
                "type": .string(type), "status": .string(text), "lastHeartbeatTime": .string(now.rfc3339),
                "lastTransitionTime": before?.lastTransitionTime ?? .string(now.rfc3339), "reason": .string(reason),
                "message": .string(message),
            ]
        }
    }

    /// Whether the API shows each of our conditions with our value.
    static func agrees(_ shown: JSON, _ ours: JSON) -> Bool {
        ours.conditions.elements.allSatisfy { c in
            shown.conditions.elements.contains { $0.type == c.type && $0.status == c.status }
        }
    }

    /// The same but for heartbeats.
    static func isSame(_ a: JSON, _ b: JSON) -> Bool {
        func stripped(_ s: JSON) -> JSON {
            var s: JSON = s
            s.conditions = .array(
                s.conditions.elements.map { c in
                    var c: JSON = c
                    c.lastHeartbeatTime = .null
                    return c
                })
            return s
        }
        return stripped(a) == stripped(b)
    }
}
