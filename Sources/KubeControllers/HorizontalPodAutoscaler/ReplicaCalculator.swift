// From what pods use to the replicas that would bring them to their target. Pure.

import KubeBase
import KubeModel
import KubeWire

/// What a metrics API says of one pod.
struct PodSample: Sendable {
    /// Thousandths of the resource's unit.
    var milli: Int64
    var at: Timestamp
    /// Seconds that the sample covers.
    var windowSeconds: Int64
}

struct ReplicaCalculator: Sendable {
    /// Ratios this close to 1 change nothing.
    static let tolerance: Double = 0.1
    /// A pod's cpu is not trusted for this long after its start, unless it is ready.
    static let cpuInitialization: Duration = .seconds(300)
    static let readinessDelay: Duration = .seconds(30)

    enum Target: Sendable, Equatable {
        /// Percent of the pods' requests.
        case utilization(Int)
        /// Thousandths for each pod.
        case averageValue(Int64)
    }
    struct Answer: Sendable, Equatable {
        var replicas: Int
        /// Percent; nil for average values.
        var utilization: Int?
        var averageMilli: Int64
    }
    struct Failure: Error, Equatable {
        var message: String
    }

    var resource: String
    /// Only this container counts; empty: all.
    var container: String = ""
    var target: Target
    var current: Int
    var pods: [JSON]
    var samples: [String: PodSample]
    var now: Timestamp

    func answer() throws(Failure) -> Answer {
        var (ready, unready, missing): ([String], [String], [String]) = ([], [], [])
        for pod in pods where !pod.metadata.deletionTimestamp.exists && pod.status.phase.text != "Failed" {
            let name: String = pod.metadata.name.text
            if pod.status.phase.text == "Pending" {
                unready.append(name)
            } else if let sample = samples[name] {
                if resource == "cpu", isWarmingUp(pod, sample) { unready.append(name) } else { ready.append(name) }
            } else {
                missing.append(name)
            }
        }
        if pods.isEmpty { throw Failure(message: "no pods returned by selector while calculating replica count") }
        var use: [String: Int64] = [:]
        for name in ready { use[name] = samples[name]!.milli }
        if use.isEmpty {
            throw Failure(message: "did not receive metrics for targeted pods (pods might be unready)")
        }
        let requests: [String: Int64] = try self.requests()
        let (ratio, utilization, average): (Double, Int?, Int64) = try self.ratio(use, requests)
        func answer(_ n: Int) -> Answer { Answer(replicas: n, utilization: utilization, averageMilli: average) }
        let growsWithUnready: Bool = !unready.isEmpty && ratio > 1
        if !growsWithUnready, missing.isEmpty {
            if abs(1 - ratio) <= Self.tolerance { return answer(current) }
            return answer(Int((ratio * Double(ready.count)).rounded(.up)))
        }
        // Pods without a sample are taken at the value that holds the change back.
        if !missing.isEmpty, ratio != 1 {
            for name in missing {
                switch target {
                case .utilization(let percent):
                    use[name] = ratio < 1 ? (requests[name] ?? 0) * Int64(max(100, percent)) / 100 : 0
                case .averageValue(let milli): use[name] = ratio < 1 ? milli : 0
                }
            }
        }
        if growsWithUnready { for name in unready { use[name] = 0 } }
        let (newRatio, _, _): (Double, Int?, Int64) = try self.ratio(use, requests)
        if abs(1 - newRatio) <= Self.tolerance || (ratio < 1 && newRatio > 1) || (ratio > 1 && newRatio < 1) {
            return answer(current)
        }
        let wanted: Int = Int((newRatio * Double(use.count)).rounded(.up))
        if (newRatio < 1 && wanted > current) || (newRatio > 1 && wanted < current) { return answer(current) }
        return answer(wanted)
    }

    private func isWarmingUp(_ pod: JSON, _ sample: PodSample) -> Bool {
        guard let ready = Pod.condition(pod, "Ready"),
            let start = pod.status.startTime.asString.flatMap({ Timestamp(rfc3339: $0) }),
            let changed = ready.lastTransitionTime.asString.flatMap({ Timestamp(rfc3339: $0) })
        else { return true }
        if start + Self.cpuInitialization > now {
            return ready.status.text == "False" || sample.at < changed + .seconds(sample.windowSeconds)
        }
        return ready.status.text == "False" && start + Self.readinessDelay > changed
    }

    /// Thousandths by pod; every container must ask for the resource when utilization is the target.
    private func requests() throws(Failure) -> [String: Int64] {
        guard case .utilization = target else { return [:] }
        var out: [String: Int64] = [:]
        for pod in pods {
            var sum: Int64 = 0
            let sidecars: [JSON] = pod.spec.initContainers.elements.filter { $0.restartPolicy.text == "Always" }
            for c in pod.spec.containers.elements + sidecars where container.isEmpty || c.name.text == container {
                guard let q = Quantity(c.resources.requests[resource]) else {
                    throw Failure(
                        message:
                            "missing request for \(resource) in container \(c.name.text) of Pod "
                                + pod.metadata.name.text
                    )
                }
                sum += q.milliValue
            }
            out[pod.metadata.name.text] = sum
        }
        return out
    }

    private func ratio(
        _ use: [String: Int64], _ requests: [String: Int64]
    ) throws(Failure) -> (ratio: Double, utilization: Int?, averageMilli: Int64) {
        let total: Int64 = use.values.reduce(0, +)
        let average: Int64 = use.isEmpty ? 0 : total / Int64(use.count)
        switch target {
        case .averageValue(let milli):
            guard milli > 0 else { throw Failure(message: "the target value is zero") }
            return (Double(average) / Double(milli), nil, average)
        case .utilization(let percent):
            let asked: Int64 = use.keys.reduce(0) { $0 + (requests[$1] ?? 0) }
            guard asked > 0, percent > 0 else {
                throw Failure(message: "no metrics returned matched known pods")
            }
            let utilization: Int = Int(total * 100 / asked)
            return (Double(utilization) / Double(percent), utilization, average)
        }
    }
}
