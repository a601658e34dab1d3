// First half of the pod worker: writing down what has happened.

import KubeBase
import KubeModel
import KubeWire

extension PodWorker {
    mutating func record(_ event: PodEvent, now: Timestamp) {
        switch event {
        case .podChanged(let new): setPod(new)
        case .podGone: setGone()
        case .seen(let sandboxes, let list, let at):
            if isRecovered { compare(sandboxes, list, at: at) } else { recover(sandboxes, list) }
        case .tick: break
        case .resizeJudged(let refusal):
            guard refusal != resizeRefusal else { return }
            resizeRefusal = refusal
            if let refusal { tell(true, "Resize\(refusal.reason)", refusal.message) }
        case .evicted(let reason, let message):
            if !isEnding { tell(true, reason, message) }
            end(.failed(reason: reason, message: message))
        case .deletedFromAPI: setGone()
        case .outOfMemory(let id): recordOutOfMemory(id)
        case .probed(let name, let id, let kind, let isSuccess): recordProbe(name, id, kind, isSuccess)
        case .volumesMounted, .volumesFailed, .volumesUnmounted: recordVolumes(event, now: now)
        case .sandboxStarted, .sandboxFailed, .sandboxExited, .sandboxStopped, .sandboxRemoved:
            recordSandbox(event, now: now)
        default: recordContainer(event, now: now)
        }
    }

    private mutating func recordVolumes(_ event: PodEvent, now: Timestamp) {
        switch event {
        case .volumesMounted: if volumes == .mounting { volumes = .mounted }
        case .volumesFailed(let message):
            if volumes == .mounting { volumes = .unmounted }
            volumesFailedAt = now
            volumesRetry.next(failedAt: now, now: now)
            tell(true, "FailedMount", message)
        default:
            volumes = .unmounted
            areVolumesTouched = false
        }
    }

    private mutating func recordSandbox(_ event: PodEvent, now: Timestamp) {
        switch event {
        case .sandboxStarted(let s):
            sandbox = .ready
            sandboxReadyAt = now
            sandboxID = s.id
            sandboxAttempt = s.attempt
            hadSandbox = true
            podIPs = s.ips
            sandboxFailedAt = nil
            sandboxRetry.reset()
        case .sandboxFailed(let message):
            sandbox = .none
            // The runtime may still hold the name of a try that was cut off.
            if !hadSandbox { sandboxAttempt += 1 }
            sandboxFailedAt = now
            sandboxRetry.next(failedAt: now, now: now)
            tell(true, "FailedCreatePodSandBox", "Failed to create pod sandbox: \(message)")
        case .sandboxExited(let id):
            guard id == sandboxID, sandbox == .ready else { return }
            sandbox = .none
            if !isEnding { tell(false, "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.") }
        case .sandboxStopped(let id): if id == sandboxID, sandbox == .stopping { sandbox = .stopped }
        case .sandboxRemoved: areSandboxesRemoved = true
        default: break
        }
    }

    private mutating func recordContainer(_ event: PodEvent, now: Timestamp) {
        switch event {
        case .imageReady(let name, let imageID):
            with(name) { c in
                guard c.step == .imaging else { return }
                c.imageID = imageID
                c.pull.reset()
                c.failedAt = nil
                c.step = .creating
            }
            if let c = containers.first(where: { $0.name == name }), c.step == .creating {
                if isEnding {
                    with(name) { $0.step = c.end == nil ? .idle : .exited }
                } else {
                    emit(.create(container: name, attempt: c.nextAttempt, sandbox: sandboxID))
                }
            }
        case .imageFailed(let name, let reason, let message): recordImageFailure(name, reason, message, now: now)
        case .created(let name, let id): recordCreated(name, id)
        case .createFailed(let name, let reason, let message):
            guard let c = containers.first(where: { $0.name == name }), c.step == .creating else { return }
            tell(true, "Failed", "Error: \(message)", c.fieldPath)
            with(name) {
                $0.step = $0.end == nil ? .idle : .exited
                $0.waiting = Waiting(reason: reason, message: message)
                $0.failedAt = now
                $0.creation.next(failedAt: now, now: now)
            }
        case .started(let name, let id, let at): recordStarted(name, id, at)
        case .startFailed(let name, let id, let reason, let message):
            recordStartFailure(name, id, reason, message, now: now)
        case .postStartDone(let name, let id):
            with(name) { if $0.id == id { $0.isPostStartDone = true } }
            markStarted(name, id)
        case .exited(let name, let end): recordExit(name, end)
        case .resized(let name, let id, let resources, let fault):
            guard let c = containers.first(where: { $0.name == name }), c.id == id else { return }
            if !fault.isEmpty { tell(true, "ResizeFailed", fault, c.fieldPath) }
            // Not tried again before the spec changes.
            with(name) {
                $0.isResizing = false
                $0.resources = resources
            }
        default: break
        }
    }

