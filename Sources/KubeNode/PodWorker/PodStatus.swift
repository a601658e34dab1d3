// The status of a pod as the API shows it, from what its worker knows: core/v1 PodStatus.

import KubeBase
import KubeModel
import KubeWire

extension PodWorker {
    func computeStatus(now: Timestamp) -> JSON {
        var s: JSON = pod.status
        let phase: String = computePhase()
        s.phase = .string(phase)
        let isOver: Bool = phase == "Failed" || phase == "Succeeded"
        if let generation = pod.metadata.generation.asInt { s.observedGeneration = JSON(generation) }
        if isOver, case .failed(let reason, let message) = ending {
            s.reason = .string(reason)
            s.message = .string(message)
        }
        s.qosClass = .string(QoSClass(of: pod).rawValue)
        s.startTime = .string(startTime.rfc3339)
        if let host = hostIPs.first {
            s.hostIP = .string(host)
            s.hostIPs = .array(hostIPs.map { ["ip": .string($0)] })
        }
        s.podIP = podIPs.first.map { .string($0) } ?? .null
        s.podIPs = podIPs.isEmpty ? .null : .array(podIPs.map { ["ip": .string($0)] })
        let inits: [ContainerRecord] = containers.filter { $0.role == .initial || $0.role == .sidecar }
        let mains: [ContainerRecord] = containers.filter { $0.role == .main }
        let ephemeral: [ContainerRecord] = containers.filter { $0.role == .ephemeral }
        func list(_ c: [ContainerRecord]) -> JSON { c.isEmpty ? .null : .array(c.map { containerStatus($0) }) }
        // A pod that was turned away at once has nothing to tell of its containers.
        let wasRefused: Bool = isOver && isRefused
        s.initContainerStatuses = wasRefused ? .null : list(inits)
        s.containerStatuses = wasRefused ? .null : list(mains)
        s.ephemeralContainerStatuses = list(ephemeral)
        s.conditions = .array(conditions(phase: phase, inits: inits, mains: mains, now: now))
        return s
    }

    private var isRefused: Bool {
        guard case .failed = ending else { return false }
        return !hadSandbox && containers.allSatisfy { !$0.wasCreated && $0.end == nil }
    }

    /// A pod is not over as long as one of its containers lives.
    private func computePhase() -> String {
        let phase: String = reachedPhase()
        let isOver: Bool = phase == "Failed" || phase == "Succeeded"
        if isOver, containers.contains(where: { $0.isAlive }) { return isInitialized ? "Running" : "Pending" }
        return phase
    }

    private func reachedPhase() -> String {
        if case .failed = ending { return "Failed" }
        var waiting: Int = 0
        var running: Int = 0
        var succeeded: Int = 0
        var failed: Int = 0
        for c in containers where c.role == .main {
            switch c.step {
            case .running: running += 1
            case .exited where c.waiting == nil || c.end != nil:
                if c.end?.exitCode == 0 { succeeded += 1 } else { failed += 1 }
            default:
                if c.end != nil || c.previousEnd != nil { failed += 1 } else { waiting += 1 }
            }
        }
        if ending == .completed || isDeleted, running == 0 {
            if containers.contains(where: { $0.role == .initial && $0.step == .exited && $0.end?.exitCode != 0 }),
                !isInitialized
            {
                return "Failed"
            }
            if waiting == 0 { return failed == 0 ? "Succeeded" : "Failed" }
            return pod.status.phase.asString ?? "Pending"
        }
        if !isInitialized { return hadSandbox && pod.status.phase.text == "Running" ? "Running" : "Pending" }
        if waiting > 0 { return "Pending" }
        return "Running"
    }

    private func terminated(_ end: ContainerEnd) -> JSON {
        var t: JSON = ["exitCode": JSON(end.exitCode)]
        t.reason = end.reason.isEmpty ? .null : .string(end.reason)
        if !end.message.isEmpty { t.message = .string(end.message) }
        t.startedAt = .string((end.startedAt ?? Timestamp(seconds: 0)).rfc3339)
        t.finishedAt = .string(end.finishedAt.rfc3339)
        if !end.containerID.isEmpty { t.containerID = .string("containerd://\(end.containerID)") }
        return ["terminated": t]
    }

    private func containerStatus(_ c: ContainerRecord) -> JSON {
        let spec: JSON = spec(of: c.name)
        var s: JSON = ["name": .string(c.name)]
        s.state = state(c)
        let last: ContainerEnd? =
            c.waiting != nil || c.step == .idle || c.step == .imaging ? c.end ?? c.previousEnd : c.previousEnd
        s.lastState =
            s.state.terminated.exists
            ? (c.previousEnd.map { terminated($0) } ?? [:]) : (last.map { terminated($0) } ?? [:])
        s.ready = JSON(c.role == .ephemeral ? false : c.role == .initial ? c.step == .exited && c.end?.exitCode == 0 : c.isReady && c.step == .running)
        s.restartCount = JSON(c.restartCount)
        s.image = spec.image
        // Told when the instance runs: a write for each step before would tell nothing.
        let isShown: Bool = c.step == .running || c.end != nil || c.previousEnd != nil
        s.imageID = .string(isShown ? c.imageID : "")
        if !c.id.isEmpty, isShown { s.containerID = .string("containerd://\(c.id)") }
        s.started = JSON(c.step == .running && c.isStarted)
        let given: JSON = c.resources.exists ? c.resources : spec.resources
        if given.requests.exists, c.role != .ephemeral { s.allocatedResources = given.requests }
        if c.role != .ephemeral { s.resources = given.exists ? given : [:] }
        let mounts: [JSON] = spec.volumeMounts.elements.map { m in
            var out: JSON = ["name": m.name, "mountPath": m.mountPath]
            if m.readOnly.isTrue {
                out.readOnly = true
                out.recursiveReadOnly = "Disabled"
            }
            return out
        }
        if !mounts.isEmpty { s.volumeMounts = .array(mounts) }
        return s
    }

