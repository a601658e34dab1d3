// `describe node`.

import KubeBase
import KubeModel
import KubeWire

enum DescribeNode {
    static func node(_ n: JSON, pods: [JSON], lease: JSON, into w: inout DescribeWriter) {
        w.field("Name", n.meta.name)
        let roles: [String] = n.meta.labels.keys.filter { $0.hasPrefix("node-role.kubernetes.io/") }.map { String($0.dropFirst(24)) }.sorted()
        w.field("Roles", roles.isEmpty ? "<none>" : roles.joined(separator: ","))
        w.map("Labels", n.meta.labels)
        w.annotations(n.meta.annotations)
        w.field("CreationTimestamp", GoTime.text(n.metadata.creationTimestamp.text))
        w.list("Taints", n.spec.taints.elements.map { t in
            t.key.text + (t.value.exists && !t.value.text.isEmpty ? "=\(t.value.text)" : "") + ":" + t.effect.text
        })
        w.field("Unschedulable", n.spec.unschedulable.isTrue ? "true" : "false")
        w.add(0, "Lease:")
        w.field("HolderIdentity", lease.spec.holderIdentity.asString ?? "<unset>", level: 1)
        w.field("AcquireTime", lease.spec.acquireTime.asString.map { GoTime.text($0) } ?? "<unset>", level: 1)
        w.field("RenewTime", lease.spec.renewTime.asString.map { GoTime.text($0) } ?? "<unset>", level: 1)
        if !n.status.conditions.elements.isEmpty {
            w.add(0, "Conditions:")
            w.table(
                1, ["Type", "Status", "LastHeartbeatTime", "LastTransitionTime", "Reason", "Message"],
                n.status.conditions.elements.map { c in
                    [c.type.text, c.status.text, GoTime.text(c.lastHeartbeatTime.text), GoTime.text(c.lastTransitionTime.text), c.reason.text, c.message.text]
                }, spaced: true)
        }
        w.add(0, "Addresses:")
        for a in n.status.addresses.elements { w.field(a.type.text, a.address.text, level: 1) }
        for key in ["capacity", "allocatable"] {
            w.add(0, key.capitalizedFirst + ":")
            for (resource, amount) in n.status[key].fields.pairs.sorted(by: { $0.key < $1.key }) { w.field(resource, JSONPath.shown(amount), level: 1) }
        }
        let info: JSON = n.status.nodeInfo
        w.add(0, "System Info:")
        for (key, label) in systemFields { w.field(label, info[key].text, level: 1) }
        if n.spec.podCIDR.exists { w.field("PodCIDR", n.spec.podCIDR.text) }
        if n.spec.podCIDRs.exists { w.field("PodCIDRs", n.spec.podCIDRs.strings.joined(separator: ",")) }
        if n.spec.providerID.exists { w.field("ProviderID", n.spec.providerID.text) }
        podTable(n, pods, into: &w)
    }

    private static let systemFields: [(String, String)] = [
        ("machineID", "Machine ID"), ("systemUUID", "System UUID"), ("bootID", "Boot ID"), ("kernelVersion", "Kernel Version"),
        ("osImage", "OS Image"), ("operatingSystem", "Operating System"), ("architecture", "Architecture"),
        ("containerRuntimeVersion", "Container Runtime Version"), ("kubeletVersion", "Kubelet Version"), ("kubeProxyVersion", "Kube-Proxy Version"),
    ]

    private static func podTable(_ n: JSON, _ pods: [JSON], into w: inout DescribeWriter) {
        func amount(_ pod: JSON, _ kind: String, _ resource: String) -> Quantity {
            pod.spec.containers.elements.reduce(Quantity(milli: 0)) { sum, c in
                sum + (Quantity(JSONPath.shown(c.resources[kind][resource])) ?? Quantity(milli: 0))
            }
        }
        func shown(_ q: Quantity, _ resource: String) -> String {
            let whole: Quantity = Quantity(JSONPath.shown(n.status.allocatable[resource])) ?? Quantity(milli: 0)
            let percent: Int64 = whole.milliValue == 0 ? 0 : Int64(Double(q.milliValue) * 100 / Double(whole.milliValue))
            return "\(q) (\(percent)%)"
        }
        w.add(0, "Non-terminated Pods:", "(\(pods.count) in total)")
        // The empty column is kubectl's.
        w.add(1, "Namespace", "Name", "", "CPU Requests", "CPU Limits", "Memory Requests", "Memory Limits", "Age")
        w.add(1, "---------", "----", "", "------------", "----------", "---------------", "-------------", "---")
        for pod in pods {
            w.add(
                1, pod.meta.namespace, pod.meta.name, "", shown(amount(pod, "requests", "cpu"), "cpu"),
                shown(amount(pod, "limits", "cpu"), "cpu"), shown(amount(pod, "requests", "memory"), "memory"),
                shown(amount(pod, "limits", "memory"), "memory"), DescribeEvents.since(pod.metadata.creationTimestamp.text))
        }
        w.add(0, "Allocated resources:")
        w.add(1, "(Total limits may be over 100 percent, i.e., overcommitted.)")
        w.table(
            1, ["Resource", "Requests", "Limits"],
            (["cpu", "memory", "ephemeral-storage"] + n.status.allocatable.fields.pairs.map { $0.key }.filter { $0.hasPrefix("hugepages-") }.sorted()).map { resource in
                func total(_ kind: String) -> Quantity { pods.reduce(Quantity(milli: 0)) { $0 + amount($1, kind, resource) } }
                return [resource, shown(total("requests"), resource), shown(total("limits"), resource)]
            })
    }
}