    private mutating func recordImageFailure(_ name: String, _ reason: String, _ message: String, now: Timestamp) {
        guard let c = containers.first(where: { $0.name == name }), c.step == .imaging else { return }
        let image: String = spec(of: name).image.text
        if reason == "ErrImagePull" {
            tell(true, "Failed", "Failed to pull image \"\(image)\": \(message)", c.fieldPath)
        } else if reason == "ErrImageNeverPull" {
            tell(
                true, "ErrImageNeverPull", "Container image \"\(image)\" is not present with pull policy of Never",
                c.fieldPath)
        } else if reason == "InvalidImageName" {
            tell(true, "InspectFailed", message, c.fieldPath)
        }
        tell(true, "Failed", "Error: \(reason)", c.fieldPath)
        with(name) {
            $0.step = $0.end == nil ? .idle : .exited
            $0.waiting = Waiting(reason: reason, message: message)
            $0.failedAt = now
            $0.pullError = message
            $0.pull.next(failedAt: now, now: now)
        }
    }

    private mutating func recordCreated(_ name: String, _ id: String) {
        with(name) { c in
            if let end = c.end { c.previousEnd = end }
            c.end = nil
            c.restartCount = c.nextAttempt
            c.wasCreated = true
            c.id = id
            c.isStarted = false
            c.isReady = false
            c.isPostStartDone = false
            c.stopGrace = nil
            c.creation.reset()
            c.failedAt = nil
            c.waiting = nil
        }
        with(name) { $0.step = .starting }
        let image: String = spec(of: name).image.text
        let resources: JSON = spec(of: name).resources
        with(name) {
            $0.image = image
            $0.resources = resources
            $0.isResizing = false
        }
        guard let c = containers.first(where: { $0.name == name }) else { return }
        tell(false, "Created", "Container created", c.fieldPath)
        if isEnding {
            // Never started: nothing to stop.
            with(name) { $0.step = .idle }
        } else {
            emit(.start(container: name, id: id))
            emit(.collectDead(container: name))
        }
    }

    private mutating func recordStarted(_ name: String, _ id: String, _ at: Timestamp) {
        guard let c = containers.first(where: { $0.name == name }), c.id == id else { return }
        tell(false, "Started", "Container started", c.fieldPath)
        // A container that has ended already keeps its end.
        if c.step == .starting { with(name) { $0.step = .running } }
        with(name) {
            $0.startedAt = at
            if $0.end?.startedAt == nil { $0.end?.startedAt = at }
        }
        guard containers.first(where: { $0.name == name })?.step == .running else { return }
        if spec(of: name).lifecycle.postStart.exists {
            emit(.postStart(container: name, id: id))
        } else {
            with(name) { $0.isPostStartDone = true }
            markStarted(name, id)
        }
    }

    /// Running and past postStart: probes begin; without a probe it counts as started or ready at once.
    private mutating func markStarted(_ name: String, _ id: String) {
        guard let c = containers.first(where: { $0.name == name }), c.id == id, c.step == .running, c.isPostStartDone
        else { return }
        let spec: JSON = spec(of: name)
        if !spec.startupProbe.exists { with(name) { $0.isStarted = true } }
        if !spec.startupProbe.exists, !spec.readinessProbe.exists { with(name) { $0.isReady = true } }
        if spec.startupProbe.exists || spec.readinessProbe.exists || spec.livenessProbe.exists {
            emit(.startProbes(container: name, id: id))
        }
    }

    private mutating func recordStartFailure(
        _ name: String, _ id: String, _ reason: String, _ message: String, now: Timestamp
    ) {
        guard let c = containers.first(where: { $0.name == name }), c.id == id, c.step == .starting else { return }
        tell(true, "Failed", "Error: \(message)", c.fieldPath)
        let end: ContainerEnd = ContainerEnd(
            containerID: id, exitCode: 128, reason: "StartError", message: message, startedAt: Timestamp(seconds: 0),
            finishedAt: now)
        with(name) {
            $0.step = .exited
            $0.end = end
        }
        guard let failed = containers.first(where: { $0.name == name }), isRestarted(failed) else { return }
        with(name) { $0.waiting = Waiting(reason: reason, message: message) }
    }

    private mutating func recordExit(_ name: String, _ end: ContainerEnd) {
        with(name) { c in
            guard c.id == end.containerID, c.isAlive else { return }
            var end: ContainerEnd = end
            if end.startedAt == nil { end.startedAt = c.startedAt }
            if c.outOfMemoryID == c.id, end.exitCode == 137 { end.reason = "OOMKilled" }
            c.step = .exited
            c.end = end
            c.isReady = false
            c.isStarted = false
            c.stopGrace = nil
            c.waiting = nil
        }
    }