    private func state(_ c: ContainerRecord) -> JSON {
        if c.step == .running, let at = c.startedAt { return ["running": ["startedAt": .string(at.rfc3339)]] }
        if let waiting = c.waiting, !isEnding || c.end == nil {
            var w: JSON = ["reason": .string(waiting.reason)]
            if !waiting.message.isEmpty { w.message = .string(waiting.message) }
            return ["waiting": w]
        }
        if let end = c.end, c.step != .starting { return terminated(end) }
        let hasInits: Bool = containers.contains { $0.role == .initial || $0.role == .sidecar }
        let reason: String =
            hasInits && c.role != .ephemeral ? "PodInitializing" : "ContainerCreating"
        return ["waiting": ["reason": .string(reason)]]
    }

    private func conditions(
        phase: String, inits: [ContainerRecord], mains: [ContainerRecord], now: Timestamp
    ) -> [JSON] {
        let notInitialized: [String] =
            isInitialized
            ? []
            : inits.filter {
                !($0.role == .initial
                    ? $0.step == .exited && $0.end?.exitCode == 0 : $0.isStarted && $0.step == .running)
            }.map { $0.name }
        let unready: [String] = (inits.filter { $0.role == .sidecar } + mains).filter {
            !($0.isReady && $0.step == .running)
        }.map { $0.name }
        var out: [(type: String, status: Bool, reason: String, message: String)] = []
        out.append(("PodReadyToStartContainers", sandbox == .ready, "", ""))
        if phase == "Succeeded" || (isInitialized || inits.isEmpty) {
            out.append(("Initialized", true, phase == "Succeeded" ? "PodCompleted" : "", ""))
        } else {
            out.append(
                (
                    "Initialized", false, "ContainersNotInitialized",
                    "containers with incomplete status: [\(notInitialized.joined(separator: " "))]"
                ))
        }
        var areReady: (Bool, String, String) = (unready.isEmpty, "", "")
        if phase == "Succeeded" {
            areReady = (false, "PodCompleted", "")
        } else if phase == "Failed" {
            areReady = (false, "PodFailed", "")
        } else if !unready.isEmpty {
            areReady = (
                false, "ContainersNotReady", "containers with unready status: [\(unready.joined(separator: " "))]"
            )
        }
        var ready: (Bool, String, String) = areReady
        if areReady.0 {
            let missing: [String] = readinessGateFaults()
            if !missing.isEmpty { ready = (false, "ReadinessGatesNotReady", missing.joined(separator: ", ")) }
        }
        out.append(("Ready", ready.0, ready.1, ready.2))
        out.append(("ContainersReady", areReady.0, areReady.1, areReady.2))
        out.append(("PodScheduled", true, "", ""))
        if case .failed("Evicted", let message) = ending {
            out.append(("DisruptionTarget", true, "TerminationByKubelet", message))
        }
        if let r = resizeRefusal, !isEnding { out.append(("PodResizePending", true, r.reason, r.message)) }
        if containers.contains(where: { $0.isResizing }) { out.append(("PodResizeInProgress", true, "", "")) }
        return merged(out, now: now)
    }

    /// Ours, and gone when they are over.
    static let passingConditions: Set<String> = ["PodResizePending", "PodResizeInProgress"]

    private func readinessGateFaults() -> [String] {
        pod.spec.readinessGates.elements.compactMap { gate in
            let type: String = gate.conditionType.text
            guard let c = pod.status.conditions.elements.first(where: { $0.type.text == type }) else {
                return "corresponding condition of pod readiness gate \"\(type)\" does not exist."
            }
            if c.status.text == "True" { return nil }
            return "the status of pod readiness gate \"\(type)\" is not \"True\", but \(c.status.text)"
        }
    }

    /// Ours in their order, with the time of their last change, then those of others.
    private func merged(
        _ ours: [(type: String, status: Bool, reason: String, message: String)], now: Timestamp
    ) -> [JSON] {
        let known: [JSON] = status.conditions.elements
        var out: [JSON] = ours.map { o in
            let text: String = o.status ? "True" : "False"
            let before: JSON? = known.first { $0.type.text == o.type && $0.status.text == text }
            var c: JSON = ["type": .string(o.type), "status": .string(text)]
            if let generation = pod.metadata.generation.asInt { c.observedGeneration = JSON(generation) }
            c.lastTransitionTime = before?.lastTransitionTime ?? .string(now.rfc3339)
            if !o.reason.isEmpty { c.reason = .string(o.reason) }
            if !o.message.isEmpty { c.message = .string(o.message) }
            return c
        }
        out += pod.status.conditions.elements.filter { c in
            !ours.contains { $0.type == c.type.text } && !Self.passingConditions.contains(c.type.text)
        }
        return out
    }
}
