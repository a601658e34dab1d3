// What the scheduler reads of a Pod, taken apart once.

package import KubeBase
package import KubeModel
package import KubeWire

/// v1.PodAffinityTerm, with what it means for namespaces worked out as far as the pod alone allows.
package struct PodTerm: Sendable {
    package let selector: LabelSelector
    package let topologyKey: String
    private let namespaces: Set<String>
    private let namespaceSelector: LabelSelector
    /// 1 for required terms.
    package let weight: Int64

    package init(_ json: JSON, namespace: String, labels: [String: String], weight: Int64 = 1) {
        topologyKey = json.topologyKey.text
        namespaceSelector = LabelSelector(json.namespaceSelector)
        let named: [String] = json.namespaces.strings
        namespaces = named.isEmpty && !json.namespaceSelector.exists ? [namespace] : Set(named)
        selector = Self.selector(json, labels)
        self.weight = weight
    }

    /// `labelSelector` with `matchLabelKeys` and `mismatchLabelKeys` (KEP-3633) resolved against the pod's own labels.
    static func selector(_ json: JSON, _ labels: [String: String]) -> LabelSelector {
        guard json.labelSelector.exists else { return .nothing }
        var list: [LabelSelector.Requirement] = LabelSelector(json.labelSelector).requirements
        for key in json.matchLabelKeys.strings {
            if let value: String = labels[key] { list.append(LabelSelector.Requirement(key, .isIn, [value])) }
        }
        for key in json.mismatchLabelKeys.strings {
            if let value: String = labels[key] { list.append(LabelSelector.Requirement(key, .notIn, [value])) }
        }
        return LabelSelector(requirements: list)
    }

    package func matches(_ pod: PodView, _ cluster: Cluster) -> Bool {
        guard selector.matches(pod.labels) else { return false }
        if namespaces.contains(pod.key.namespace) { return true }
        return !namespaceSelector.selectsNothing
            && namespaceSelector.matches(cluster.namespaceLabels[pod.key.namespace] ?? [:])
    }
}

/// v1.TopologySpreadConstraint
package struct SpreadConstraint: Sendable {
    package let maxSkew: Int
    package let topologyKey: String
    package let isRequired: Bool
    package let selector: LabelSelector
    package let minDomains: Int
    package let honorsNodeAffinity: Bool
    package let honorsNodeTaints: Bool

    package init(_ json: JSON, labels: [String: String]) {
        maxSkew = json.maxSkew.asInt ?? 1
        topologyKey = json.topologyKey.text
        isRequired = json.whenUnsatisfiable.text != "ScheduleAnyway"
        selector = PodTerm.selector(json, labels)
        minDomains = json.minDomains.asInt ?? 1
        honorsNodeAffinity = json.nodeAffinityPolicy.text != "Ignore"
        honorsNodeTaints = json.nodeTaintsPolicy.text == "Honor"
    }

    /// A cluster default: preferred only.
    package init(maxSkew: Int, topologyKey: String, selector: LabelSelector) {
        self.maxSkew = maxSkew
        self.topologyKey = topologyKey
        self.selector = selector
        isRequired = false
        minDomains = 1
        honorsNodeAffinity = true
        honorsNodeTaints = false
    }
}

package struct HostPort: Sendable, Hashable {
    package var address: String
    package var transport: String
    package var port: Int

    package func conflicts(with other: HostPort) -> Bool {
        port == other.port && transport == other.transport
            && (address == other.address || address == "0.0.0.0" || other.address == "0.0.0.0")
    }
}

