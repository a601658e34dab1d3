// Amounts of what nodes have and pods ask for.

import KubeModel
package import KubeWire

package struct Resources: Sendable, Equatable {
    /// Thousandths of a core.
    package var milliCPU: Int64 = 0
    /// Bytes.
    package var memory: Int64 = 0
    /// Bytes.
    package var ephemeralStorage: Int64 = 0
    /// Extended resources and huge pages, by name.
    package var other: [String: Int64] = [:]

    package init() {}

    /// A ResourceList; `pods` is left out, for it counts pods and not requests.
    package init(_ list: JSON) {
        for (name, value) in list.fields {
            guard let q: Quantity = Quantity(value) else { continue }
            switch name {
            case "cpu": milliCPU = q.milliValue
            case "memory": memory = q.value
            case "ephemeral-storage": ephemeralStorage = q.value
            case "pods": break
            default: other[name] = q.value
            }
        }
    }

    package static func += (a: inout Resources, b: Resources) {
        a.milliCPU += b.milliCPU
        a.memory += b.memory
        a.ephemeralStorage += b.ephemeralStorage
        for (name, n) in b.other { a.other[name, default: 0] += n }
    }

    package static func -= (a: inout Resources, b: Resources) {
        a.milliCPU -= b.milliCPU
        a.memory -= b.memory
        a.ephemeralStorage -= b.ephemeralStorage
        for (name, n) in b.other { a.other[name, default: 0] -= n }
    }

    /// The greater of each.
    package mutating func raise(to b: Resources) {
        milliCPU = max(milliCPU, b.milliCPU)
        memory = max(memory, b.memory)
        ephemeralStorage = max(ephemeralStorage, b.ephemeralStorage)
        for (name, n) in b.other { other[name] = max(other[name] ?? 0, n) }
    }

    /// What a pod occupies (KEP-753 sidecars, KEP-688 overhead, KEP-2837 pod-level resources): the greatest of the
    /// running phase and of each init container with the sidecars before it. `requests` reads one container.
    package static func ofPod(_ spec: JSON, requests: (JSON) -> Resources) -> Resources {
        var sum: Resources = Resources()
        for c in spec.containers.elements { sum += requests(c) }
        var sidecars: Resources = Resources()
        var peak: Resources = Resources()
        for c in spec.initContainers.elements {
            var step: Resources = requests(c)
            if c.restartPolicy.text == "Always" {
                sum += step
                sidecars += step
                step = sidecars
            } else {
                step += sidecars
            }
            peak.raise(to: step)
        }
        sum.raise(to: peak)
        let whole: JSON = spec.resources.requests
        if whole.exists {
            let own: Resources = Resources(whole)
            if whole.cpu.exists { sum.milliCPU = own.milliCPU }
            if whole.memory.exists { sum.memory = own.memory }
        }
        sum += Resources(spec.overhead)
        return sum
    }

    /// What a container that asks for nothing counts as in scores: 100m and 200 MiB.
    package static func nonZeroRequests(_ container: JSON) -> Resources {
        var r: Resources = Resources(container.resources.requests)
        if !container.resources.requests.cpu.exists { r.milliCPU = 100 }
        if !container.resources.requests.memory.exists { r.memory = 200 << 20 }
        return r
    }
}
