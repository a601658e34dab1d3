// `describe deployment`, `replicaset`, `statefulset`, `daemonset`, `job`.

import KubeModel
import KubeWire

enum DescribeWorkload {
    private static func head(_ o: JSON, into w: inout DescribeWriter) {
        w.field("Name", o.meta.name)
        w.field("Namespace", o.meta.namespace)
    }

    static func deployment(_ d: JSON, replicaSets: [JSON], into w: inout DescribeWriter) {
        head(d, into: &w)
        w.field("CreationTimestamp", GoTime.text(d.metadata.creationTimestamp.text))
        w.map("Labels", d.meta.labels)
        w.annotations(d.meta.annotations)
        w.field("Selector", LabelSelector(d.spec.selector).description)
        let s: JSON = d.status
        func n(_ j: JSON) -> Int { j.asInt ?? 0 }
        w.field(
            "Replicas",
            "\(d.spec.replicas.asInt ?? 1) desired | \(n(s.updatedReplicas)) updated | \(n(s.replicas)) total | \(n(s.availableReplicas)) available | \(n(s.unavailableReplicas)) unavailable")
        w.field("StrategyType", d.spec.strategy.type.text)
        w.field("MinReadySeconds", "\(n(d.spec.minReadySeconds))")
        let rolling: JSON = d.spec.strategy.rollingUpdate
        if rolling.exists {
            w.field("RollingUpdateStrategy", "\(JSONPath.shown(rolling.maxUnavailable)) max unavailable, \(JSONPath.shown(rolling.maxSurge)) max surge")
        }
        DescribePod.template(d.spec.template, into: &w)
        conditions(s.conditions.elements, into: &w)
        let number: String = d.meta.annotations[Rollout.revisionKey] ?? ""
        func shown(_ sets: [JSON]) -> String {
            sets.isEmpty ? "<none>" : sets.map { "\($0.meta.name) (\(n($0.status.replicas))/\(n($0.spec.replicas)) replicas created)" }.joined(separator: ", ")
        }
        w.field("OldReplicaSets", shown(replicaSets.filter { $0.meta.annotations[Rollout.revisionKey] != number }))
        w.field("NewReplicaSet", shown(replicaSets.filter { $0.meta.annotations[Rollout.revisionKey] == number }))
    }

    private static func conditions(_ list: [JSON], into w: inout DescribeWriter) {
        guard !list.isEmpty else { return }
        w.add(0, "Conditions:")
        w.table(1, ["Type", "Status", "Reason"], list.map { [$0.type.text, $0.status.text, $0.reason.text] })
    }

    static func other(_ o: JSON, pods: [JSON], into w: inout DescribeWriter) {
        head(o, into: &w)
        w.field("Selector", LabelSelector(o.spec.selector).description)
        w.map("Labels", o.meta.labels)
        w.annotations(o.meta.annotations)
        if let owner = o.meta.controller { w.field("Controlled By", "\(owner.kind.text)/\(owner.name.text)") }
        switch o.kind.text {
        case "DaemonSet":
            w.field("Desired Number of Nodes Scheduled", "\(o.status.desiredNumberScheduled.asInt ?? 0)")
            w.field("Current Number of Nodes Scheduled", "\(o.status.currentNumberScheduled.asInt ?? 0)")
            w.field("Number of Nodes Scheduled with Up-to-date Pods", "\(o.status.updatedNumberScheduled.asInt ?? 0)")
            w.field("Number of Nodes Scheduled with Available Pods", "\(o.status.numberAvailable.asInt ?? 0)")
            w.field("Number of Nodes Misscheduled", "\(o.status.numberMisscheduled.asInt ?? 0)")
        case "Job":
            w.field("Parallelism", "\(o.spec.parallelism.asInt ?? 1)")
            w.field("Completions", o.spec.completions.asInt.map { "\($0)" } ?? "<unset>")
            w.field("Completion Mode", o.spec.completionMode.asString ?? "NonIndexed")
            if let start = o.status.startTime.asString { w.field("Start Time", GoTime.text(start)) }
            if let end = o.status.completionTime.asString { w.field("Completed At", GoTime.text(end)) }
        default:
            w.field("Replicas", "\(o.status.replicas.asInt ?? 0) current / \(o.spec.replicas.asInt ?? 1) desired")
        }
        func count(_ phase: String) -> Int { pods.filter { $0.status.phase.text == phase }.count }
        w.field("Pods Status", "\(count("Running")) Running / \(count("Pending")) Waiting / \(count("Succeeded")) Succeeded / \(count("Failed")) Failed")
        DescribePod.template(o.spec.template, into: &w)
        conditions(o.status.conditions.elements, into: &w)
    }
}
