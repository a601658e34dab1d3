// metrics.k8s.io/v1beta1: NodeMetrics and PodMetrics, measured when asked for; nothing is stored.

import KubeAPI
import KubeBase
import KubeModel
import KubeServer
import KubeWire

enum ResourceMetrics {
    static let group: String = "metrics.k8s.io"
    static let apiVersion: String = "metrics.k8s.io/v1beta1"

    /// As metrics-server registers them.
    static func definitions(_ settings: ClusterSettings) -> [ResourceDefinition] {
        let collector: UsageCollector = UsageCollector(time: settings.time)
        return [
            definition("nodes", "NodeMetrics", isNamespaced: false, NodeMetricsHandler(collector: collector)),
            definition("pods", "PodMetrics", isNamespaced: true, PodMetricsHandler(collector: collector)),
        ]
    }

    private static func definition(
        _ resource: String, _ kind: String, isNamespaced: Bool, _ handler: any SubresourceHandler
    ) -> ResourceDefinition {
        var d: ResourceDefinition = ResourceDefinition(
            gvr: GroupVersionResource(group: group, version: "v1beta1", resource: resource), kind: kind,
            listKind: kind + "List", singular: "", isNamespaced: isNamespaced, verbs: ["get", "list"],
            storagePrefix: "", strategy: PlainStrategy())
        d.virtual = handler
        d.columns = .usage(d.groupResource)
        d.openAPISchema = isNamespaced ? podSchema : nodeSchema
        return d
    }

    private static let usageSchema: JSON = [
        "type": "object", "description": "The usage of resources: cpu and memory.",
        "additionalProperties": ["type": "string", "x-kubernetes-int-or-string": true],
    ]

    private static func schema(_ what: String, _ more: [(String, JSON)]) -> JSON {
        var properties: JSON = [
            "apiVersion": ["type": "string"], "kind": ["type": "string"], "metadata": ["type": "object"],
            "timestamp": [
                "type": "string", "format": "date-time",
                "description": "With window, the interval that the usage was measured in: [timestamp - window, timestamp].",
            ],
            "window": ["type": "string"],
        ]
        for (name, value) in more { properties[name] = value }
        return [
            "type": "object", "description": .string(what), "required": ["timestamp", "window", .string(more[0].0)],
            "properties": properties,
        ]
    }

    private static let nodeSchema: JSON = schema(
        "NodeMetrics is the measured usage of resources of a node.", [("usage", usageSchema)])
    private static let podSchema: JSON = schema(
        "PodMetrics is the measured usage of resources of a pod.",
        [
            (
                "containers",
                [
                    "type": "array", "description": "Of all its containers, measured in the same interval.",
                    "items": [
                        "type": "object", "required": ["name", "usage"],
                        "properties": ["name": ["type": "string"], "usage": usageSchema],
                    ],
                ]
            )
        ])

    /// `ask` is by label and field; the objects that metrics are about have the labels.
    struct Question {
        var labels: LabelSelector = .everything
        var fields: FieldSelector = .everything
        private let definition: ResourceDefinition

        init(_ call: SubresourceCall) throws(StatusError) {
            definition = call.definition
            if let text = call.parameter("labelSelector"), !text.isEmpty { labels = try LabelSelector(parsing: text) }
            if let text = call.parameter("fieldSelector"), !text.isEmpty {
                fields = try FieldSelector(parsing: text)
                try definition.selectable.check(fields, kind: definition.kind)
            }
        }

        func selects(_ object: JSON) -> Bool {
            labels.matches(object: object) && (fields.isEverything || definition.selectable.matches(fields, object))
        }
    }

    static func list(_ call: SubresourceCall, _ items: [JSON]) -> SubresourceAnswer {
        .object(
            [
                "kind": .string(call.definition.listKind), "apiVersion": .string(apiVersion), "metadata": [:],
                "items": .array(items),
            ], status: 200)
    }

    static func one(_ call: SubresourceCall, _ item: JSON) -> SubresourceAnswer {
        var o: JSON = ["kind": .string(call.definition.kind), "apiVersion": .string(apiVersion)]
        for (key, value) in item.fields { o[key] = value }
        return .object(o, status: 200)
    }

