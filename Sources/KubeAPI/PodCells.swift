// A pod's READY, STATUS and RESTARTS as `kubectl get pods` shows them.

package import KubeBase
import KubeModel
package import KubeWire

package enum PodCells {
    private static func isRestartableInit(_ c: JSON) -> Bool { c.restartPolicy == "Always" }

    /// `1/2`: containers and restartable init containers that are ready, of all.
    package static func ready(_ pod: JSON) -> String {
        let sidecars: Set<String> = Set(
            pod.spec.initContainers.elements.filter { isRestartableInit($0) }.map { $0.name.text })
        let total: Int = pod.spec.containers.elements.count + sidecars.count
        var ready: Int = 0
        for s in pod.status.initContainerStatuses.elements
        where sidecars.contains(s.name.text) && s.started.isTrue && s.ready.isTrue { ready += 1 }
        for s in pod.status.containerStatuses.elements where s.ready.isTrue && s.state.running.exists { ready += 1 }
        return "\(ready)/\(total)"
    }

    /// The first init container that is not done, in the words of STATUS; `nil` when all are.
    private static func initializing(_ pod: JSON) -> (reason: String, index: Int)? {
        let specs: [JSON] = pod.spec.initContainers.elements
        for (i, s) in pod.status.initContainerStatuses.elements.enumerated() {
            let terminated: JSON = s.state.terminated
            if terminated.exists, (terminated.exitCode.asInt ?? 0) == 0 { continue }
            let spec: JSON = specs.first { $0.name == s.name } ?? .null
            if isRestartableInit(spec), s.started.isTrue { continue }
            if terminated.exists {
                if !terminated.reason.text.isEmpty { return ("Init:" + terminated.reason.text, i) }
                let signal: Int = terminated.signal.asInt ?? 0
                return (signal != 0 ? "Init:Signal:\(signal)" : "Init:ExitCode:\(terminated.exitCode.asInt ?? 0)", i)
            }
            let waiting: String = s.state.waiting.reason.text
            if !waiting.isEmpty, waiting != "PodInitializing" { return ("Init:" + waiting, i) }
            return ("Init:\(i)/\(specs.count)", i)
        }
        return nil
    }

    private static func condition(_ pod: JSON, _ type: String) -> JSON {
        pod.status.conditions.elements.first { $0.type.text == type } ?? .null
    }

    package static func status(_ pod: JSON) -> String {
        let phase: String = pod.status.phase.text
        var text: String = pod.status.reason.text.isEmpty ? phase : pod.status.reason.text
        if condition(pod, "PodScheduled").reason == "SchedulingGated" { text = "SchedulingGated" }
        let initial: (reason: String, index: Int)? = initializing(pod)
        if let initial { text = initial.reason }
        if initial == nil || condition(pod, "Initialized").status == "True" {
            var isRunning: Bool = false
            for s in pod.status.containerStatuses.elements.reversed() {
                let terminated: JSON = s.state.terminated
                if !s.state.waiting.reason.text.isEmpty {
                    text = s.state.waiting.reason.text
                } else if !terminated.reason.text.isEmpty {
                    text = terminated.reason.text
                } else if terminated.exists {
                    let signal: Int = terminated.signal.asInt ?? 0
                    text = signal != 0 ? "Signal:\(signal)" : "ExitCode:\(terminated.exitCode.asInt ?? 0)"
                } else if s.ready.isTrue, s.state.running.exists {
                    isRunning = true
                }
            }
            if text == "Completed", isRunning {
                text = condition(pod, "Ready").status == "True" ? "Running" : "NotReady"
            }
        }
        guard pod.metadata.deletionTimestamp.exists else { return text }
        if pod.status.reason == "NodeLost" { return "Unknown" }
        return phase == "Succeeded" || phase == "Failed" ? text : "Terminating"
    }

    /// `3`, or `3 (5m ago)` since the latest end.
    package static func restarts(_ pod: JSON, now: Timestamp) -> String {
        var count: Int = 0
        var last: Timestamp?
        func add(_ s: JSON) {
            count += s.restartCount.asInt ?? 0
            if let t = s.lastState.terminated.finishedAt.asString.flatMap({ Timestamp(rfc3339: $0) }) {
                last = max(last ?? t, t)
            }
        }
        let statuses: [JSON] = pod.status.initContainerStatuses.elements
        let initial: (reason: String, index: Int)? = initializing(pod)
        if let initial, condition(pod, "Initialized").status != "True" {
            for s in statuses.prefix(initial.index + 1) { add(s) }
        } else {
            let sidecars: Set<String> = Set(
                pod.spec.initContainers.elements.filter { isRestartableInit($0) }.map { $0.name.text })
            for s in statuses where sidecars.contains(s.name.text) { add(s) }
            for s in pod.status.containerStatuses.elements { add(s) }
        }
        guard count > 0, let last else { return "\(count)" }
        return "\(count) (\(HumanDuration.text(from: last, to: now)) ago)"
    }
}
