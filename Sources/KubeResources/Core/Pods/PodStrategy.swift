// Pods on their way into the store: pkg/registry/core/pod.

import KubeBase
package import KubeModel
package import KubeServer
package import KubeWire

package struct PodStrategy: Strategy {
    package init() {}
    package var keepsGeneration: Bool { true }

    package func prepareForCreate(_ pod: inout JSON, _ context: RequestContext) {
        pod.status = ["phase": "Pending"]
        if !pod.spec.schedulingGates.elements.isEmpty {
            pod.status.conditions = [
                [
                    "type": "PodScheduled", "status": "False", "reason": "SchedulingGated",
                    "message": "Scheduling is blocked due to non-empty scheduling gates",
                    "lastTransitionTime": .string(context.now.rfc3339),
                ]
            ]
        }
        pod.status.qosClass = .string(QualityOfService.of(pod.spec))
        pod.spec.ephemeralContainers = .null
    }

    package func validate(_ pod: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        PodSpecRules.check(pod.spec, at: "spec", &out)
        return out.list
    }

    package func prepareForUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext) {
        Self.keepStatus(&new, old: old)
        new.spec.ephemeralContainers = old.spec.ephemeralContainers
    }

    package func validateUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        PodSpecRules.check(new.spec, at: "spec", &out)
        if out.list.isEmpty { PodUpdateRules.check(new, old: old, &out) }
        return out.list
    }

    package func prepareForStatusUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext) {
        Self.keepAllButStatusAndMetadata(&new, old: old)
        if new.status.qosClass.text.isEmpty { new.status.qosClass = old.status.qosClass }
    }

    package func validateStatusUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        if old.status.qosClass.exists, new.status.qosClass != old.status.qosClass {
            out.invalid("status.qosClass", new.status.qosClass, "field is immutable")
        }
        for (i, ip) in new.status.podIPs.elements.enumerated() where !ip.ip.text.isEmpty {
            out.name("status.podIPs[\(i)]", ip.ip.text, IPAddress.check)
        }
        return out.list
    }

    /// The pod's own grace unless the request names one; none when no node has it or it has ended.
    package func gracePeriodSeconds(of pod: JSON, requested: Int?, _ context: RequestContext) -> Int? {
        let seconds: Int = requested ?? pod.spec.terminationGracePeriodSeconds.asInt ?? 30
        if pod.spec.nodeName.text.isEmpty || ["Succeeded", "Failed"].contains(pod.status.phase.text) { return 0 }
        return seconds < 0 ? 1 : seconds
    }

    package func warnings(onCreate pod: JSON, _ context: RequestContext) -> [String] {
        PodWarnings.of(pod, at: "")
    }
}

/// `pods/ephemeralcontainers`: only additions to that list.
package struct EphemeralContainersStrategy: Strategy {
    package init() {}

    package func prepareForUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext) {
        var result: JSON = old
        result.spec.ephemeralContainers = new.spec.ephemeralContainers
        result.metadata.resourceVersion = new.metadata.resourceVersion
        result.metadata.managedFields = new.metadata.managedFields
        new = result
    }

    package func validateUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        PodSpecRules.check(new.spec, at: "spec", &out)
        for c in old.spec.ephemeralContainers.elements {
            let now: JSON? = new.spec.ephemeralContainers.elements.first { $0.name == c.name }
            if let now {
                if !Faults.same(now, c) {
                    out.forbidden(
                        "spec.ephemeralContainers", "existing ephemeral containers \"\(c.name.text)\" may not be changed\n")
                }
            } else {
                out.forbidden(
                    "spec.ephemeralContainers", "existing ephemeral containers \"\(c.name.text)\" may not be removed\n")
            }
        }
        return out.list
    }
}

/// `pods/resize` (KEP-1287): cpu and memory of containers.
package struct ResizeStrategy: Strategy {
    package init() {}
    package var keepsGeneration: Bool { true }

    package func prepareForUpdate(_ new: inout JSON, old: JSON, _ context: RequestContext) {
        var result: JSON = old
        for list in ["containers", "initContainers"] {
            for i in result.spec[list].elements.indices {
                let name: JSON = result.spec[list][i].name
                guard let wanted = new.spec[list].elements.first(where: { $0.name == name }) else { continue }
                result.spec[list].elements[i].resources = wanted.resources
                if wanted.resizePolicy.exists { result.spec[list].elements[i].resizePolicy = wanted.resizePolicy }
            }
        }
        result.metadata.resourceVersion = new.metadata.resourceVersion
        result.metadata.managedFields = new.metadata.managedFields
        new = result
    }

    package func validateUpdate(_ new: JSON, old: JSON, _ context: RequestContext) -> [FieldError] {
        var out: Faults = Faults()
        PodSpecRules.check(new.spec, at: "spec", &out)
        if QualityOfService.of(new.spec) != old.status.qosClass.text, old.status.qosClass.exists {
            out.invalid(
                "spec", .string(old.status.qosClass.text),
                "Pod QOS Class may not change as a result of resizing")
        }
        func bare(_ spec: JSON) -> JSON {
            var spec: JSON = spec
            for list in ["containers", "initContainers"] {
                for i in spec[list].elements.indices {
                    for part in ["requests", "limits"] {
                        for name in ["cpu", "memory"] { spec[list].elements[i].resources[part][name] = .null }
                    }
                }
            }
            return spec
        }
        if !Faults.same(bare(new.spec), bare(old.spec)) {
            out.forbidden("spec", "only cpu and memory resources are mutable")
        }
        return out.list
    }
}