    /// Name, namespace and labels of the object that is measured.
    static func metadata(of object: JSON, now: Timestamp) -> JSON {
        var m: JSON = ["name": object.metadata.name]
        if object.metadata.namespace.exists { m.namespace = object.metadata.namespace }
        m.creationTimestamp = .string(now.rfc3339)
        if !object.metadata.labels.fields.isEmpty { m.labels = object.metadata.labels }
        return m
    }

    /// A ResourceList: cpu in billionths of a core, memory in bytes.
    static func usage(_ u: MeasuredUsage) -> JSON {
        [
            "cpu": Quantity("\(u.cpuNanoCores)n")?.json ?? "0",
            "memory": Quantity(Int64(clamping: u.memoryBytes), format: .binarySI).json,
        ]
    }

    /// To the millisecond, as agents tell the time.
    static func text(_ window: Duration) -> JSON {
        let (seconds, attoseconds): (Int64, Int64) = window.components
        let milliseconds: Int64 = seconds * 1000 + attoseconds / 1_000_000_000_000_000
        return .string(GoDuration.format(nanoseconds: milliseconds * 1_000_000))
    }
}

struct NodeMetricsHandler: SubresourceHandler {
    let collector: UsageCollector

    func handle(_ call: SubresourceCall) async throws(StatusError) -> SubresourceAnswer {
        let name: String = call.context.name
        if !name.isEmpty {
            guard let node = call.registry.get(API.nodes, namespace: "", name: name) else {
                throw .notFound(API.nodes.groupResource, name)
            }
            guard let item = item(node, try await collector.windows(call.registry), call.context.now) else {
                throw .notFound(GroupResource(group: ResourceMetrics.group, resource: "nodemetrics"), name)
            }
            return ResourceMetrics.one(call, item)
        }
        let question: ResourceMetrics.Question = try ResourceMetrics.Question(call)
        let windows: [String: UsageWindow] = try await collector.windows(call.registry)
        let nodes: [JSON] = call.registry.list(API.nodes, namespace: "").filter { question.selects($0) }
        return ResourceMetrics.list(call, nodes.compactMap { item($0, windows, call.context.now) })
    }

    private func item(_ node: JSON, _ windows: [String: UsageWindow], _ now: Timestamp) -> JSON? {
        guard let usage = windows[node.metadata.name.text]?.node else { return nil }
        return [
            "metadata": ResourceMetrics.metadata(of: node, now: now), "timestamp": .string(usage.at.rfc3339),
            "window": ResourceMetrics.text(usage.window), "usage": ResourceMetrics.usage(usage),
        ]
    }
}

struct PodMetricsHandler: SubresourceHandler {
    let collector: UsageCollector

    func handle(_ call: SubresourceCall) async throws(StatusError) -> SubresourceAnswer {
        let name: String = call.context.name
        let namespace: String = call.context.namespace
        if !name.isEmpty {
            guard let pod = call.registry.get(API.pods, namespace: namespace, name: name) else {
                throw .notFound(API.pods.groupResource, name)
            }
            guard let item = item(pod, try await collector.windows(call.registry), call.context.now) else {
                throw .notFound(
                    GroupResource(group: ResourceMetrics.group, resource: "podmetrics"), "\(namespace)/\(name)")
            }
            return ResourceMetrics.one(call, item)
        }
        let question: ResourceMetrics.Question = try ResourceMetrics.Question(call)
        let windows: [String: UsageWindow] = try await collector.windows(call.registry)
        let pods: [JSON] = call.registry.list(API.pods, namespace: namespace).filter { question.selects($0) }
        return ResourceMetrics.list(call, pods.compactMap { item($0, windows, call.context.now) })
    }

    private func item(_ pod: JSON, _ windows: [String: UsageWindow], _ now: Timestamp) -> JSON? {
        let key: NodeSample.PodKey = NodeSample.PodKey(
            namespace: pod.metadata.namespace.text, name: pod.metadata.name.text)
        guard pod.status.phase.text == "Running", let usage = windows[pod.spec.nodeName.text]?.pod(key),
            let oldest = usage.values.min(by: { $0.at < $1.at })
        else { return nil }
        let containers: [JSON] = usage.sorted { $0.key < $1.key }.map {
            ["name": .string($0.key), "usage": ResourceMetrics.usage($0.value)]
        }
        return [
            "metadata": ResourceMetrics.metadata(of: pod, now: now), "timestamp": .string(oldest.at.rfc3339),
            "window": ResourceMetrics.text(oldest.window), "containers": .array(containers),
        ]
    }
}
