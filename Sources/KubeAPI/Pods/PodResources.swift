// What a pod asks for in all, as scheduler, quotas and node agent count it. Pure.

package import KubeModel
package import KubeWire

package enum PodResources {
    /// `kind`: requests, limits. Containers add up; init containers run one at a time, but those that restart always stay.
    package static func sum(_ pod: JSON, _ kind: String) -> [String: Quantity] {
        func resources(_ container: JSON) -> [String: Quantity] {
            var out: [String: Quantity] = [:]
            for (name, value) in container.resources[kind].fields { if let q = Quantity(value) { out[name] = q } }
            return out
        }
        func add(_ a: inout [String: Quantity], _ b: [String: Quantity]) {
            for (name, q) in b { a[name] = (a[name] ?? .zero) + q }
        }
        func most(_ a: inout [String: Quantity], _ b: [String: Quantity]) {
            for (name, q) in b where (a[name] ?? .zero) < q { a[name] = q }
        }
        var (total, sidecars, peak): ([String: Quantity], [String: Quantity], [String: Quantity]) = ([:], [:], [:])
        for container in pod.spec.initContainers.elements {
            if container.restartPolicy.text == "Always" {
                add(&sidecars, resources(container))
                most(&peak, sidecars)
            } else {
                var now: [String: Quantity] = sidecars
                add(&now, resources(container))
                most(&peak, now)
            }
        }
        for container in pod.spec.containers.elements { add(&total, resources(container)) }
        add(&total, sidecars)
        most(&total, peak)
        for (name, value) in pod.spec.overhead.fields { if let q = Quantity(value) { add(&total, [name: q]) } }
        return total
    }
}