/// Immutable: one for each state of a pod that the informer shows.
package final class PodView: Sendable {
    package let json: JSON
    package let key: ObjectKey
    package let uid: String
    package let labels: [String: String]
    package let priority: Int
    package let created: Timestamp
    package let nodeName: String
    package let isDeleting: Bool
    /// Succeeded or Failed: occupies nothing.
    package let isFinished: Bool
    package let gates: [String]
    package let schedulerName: String

    package let requests: Resources
    /// For scores: containers without a request count with a usual amount.
    package let likelyRequests: Resources
    package let hostPorts: [HostPort]
    package let tolerations: [Toleration]
    package let nodeSelector: [String: String]
    package let requiredNodes: NodeSelector?
    package let preferredNodes: [(weight: Int64, term: NodeSelectorTerm)]
    package let affinity: [PodTerm]
    package let antiAffinity: [PodTerm]
    package let preferredAffinity: [PodTerm]
    package let preferredAntiAffinity: [PodTerm]
    package let spread: [SpreadConstraint]
    package let claims: [String]
    package let images: [String]
    package let nominatedNodeName: String
    package let preemptsLowerPriority: Bool

    package init(_ pod: JSON) {
        let spec: JSON = pod.spec
        let meta: ObjectMeta = pod.meta
        json = pod
        key = meta.key
        uid = meta.uid
        labels = meta.labels
        priority = spec.priority.asInt ?? 0
        created = meta.creationTimestamp ?? Timestamp(seconds: 0)
        nodeName = spec.nodeName.text
        isDeleting = meta.isDeleting
        isFinished = ["Succeeded", "Failed"].contains(pod.status.phase.text)
        gates = spec.schedulingGates.elements.map { $0.name.text }
        schedulerName = spec.schedulerName.asString ?? "default-scheduler"
        requests = Resources.ofPod(spec) { Resources($0.resources.requests) }
        likelyRequests = Resources.ofPod(spec) { Resources.nonZeroRequests($0) }
        hostPorts = Self.hostPorts(spec)
        tolerations = spec.tolerations.elements.map { Toleration($0) }
        nodeSelector = spec.nodeSelector.stringMap
        let affinity: JSON = spec.affinity
        let preferred: String = "preferredDuringSchedulingIgnoredDuringExecution"
        requiredNodes = NodeSelector(affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution)
        preferredNodes = affinity.nodeAffinity[preferred].elements.map {
            ($0.weight.asInt64 ?? 0, NodeSelectorTerm($0.preference))
        }
        (self.affinity, preferredAffinity) = Self.terms(affinity.podAffinity, meta)
        (antiAffinity, preferredAntiAffinity) = Self.terms(affinity.podAntiAffinity, meta)
        let labels: [String: String] = self.labels
        spread = spec.topologySpreadConstraints.elements.map { SpreadConstraint($0, labels: labels) }
        claims = spec.volumes.elements.compactMap { v in
            if v.ephemeral.exists { return "\(meta.name)-\(v.name.text)" }
            return v.persistentVolumeClaim.claimName.asString
        }
        images = (spec.containers.elements + spec.initContainers.elements).map { $0.image.text }
        nominatedNodeName = pod.status.nominatedNodeName.text
        preemptsLowerPriority = spec.preemptionPolicy.text != "Never"
    }

    private static func terms(_ json: JSON, _ meta: ObjectMeta) -> (required: [PodTerm], preferred: [PodTerm]) {
        let namespace: String = meta.namespace
        let labels: [String: String] = meta.labels
        let required: [PodTerm] = json.requiredDuringSchedulingIgnoredDuringExecution.elements.map {
            PodTerm($0, namespace: namespace, labels: labels)
        }
        let preferred: [PodTerm] = json.preferredDuringSchedulingIgnoredDuringExecution.elements.map {
            PodTerm($0.podAffinityTerm, namespace: namespace, labels: labels, weight: $0.weight.asInt64 ?? 0)
        }
        return (required, preferred)
    }

    private static func hostPorts(_ spec: JSON) -> [HostPort] {
        let sidecars: [JSON] = spec.initContainers.elements.filter { $0.restartPolicy.text == "Always" }
        var list: [HostPort] = []
        for c in spec.containers.elements + sidecars {
            for p in c.ports.elements {
                guard let port: Int = p.hostPort.asInt, port > 0 else { continue }
                let address: String = p.hostIP.text.isEmpty ? "0.0.0.0" : p.hostIP.text
                list.append(HostPort(address: address, transport: p["protocol"].asString ?? "TCP", port: port))
            }
        }
        return list
    }

    package var group: PodGroup { PodGroup(namespace: key.namespace, labels: labels) }

    package func tolerates(_ taint: Taint) -> Bool { tolerations.contains { $0.tolerates(taint) } }

    /// The node selector and required node affinity together.
    package func wants(_ node: NodeView) -> Bool {
        nodeSelector.allSatisfy { node.labels[$0.key] == $0.value }
            && (requiredNodes?.matches(name: node.name, labels: node.labels) ?? true)
    }

    package var hasPodTerms: Bool {
        !(affinity.isEmpty && antiAffinity.isEmpty && preferredAffinity.isEmpty && preferredAntiAffinity.isEmpty)
    }
}
