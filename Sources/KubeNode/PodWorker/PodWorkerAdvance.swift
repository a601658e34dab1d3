// Second half of the pod worker: from the whole view to the next steps.

import KubeBase
import KubeModel
import KubeWire

extension PodWorker {
    mutating func advance(now: Timestamp) {
        if !isEnding { checkDeadline(now: now) }
        if isEnding { wind(now: now) } else { raise(now: now) }
        // All main containers may just have ended for good.
        if !isDeleted, ending != nil, sandbox == .ready { wind(now: now) }
    }

    private mutating func checkDeadline(now: Timestamp) {
        guard let seconds = pod.spec.activeDeadlineSeconds.asInt else { return }
        let deadline: Timestamp = startTime + .seconds(seconds)
        if now >= deadline {
            let message: String = "Pod was active on the node longer than the specified deadline"
            tell(false, "DeadlineExceeded", message)
            end(.failed(reason: "DeadlineExceeded", message: message))
        } else {
            emit(.wakeAt(deadline))
        }
    }

    // MARK: Up

    private mutating func raise(now: Timestamp) {
        guard raiseVolumes(now: now), raiseSandbox(now: now) else { return }
        guard isInitialized || raiseInitContainers(now: now) else { return }
        for c in containers where c.role == .sidecar && isInitialized { consider(c.name, now: now) }
        for c in containers where c.role == .main || c.role == .ephemeral { consider(c.name, now: now) }
        let mains: [ContainerRecord] = containers.filter { $0.role == .main }
        let areOver: Bool = mains.allSatisfy { $0.step == .exited && !isRestarted($0) }
        if areOver, !mains.isEmpty { end(.completed) }
    }

    private mutating func raiseVolumes(now: Timestamp) -> Bool {
        switch volumes {
        case .mounted: return true
        case .mounting, .unmounting: return false
        case .unmounted:
            if let failed = volumesFailedAt, let at = volumesRetry.retryAt(failedAt: failed, now: now) {
                emit(.wakeAt(at))
                return false
            }
            volumes = .mounting
            areVolumesTouched = true
            emit(.mountVolumes)
            return false
        }
    }

    private mutating func raiseSandbox(now: Timestamp) -> Bool {
        guard sandbox == .none else { return sandbox == .ready }
        if containers.contains(where: { $0.step == .creating || $0.step == .starting }) { return false }
        let alive: [ContainerRecord] = containers.filter { $0.isAlive }
        if !alive.isEmpty {
            for c in alive { stop(c.name, graceSeconds: graceSeconds) }
            return false
        }
        if let failed = sandboxFailedAt, let at = sandboxRetry.retryAt(failedAt: failed, now: now) {
            emit(.wakeAt(at))
            return false
        }
        if hadSandbox {
            // What must not run again stays as it ended; a pod whose main containers are all over needs no sandbox.
            let mains: [ContainerRecord] = containers.filter { $0.role == .main }
            if mains.allSatisfy({ $0.step == .exited && !isRestarted($0) }) {
                end(.completed)
                return false
            }
            isInitialized = false
            for i in containers.indices {
                let isOver: Bool = containers[i].step == .exited && !isRestarted(containers[i])
                if containers[i].role == .ephemeral || (containers[i].role == .main && isOver) { continue }
                containers[i].resetForNewSandbox()
            }
        }
        sandbox = .starting
        emit(.runSandbox(attempt: hadSandbox ? sandboxAttempt + 1 : sandboxAttempt))
        return false
    }

    /// True when every init container is done and every sidecar has started.
    private mutating func raiseInitContainers(now: Timestamp) -> Bool {
        for c in containers where c.role == .initial || c.role == .sidecar {
            if c.role == .initial, c.step == .exited, let end = c.end {
                if end.exitCode == 0 { continue }
                if pod.spec.restartPolicy.text == "Never" {
                    self.end(.completed)
                    return false
                }
            }
            consider(c.name, now: now)
            if c.role == .sidecar, let now = containers.first(where: { $0.name == c.name }), now.step == .running,
                now.isStarted
            {
                continue
            }
            return false
        }
        isInitialized = true
        return true
    }

    func isRestarted(_ c: ContainerRecord) -> Bool {
        guard let end = c.end else { return true }
        if c.role == .ephemeral { return false }
        if c.role == .sidecar { return true }
        let policy: String = spec(of: c.name).restartPolicy.asString ?? pod.spec.restartPolicy.asString ?? "Always"
        if c.role == .initial { return policy != "Never" && end.exitCode != 0 }
        switch policy {
        case "Never": return false
        case "OnFailure": return end.exitCode != 0
        default: return true
        }
    }

    /// The next step of one container that should run.
    private mutating func consider(_ name: String, now: Timestamp) {
        guard let c = containers.first(where: { $0.name == name }) else { return }
        switch c.step {
        case .imaging, .creating, .starting: return
        case .running:
            let wanted: String = spec(of: name).image.text
            if c.role != .ephemeral, !c.image.isEmpty, wanted != c.image, c.stopGrace == nil {
                tell(false, "Killing", "Container \(name) definition changed, will be restarted", c.fieldPath)
                stop(name, graceSeconds: graceSeconds)
            } else {
                resize(c)
            }
        case .idle: retry(c, now: now)
        case .exited:
            let isChanged: Bool = !c.image.isEmpty && spec(of: name).image.text != c.image && c.role == .main
            guard isRestarted(c) || isChanged, let end = c.end else { return }
            if isStepFailure(c.waiting) { return retry(c, now: now) }
            if let at = c.crash.retryAt(failedAt: end.finishedAt, now: now) {
                let who: String = "\(pod.meta.name)_\(pod.meta.namespace)(\(uid))"
                let text: String = "back-off \(c.crash.text) restarting failed container=\(name) pod=\(who)"
                if c.waiting?.reason != "CrashLoopBackOff" {
                    tell(true, "BackOff", "Back-off restarting failed container \(name) in pod \(who)", c.fieldPath)
                }
                with(name) { $0.waiting = Waiting(reason: "CrashLoopBackOff", message: text) }
                emit(.wakeAt(at))
                return
            }
            with(name) { $0.crash.next(failedAt: end.finishedAt, now: now) }
            begin(name)
        }
    }

