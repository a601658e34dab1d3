// Requests and limits as the kernel takes them: shares, quota, bytes, and who is killed first.

import KubeModel
import KubeWire

enum ContainerResources {
    static let quotaPeriodMicroseconds: Int64 = 100_000

    /// 1024 shares a cpu; at least 2, at most 262144.
    static func shares(milliCPU: Int64) -> Int64 { min(max(milliCPU * 1024 / 1000, 2), 262_144) }

    /// At least 1 ms a period.
    static func quota(milliCPU: Int64) -> Int64 { max(milliCPU * quotaPeriodMicroseconds / 1000, 1000) }

    static func linux(_ c: JSON, pod: JSON, memoryCapacity: Int64) -> CRILinuxContainerResources {
        var r: CRILinuxContainerResources = CRILinuxContainerResources()
        let limit: Int64 = Quantity(c.resources.limits.cpu)?.milliValue ?? 0
        let request: Int64 = Quantity(c.resources.requests.cpu)?.milliValue ?? limit
        r.cpuShares = shares(milliCPU: request)
        if limit > 0 {
            r.cpuPeriod = quotaPeriodMicroseconds
            r.cpuQuota = quota(milliCPU: limit)
        }
        if let memory = Quantity(c.resources.limits.memory)?.value, memory > 0 {
            r.memoryLimitInBytes = memory
            r.memorySwapLimitInBytes = memory
        }
        r.oomScoreAdj = oomScore(c, pod: pod, memoryCapacity: memoryCapacity)
        return r
    }

    /// -997 guaranteed, 1000 best effort, between them the less the more memory was asked for.
    static func oomScore(_ c: JSON, pod: JSON, memoryCapacity: Int64) -> Int64 {
        if pod.spec.priority.asInt ?? 0 >= 2_000_000_000 { return -997 }
        switch QoSClass(of: pod) {
        case .guaranteed: return -997
        case .bestEffort: return 1000
        case .burstable:
            let request: Int64 = Quantity(c.resources.requests.memory)?.value ?? 0
            let score: Int64 = 1000 - 1000 * request / max(memoryCapacity, 1)
            if score < 3 { return 3 }
            return score == 1000 ? 999 : score
        }
    }

    /// What the whole pod may use: the pod's cgroup. Limits only when every container has one.
    static func pod(_ pod: JSON) -> (shares: Int64, quota: Int64?, memory: Int64?) {
        var requested: Int64 = 0
        var cpuLimit: Int64? = 0
        var memoryLimit: Int64? = 0
        for c in pod.spec.containers.elements {
            let limit: Int64? = Quantity(c.resources.limits.cpu)?.milliValue
            requested += Quantity(c.resources.requests.cpu)?.milliValue ?? limit ?? 0
            cpuLimit = cpuLimit.flatMap { sum in limit.map { sum + $0 } }
            memoryLimit = memoryLimit.flatMap { sum in Quantity(c.resources.limits.memory).map { sum + $0.value } }
        }
        for c in pod.spec.initContainers.elements {
            let limit: Int64? = Quantity(c.resources.limits.cpu)?.milliValue
            requested = max(requested, Quantity(c.resources.requests.cpu)?.milliValue ?? limit ?? 0)
            cpuLimit = cpuLimit.flatMap { most in limit.map { max(most, $0) } }
            memoryLimit = memoryLimit.flatMap { most in
                Quantity(c.resources.limits.memory).map { max(most, $0.value) }
            }
        }
        return (shares(milliCPU: requested), cpuLimit.map { quota(milliCPU: $0) }, memoryLimit)
    }
}
