// Autoscalers, served as autoscaling/v1 and v2, kept as v2.

import KubeAPI
import KubeModel
import KubeServer
import KubeWire

enum HorizontalPodAutoscalers {
    private static let strategy: RuledStrategy = RuledStrategy(hasStatus: true, keepsGeneration: true) { o, out in
        let spec: JSON = o.spec
        if let min = spec.minReplicas.asInt {
            if min < 1 { out.invalid("spec.minReplicas", spec.minReplicas, "must be greater than or equal to 1") }
            if let max = spec.maxReplicas.asInt, max >= 1, max < min {
                out.invalid("spec.maxReplicas", spec.maxReplicas, "must be greater than or equal to `minReplicas`")
            }
        }
        if (spec.maxReplicas.asInt ?? 0) < 1 {
            out.invalid("spec.maxReplicas", spec.maxReplicas.exists ? spec.maxReplicas : 0, "must be greater than 0")
        }
        ScalingRules.target(spec.scaleTargetRef, at: "spec.scaleTargetRef", &out)
        for (i, m) in spec.metrics.elements.enumerated() { ScalingRules.metric(m, at: "spec.metrics[\(i)]", &out) }
        for direction in ["scaleUp", "scaleDown"] where spec.behavior[direction].exists {
            ScalingRules.behaviour(spec.behavior[direction], at: "spec.behavior.\(direction)", &out)
        }
    }

    static let entries: [Entry] = [
        Entry(API.horizontalPodAutoscalers, strategy),
        Entry(GroupVersionResource("autoscaling/v1", "horizontalpodautoscalers")) { d, _ in
            d.strategy = strategy
            d.conversion = AutoscalerConversion()
            d.storage = GroupVersionKind(group: "autoscaling", version: "v2", kind: "HorizontalPodAutoscaler")
        },
    ]
}

/// autoscaling/v1 ↔ v2: the CPU target is a field in v1 and a metric in v2; other metrics travel in an annotation.
struct AutoscalerConversion: VersionConversion {
    private static let metricsKey: String = "autoscaling.alpha.kubernetes.io/metrics"
    private static let conditionsKey: String = "autoscaling.alpha.kubernetes.io/conditions"
    private static let behaviorKey: String = "autoscaling.alpha.kubernetes.io/behavior"
    private static let currentKey: String = "autoscaling.alpha.kubernetes.io/current-metrics"

    private static func isCPU(_ m: JSON) -> Bool {
        m.type.text == "Resource" && m.resource.name.text == "cpu" && m.resource.target.averageUtilization.exists
    }

    func toStorage(_ object: JSON) -> JSON {
        var o: JSON = object
        var metrics: [JSON] = []
        if o.spec.targetCPUUtilizationPercentage.exists {
            metrics.append([
                "type": "Resource",
                "resource": [
                    "name": "cpu",
                    "target": [
                        "type": "Utilization", "averageUtilization": o.spec.targetCPUUtilizationPercentage,
                    ],
                ],
            ])
        }
        func taken(_ key: String) -> JSON? {
            guard let text = o.metadata.annotations[key].asString else { return nil }
            o.metadata.annotations[key] = .null
            return try? JSON.parse(text)
        }
        if let more = taken(Self.metricsKey) { metrics += more.elements }
        if let behavior = taken(Self.behaviorKey) { o.spec.behavior = behavior }
        if let conditions = taken(Self.conditionsKey) { o.status.conditions = conditions }
        var current: [JSON] = taken(Self.currentKey)?.elements ?? []
        if o.status.currentCPUUtilizationPercentage.exists {
            let average: JSON = o.status.currentCPUUtilizationPercentage
            current.insert(
                ["type": "Resource", "resource": ["name": "cpu", "current": ["averageUtilization": average]]], at: 0)
        }
        if o.metadata.annotations.fields.isEmpty { o.metadata.annotations = .null }
        o.spec.targetCPUUtilizationPercentage = .null
        o.status.currentCPUUtilizationPercentage = .null
        if !metrics.isEmpty { o.spec.metrics = .array(metrics) }
        if !current.isEmpty { o.status.currentMetrics = .array(current) }
        return o
    }

    func fromStorage(_ object: JSON) -> JSON {
        var o: JSON = object
        func note(_ key: String, _ value: JSON) {
            if value.exists, !value.elements.isEmpty || value.asObject != nil {
                o.metadata.annotations[key] = .string(value.description)
            }
        }
        let metrics: [JSON] = o.spec.metrics.elements
        if let cpu = metrics.first(where: { Self.isCPU($0) }) {
            o.spec.targetCPUUtilizationPercentage = cpu.resource.target.averageUtilization
        }
        note(Self.metricsKey, .array(metrics.filter { !Self.isCPU($0) }))
        note(Self.behaviorKey, o.spec.behavior)
        note(Self.conditionsKey, o.status.conditions)
        var current: [JSON] = o.status.currentMetrics.elements
        if let i = current.firstIndex(where: { $0.type.text == "Resource" && $0.resource.name.text == "cpu" }) {
            o.status.currentCPUUtilizationPercentage = current[i].resource.current.averageUtilization
            current.remove(at: i)
        }
        note(Self.currentKey, .array(current))
        for f in ["metrics", "behavior"] { o.spec[f] = .null }
        for f in ["conditions", "currentMetrics"] { o.status[f] = .null }
        return o
    }
}