    /// May come before or after the exit that it explains.
    private mutating func recordOutOfMemory(_ id: String) {
        for i in containers.indices {
            if containers[i].id == id { containers[i].outOfMemoryID = id }
            if containers[i].end?.containerID == id, containers[i].end?.exitCode == 137 {
                containers[i].end?.reason = "OOMKilled"
            }
            if containers[i].previousEnd?.containerID == id, containers[i].previousEnd?.exitCode == 137 {
                containers[i].previousEnd?.reason = "OOMKilled"
            }
        }
    }

    private mutating func recordProbe(_ name: String, _ id: String, _ kind: ProbeKind, _ isSuccess: Bool) {
        guard let c = containers.first(where: { $0.name == name }), c.id == id, c.step == .running else { return }
        switch kind {
        case .readiness: with(name) { $0.isReady = isSuccess && $0.isStarted }
        case .startup where isSuccess:
            let hasReadiness: Bool = spec(of: name).readinessProbe.exists
            with(name) {
                $0.isStarted = true
                if !hasReadiness { $0.isReady = true }
            }
        case .liveness where isSuccess: break
        case .startup, .liveness:
            guard c.stopGrace == nil else { return }
            let probe: JSON = kind == .startup ? spec(of: name).startupProbe : spec(of: name).livenessProbe
            let grace: Int = probe.terminationGracePeriodSeconds.asInt ?? graceSeconds
            tell(
                false, "Killing",
                "Container \(name) failed \(kind.rawValue.lowercased()) probe, will be restarted", c.fieldPath)
            stop(name, graceSeconds: max(1, grace))
        }
    }

    mutating func stop(_ name: String, graceSeconds: Int) {
        guard let c = containers.first(where: { $0.name == name }), c.isAlive else { return }
        if let before = c.stopGrace, before <= graceSeconds { return }
        let runsPreStop: Bool = c.stopGrace == nil && spec(of: name).lifecycle.preStop.exists
        with(name) {
            $0.stopGrace = graceSeconds
        }
        emit(.stop(container: name, id: c.id, graceSeconds: graceSeconds, runsPreStop: runsPreStop))
    }

    /// Takes over what the runtime holds.
    private mutating func recover(_ sandboxes: [SandboxSeen], _ list: [ContainerSeen]) {
        isRecovered = true
        if let s = sandboxes.max(by: { ($0.attempt, $0.createdAt) < ($1.attempt, $1.createdAt) }) {
            hadSandbox = true
            sandboxAttempt = s.attempt
            sandboxID = s.id
            if s.isReady {
                sandbox = .ready
                podIPs = s.ips
            }
        }
        for i in containers.indices { adopt(list.filter { $0.name == containers[i].name }, at: i) }
        if containers.contains(where: { $0.role == .main && $0.wasCreated && $0.step != .idle }) {
            isInitialized = true
        }
    }

    private mutating func adopt(_ instances: [ContainerSeen], at i: Int) {
        let c: ContainerRecord = containers[i]
        guard c.step == .idle, let newest = instances.max(by: { $0.attempt < $1.attempt }) else { return }
        containers[i].id = newest.id
        containers[i].wasCreated = true
        containers[i].restartCount = newest.attempt
        containers[i].image = newest.image
        if !newest.imageID.isEmpty { containers[i].imageID = newest.imageID }
        containers[i].previousEnd =
            instances.filter { $0.attempt < newest.attempt }.max { $0.attempt < $1.attempt }?.end
            ?? c.previousEnd
        switch newest.state {
        case .running:
            containers[i].end = nil
            containers[i].step = .running
            containers[i].startedAt = newest.startedAt
            containers[i].isPostStartDone = true
            if let told = c.told, told.id == newest.id {
                containers[i].isStarted = told.isStarted
                containers[i].isReady = told.isReady
            }
            markStarted(c.name, newest.id)
        case .exited:
            containers[i].step = .exited
            containers[i].end = newest.end
        case .created, .unknown: break
        }
    }

    /// Finds what no event has told: ends, and things removed behind our back. What is younger than the look is
    /// not judged.
    private mutating func compare(_ sandboxes: [SandboxSeen], _ list: [ContainerSeen], at: Timestamp) {
        if sandbox == .ready, sandboxReadyAt < at {
            let known: SandboxSeen? = sandboxes.first { $0.id == sandboxID }
            if known?.isReady != true { sandbox = .none }
        }
        for i in containers.indices where containers[i].step == .running {
            let c: ContainerRecord = containers[i]
            if let seen = list.first(where: { $0.id == c.id }) {
                if seen.state == .exited, let end = seen.end { recordExit(c.name, end) }
            } else if let started = c.startedAt, started < at {
                lose(i, now: at)
            }
        }
    }

    private mutating func lose(_ i: Int, now: Timestamp) {
        let c: ContainerRecord = containers[i]
        containers[i].step = .exited
        containers[i].isReady = false
        containers[i].end = ContainerEnd(
            containerID: c.id, exitCode: 137, reason: "ContainerStatusUnknown",
            message: "The container could not be located when the pod was terminated", startedAt: c.startedAt,
            finishedAt: now)
    }
}
