// LimitRange objects: defaults for containers, bounds for containers, pods and claims.

import KubeAPI
package import KubeModel
package import KubeServer
import KubeWire

package struct LimitRanger: AdmissionPlugin {
    package let name: String = "LimitRanger"
    package init() {}

    private func ranges(_ request: AdmissionRequest) -> [JSON] {
        guard request.subresource.isEmpty || request.subresource == "resize" else { return [] }
        let cares: Bool =
            (request.resource == API.pods && (request.operation == .create || request.subresource == "resize"))
            || (request.resource == API.persistentVolumeClaims && request.operation != .delete)
        guard cares, request.operation != .delete else { return [] }
        return request.context.registry.list(API.limitRanges, namespace: request.namespace)
    }

    package func admit(_ request: inout AdmissionRequest) async throws(StatusError) {
        guard request.resource == API.pods, request.operation == .create else { return }
        for range in ranges(request) {
            let items: [JSON] = range.spec.limits.elements.filter { $0.type.text == "Container" }
            guard !items.isEmpty else { continue }
            var notes: [String] = []
            for list in ["initContainers", "containers"] {
                for i in request.object.spec[list].elements.indices {
                    Self.fill(&request.object.spec[list].elements[i], items, &notes)
                }
            }
            if !notes.isEmpty {
                request.object.metadata.annotations["kubernetes.io/limit-ranger"] = .string(
                    "LimitRanger plugin set: " + notes.joined(separator: "; "))
            }
        }
    }

    private static func fill(_ c: inout JSON, _ items: [JSON], _ notes: inout [String]) {
        for (source, part, word) in [("defaultRequest", "requests", "request"), ("default", "limits", "limit")] {
            var set: [String] = []
            for item in items {
                for (name, value) in item[source].fields where !c.resources[part][name].exists {
                    c.resources[part][name] = value
                    set.append(name)
                }
            }
            if !set.isEmpty { notes.append("\(set.sorted().joined(separator: ", ")) \(word) for container \(c.name.text)") }
        }
    }

    package func validate(_ request: AdmissionRequest) async throws(StatusError) {
        var complaints: [String] = []
        for range in ranges(request) {
            for item in range.spec.limits.elements {
                switch (item.type.text, request.resource) {
                case ("Container", API.pods):
                    for list in ["initContainers", "containers"] {
                        for c in request.object.spec[list].elements {
                            Self.check(item, c.resources.requests, c.resources.limits, &complaints)
                        }
                    }
                case ("Pod", API.pods):
                    Self.check(item, PodTotals.of(request.object, "requests"), PodTotals.of(request.object, "limits"), &complaints)
                case ("PersistentVolumeClaim", API.persistentVolumeClaims):
                    let requests: JSON = request.object.spec.resources.requests
                    Self.check(item, requests, requests, &complaints)
                default: break
                }
            }
        }
        guard !complaints.isEmpty else { return }
        let text: String =
            complaints.count == 1 ? complaints[0] : "[" + complaints.joined(separator: ", ") + "]"
        throw .forbidden(request.resource.groupResource, request.name, text)
    }

    private static func check(_ item: JSON, _ requests: JSON, _ limits: JSON, _ out: inout [String]) {
        let type: String = item.type.text
        for (name, value) in item.min.fields {
            guard let bound = ResourceRules.quantity(value) else { continue }
            if let q = ResourceRules.quantity(requests[name]) {
                if q < bound { out.append("minimum \(name) usage per \(type) is \(bound), but request is \(q)") }
            } else {
                out.append("minimum \(name) usage per \(type) is \(bound).  No request is specified")
            }
        }
        for (name, value) in item.max.fields {
            guard let bound = ResourceRules.quantity(value) else { continue }
            if let q = ResourceRules.quantity(limits[name]) {
                let word: String = type == "PersistentVolumeClaim" ? "request" : "limit"
                if bound < q { out.append("maximum \(name) usage per \(type) is \(bound), but \(word) is \(q)") }
            } else {
                out.append("maximum \(name) usage per \(type) is \(bound).  No limit is specified")
            }
        }
        for (name, value) in item.maxLimitRequestRatio.fields {
            guard let bound = ResourceRules.quantity(value), let limit = ResourceRules.quantity(limits[name]) else {
                continue
            }
            guard let request = ResourceRules.quantity(requests[name]), !request.isZero else {
                out.append("\(name) max limit to request ratio per \(type) is \(bound), but no request is specified or request is 0")
                continue
            }
            let ratio: Double = limit.asDouble / request.asDouble
            if ratio > bound.asDouble {
                out.append("\(name) max limit to request ratio per \(type) is \(bound), but provided ratio is \(fixed(ratio))")
            }
        }
    }

    /// Six decimals, as Go's %f.
    private static func fixed(_ value: Double) -> String {
        let micro: Int64 = Int64((value * 1_000_000).rounded())
        let rest: String = String(micro % 1_000_000)
        return "\(micro / 1_000_000)." + String(repeating: "0", count: 6 - rest.count) + rest
    }
}
