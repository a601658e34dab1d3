// Small plugins that complete pods, claims and ingresses: priority, tolerations, runtime class, default classes.

import KubeAPI
package import KubeModel
package import KubeServer
import KubeWire

/// Pods tolerate a node that is not ready or unreachable for 300 seconds unless they say otherwise.
package struct DefaultTolerationSeconds: AdmissionPlugin {
    package let name: String = "DefaultTolerationSeconds"
    package init() {}

    package func admit(_ request: inout AdmissionRequest) async throws(StatusError) {
        guard request.resource == API.pods, request.operation == .create, request.subresource.isEmpty else { return }
        for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
            let isTolerated: Bool = request.object.spec.tolerations.elements.contains { t in
                (t.key.text == key || t.key.text.isEmpty) && (t.effect.text == "NoExecute" || t.effect.text.isEmpty)
            }
            if isTolerated { continue }
            request.object.spec.tolerations.elements.append([
                "key": .string(key), "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300,
            ])
        }
    }
}

/// spec.priority from the class by name; only one class is the default.
package struct PriorityAdmission: AdmissionPlugin {
    package let name: String = "Priority"
    package init() {}

    package func admit(_ request: inout AdmissionRequest) async throws(StatusError) {
        guard request.resource == API.pods, request.subresource.isEmpty else { return }
        if request.operation == .update {
            for f in ["priority", "preemptionPolicy"] where !request.object.spec[f].exists {
                request.object.spec[f] = request.oldObject.spec[f]
            }
        }
        guard request.operation == .create else { return }
        var value: Int = 0
        var policy: String = "PreemptLowerPriority"
        let named: String = request.object.spec.priorityClassName.text
        if named.isEmpty {
            let classes: [JSON] = request.context.registry.list(API.priorityClasses, namespace: "")
            let standard: JSON? = classes.filter { $0.globalDefault.isTrue }.min {
                ($0.value.asInt ?? 0) < ($1.value.asInt ?? 0)
            }
            if let standard {
                request.object.spec.priorityClassName = standard.metadata.name
                value = standard.value.asInt ?? 0
                policy = standard.preemptionPolicy.asString ?? policy
            }
        } else {
            guard let c = request.context.registry.get(API.priorityClasses, namespace: "", name: named) else {
                throw .forbidden(API.pods.groupResource, request.name, "no PriorityClass with name \(named) was found")
            }
            value = c.value.asInt ?? 0
            policy = c.preemptionPolicy.asString ?? policy
        }
        if let given = request.object.spec.priority.asInt, given != value {
            throw .forbidden(
                API.pods.groupResource, request.name,
                "the integer value of priority (\(given)) must not be provided in pod spec; priority admission controller computed \(value) from the given PriorityClass name")
        }
        if let given = request.object.spec.preemptionPolicy.asString, given != policy {
            throw .forbidden(
                API.pods.groupResource, request.name,
                "the string value of PreemptionPolicy (\(given)) must not be provided in pod spec; priority admission controller computed \(policy) from the given PriorityClass name")
        }
        request.object.spec.priority = JSON(value)
        request.object.spec.preemptionPolicy = .string(policy)
    }

    package func validate(_ request: AdmissionRequest) async throws(StatusError) {
        guard request.resource == API.priorityClasses, request.operation != .delete, request.object.globalDefault.isTrue
        else { return }
        let other: JSON? = request.context.registry.list(API.priorityClasses, namespace: "").first {
            $0.globalDefault.isTrue && $0.meta.name != request.name
        }
        if let other {
            throw .forbidden(
                API.priorityClasses.groupResource, request.name,
                "PriorityClass \(other.meta.name) is already marked as default. Only one default can exist")
        }
    }
}

/// New nodes take no pods before their controller has seen them ready.
package struct TaintNodesByCondition: AdmissionPlugin {
    package let name: String = "TaintNodesByCondition"
    package init() {}

    package func admit(_ request: inout AdmissionRequest) async throws(StatusError) {
        guard request.resource == API.nodes, request.operation == .create, request.subresource.isEmpty else { return }
        let isThere: Bool = request.object.spec.taints.elements.contains {
            $0.key.text == "node.kubernetes.io/not-ready" && $0.effect.text == "NoSchedule"
        }
        if !isThere {
            request.object.spec.taints.elements.append([
                "key": "node.kubernetes.io/not-ready", "effect": "NoSchedule",
            ])
        }
    }
}

/// The overhead and placement of a pod's RuntimeClass.
package struct RuntimeClassAdmission: AdmissionPlugin {
    package let name: String = "RuntimeClass"
    package init() {}

    private func runtimeClass(_ request: AdmissionRequest) throws(StatusError) -> JSON? {
        guard request.resource == API.pods, request.operation == .create, request.subresource.isEmpty else { return nil }
        let named: String = request.object.spec.runtimeClassName.text
        if named.isEmpty { return nil }
        guard let c = request.context.registry.get(API.runtimeClasses, namespace: "", name: named) else {
            throw .forbidden(
                API.pods.groupResource, request.name, "pod rejected: RuntimeClass \"\(named)\" not found")
        }
        return c
    }

    package func admit(_ request: inout AdmissionRequest) async throws(StatusError) {
        guard let c = try runtimeClass(request) else { return }
        let overhead: JSON = c.overhead.podFixed
        if overhead.exists {
            if request.object.spec.overhead.exists, !Faults.same(request.object.spec.overhead, overhead) {
                throw .forbidden(
                    API.pods.groupResource, request.name,
                    "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead")
            }
            request.object.spec.overhead = overhead
        }
        for (key, value) in c.scheduling.nodeSelector.fields {
            let own: JSON = request.object.spec.nodeSelector[key]
            if own.exists, own != value {
                throw .forbidden(
                    API.pods.groupResource, request.name,
                    "conflict: runtimeClass.scheduling.nodeSelector[\(key)] = \(value.text); pod.spec.nodeSelector[\(key)] = \(own.text)")
            }
            request.object.spec.nodeSelector[key] = value
        }
        for t in c.scheduling.tolerations.elements where !request.object.spec.tolerations.elements.contains(t) {
            request.object.spec.tolerations.elements.append(t)
        }
    }
}