    /// cpu and memory may change while the container runs, or by a restart where its resizePolicy says so.
    private mutating func resize(_ c: ContainerRecord) {
        let spec: JSON = spec(of: c.name)
        guard c.resources.exists, !c.isResizing, c.stopGrace == nil, c.role != .ephemeral else { return }
        let changed: [String] = Self.resizedResources(c.resources, spec.resources)
        if changed.isEmpty || resizeRefusal != nil { return }
        let mustRestart: Bool = spec.resizePolicy.elements.contains {
            changed.contains($0.resourceName.text) && $0.restartPolicy.text == "RestartContainer"
        }
        if mustRestart {
            tell(false, "Killing", "Container \(c.name) resize requires restart", c.fieldPath)
            return stop(c.name, graceSeconds: graceSeconds)
        }
        with(c.name) { $0.isResizing = true }
        emit(.resize(container: c.name, id: c.id))
    }

    /// What of cpu and memory differs.
    static func resizedResources(_ old: JSON, _ new: JSON) -> [String] {
        ["cpu", "memory"].filter { new.limits[$0] != old.limits[$0] || new.requests[$0] != old.requests[$0] }
    }

    private func isStepFailure(_ waiting: Waiting?) -> Bool {
        switch waiting?.reason {
        case nil, "CrashLoopBackOff", "RunContainerError": false
        default: true
        }
    }

    /// Starts, or waits out the back-off of a failed pull or create.
    private mutating func retry(_ c: ContainerRecord, now: Timestamp) {
        guard let failedAt = c.failedAt, let waiting = c.waiting else { return begin(c.name) }
        let isPull: Bool = Self.pullReasons.contains(waiting.reason)
        let backoff: Backoff = isPull ? c.pull : c.creation
        guard let at = backoff.retryAt(failedAt: failedAt, now: now) else { return begin(c.name) }
        emit(.wakeAt(at))
        guard waiting.reason == "ErrImagePull" else { return }
        // The kubelet tells the back-off at its next look at the pod; here: half way through.
        let half: Timestamp = failedAt + backoff.delay / 2
        if now < half { return emit(.wakeAt(half)) }
        let image: String = spec(of: c.name).image.text
        let text: String = "Back-off pulling image \"\(image)\""
        tell(false, "BackOff", text, c.fieldPath)
        tell(true, "Failed", "Error: ImagePullBackOff", c.fieldPath)
        with(c.name) {
            $0.waiting = Waiting(reason: "ImagePullBackOff", message: "\(text): ErrImagePull: \(c.pullError)")
        }
    }

    private static let pullReasons: Set<String> = [
        "ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError",
    ]

    private mutating func begin(_ name: String) {
        with(name) { $0.step = .imaging }
        emit(.ensureImage(container: name))
    }

    // MARK: Down

    private mutating func wind(now: Timestamp) {
        for i in containers.indices where containers[i].step == .imaging {
            containers[i].step = containers[i].end == nil ? .idle : .exited
        }
        if volumes == .mounting || sandbox == .starting { return }
        if containers.contains(where: { $0.step == .creating || $0.step == .starting }) { return }
        guard stopContainers() else { return }
        if sandbox == .ready {
            sandbox = .stopping
            emit(.stopSandbox(id: sandboxID))
        }
        if sandbox == .stopping { return }
        if volumes == .mounted || (volumes == .unmounted && areVolumesTouched) {
            volumes = .unmounting
            emit(.unmountVolumes)
        }
        if volumes == .unmounting { return }
        if isDeleted { leave() }
    }

    /// Main containers first, then sidecars from the last to the first; true when none is alive.
    private mutating func stopContainers() -> Bool {
        let grace: Int = graceSeconds
        func tellKilling(_ c: ContainerRecord, _ w: inout PodWorker) {
            if c.stopGrace == nil { w.tell(false, "Killing", "Stopping container \(c.name)", c.fieldPath) }
        }
        let firsts: [ContainerRecord] = containers.filter { $0.role != .sidecar && $0.isAlive }
        for c in firsts {
            tellKilling(c, &self)
            stop(c.name, graceSeconds: grace)
        }
        if !firsts.isEmpty { return false }
        guard let last = containers.last(where: { $0.role == .sidecar && $0.isAlive }) else { return true }
        tellKilling(last, &self)
        stop(last.name, graceSeconds: grace)
        return false
    }

    private mutating func leave() {
        if !areSandboxesRemoved {
            if sandbox != .removing {
                sandbox = .removing
                emit(.removeSandboxes)
            }
            return
        }
        if isGone {
            isFinished = true
            emit(.finish)
        } else if !isDeletionSent {
            isDeletionSent = true
            emit(.deleteFromAPI)
        }
    }
}
