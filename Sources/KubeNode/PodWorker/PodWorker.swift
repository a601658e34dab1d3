// The brain of one pod: what to do next, from what is known of its volumes, sandbox and containers.

import KubeBase
import KubeModel
import KubeWire

/// Each event is first recorded, then `advance` compares the whole view with what the pod should be and asks for the
/// next steps; steps under way are marked in the records, so asking twice does nothing.
///
///     mount volumes → sandbox → init containers in turn (sidecars stay) → main containers together
///         ⟲ restarts by policy with crash back-off; a lost sandbox starts over
///     deleted, all ended, deadline, evicted → stop mains, then sidecars → stop sandbox → unmount
///         deleted: → remove sandboxes → delete from API → finish
struct PodWorker: Sendable {
    enum Volumes: Sendable, Equatable { case unmounted, mounting, mounted, unmounting }
    enum Sandbox: Sendable, Equatable { case none, starting, ready, stopping, stopped, removing }
    /// Why the pod is being brought to its end without being deleted.
    enum Ending: Sendable, Equatable {
        case completed
        case failed(reason: String, message: String)
    }

    private(set) var pod: JSON
    let hostIPs: [String]
    private(set) var isGone: Bool = false
    private(set) var ending: Ending?
    var volumes: Volumes = .unmounted
    /// Something may be set up, also by an agent before us.
    var areVolumesTouched: Bool = true
    var volumesRetry: Backoff = Backoff(first: .seconds(1), delayMax: .seconds(120))
    var volumesFailedAt: Timestamp?
    var sandbox: Sandbox = .none
    var sandboxID: String = ""
    var sandboxAttempt: Int = 0
    var hadSandbox: Bool = false
    var sandboxRetry: Backoff = Backoff(first: .seconds(1), delayMax: .seconds(60))
    var sandboxFailedAt: Timestamp?
    var sandboxReadyAt: Timestamp = Timestamp(seconds: 0)
    /// The runtime was looked at once: from then on our own records are newer than what a relist tells.
    var isRecovered: Bool = false
    var podIPs: [String] = []
    var isInitialized: Bool = false
    var containers: [ContainerRecord] = []
    var startTime: Timestamp
    /// The status last computed; its conditions keep their transition times.
    var status: JSON
    /// The node has no room for what the spec now asks for.
    var resizeRefusal: ResizeRefusal?
    var isDeletionSent: Bool = false
    var areSandboxesRemoved: Bool = false
    var isFinished: Bool = false
    private var actions: [PodAction] = []

    init(pod: JSON, hostIPs: [String] = [], now: Timestamp) {
        self.pod = pod
        self.hostIPs = hostIPs
        status = pod.status
        startTime = pod.status.startTime.asString.flatMap { Timestamp(rfc3339: $0) } ?? now
        reconcileRecords()
        switch pod.status.phase.text {
        case "Succeeded": ending = .completed
        case "Failed":
            let reason: String = pod.status.reason.text
            ending = reason.isEmpty ? .completed : .failed(reason: reason, message: pod.status.message.text)
        default: break
        }
        seedFromStatus()
    }

    var isDeleted: Bool { isGone || pod.meta.isDeleting }
    var isEnding: Bool { isDeleted || ending != nil }
    var uid: String { pod.meta.uid }

    /// The grace period that the pod's end is given now, in seconds.
    var graceSeconds: Int {
        // A node that is short cannot wait.
        if case .failed("Evicted", _) = ending { return 1 }
        let asked: Int =
            (isDeleted ? pod.metadata.deletionGracePeriodSeconds.asInt : nil)
            ?? pod.spec.terminationGracePeriodSeconds.asInt ?? 30
        return max(1, asked)
    }

    mutating func on(_ event: PodEvent, now: Timestamp) -> [PodAction] {
        actions = []
        if isFinished { return [] }
        record(event, now: now)
        advance(now: now)
        let fresh: JSON = computeStatus(now: now)
        if fresh != status {
            status = fresh
            actions.append(.updateStatus)
        }
        return actions
    }

    func spec(of container: String) -> JSON {
        for list in [pod.spec.containers, pod.spec.initContainers, pod.spec.ephemeralContainers] {
            if let found = list.elements.first(where: { $0.name.text == container }) { return found }
        }
        return .null
    }

    mutating func emit(_ action: PodAction) { actions.append(action) }

    mutating func tell(_ isWarning: Bool, _ reason: String, _ message: String, _ fieldPath: String = "") {
        actions.append(.event(isWarning: isWarning, reason: reason, message: message, fieldPath: fieldPath))
    }

    mutating func with(_ name: String, _ body: (inout ContainerRecord) -> Void) {
        guard let i = containers.firstIndex(where: { $0.name == name }) else { return }
        body(&containers[i])
    }

    mutating func setPod(_ new: JSON) {
        pod = new
        reconcileRecords()
    }
    mutating func setGone() { isGone = true }
    mutating func end(_ how: Ending) { if ending == nil { ending = how } }

    /// One record per container of the spec, in the spec's order; ephemeral containers may be added at any time.
    private mutating func reconcileRecords() {
        var out: [ContainerRecord] = []
        func add(_ list: JSON, _ role: (JSON) -> ContainerRole) {
            for c in list.elements {
                let name: String = c.name.text
                out.append(containers.first { $0.name == name } ?? ContainerRecord(name: name, role: role(c)))
            }
        }
        add(pod.spec.initContainers) { $0.restartPolicy.text == "Always" ? .sidecar : .initial }
        add(pod.spec.containers) { _ in .main }
        add(pod.spec.ephemeralContainers) { _ in .ephemeral }
        containers = out
    }

    /// What the API knew before this agent started: restart counts survive a runtime that has lost its containers.
    private mutating func seedFromStatus() {
        let lists: [JSON] = [
            pod.status.initContainerStatuses, pod.status.containerStatuses, pod.status.ephemeralContainerStatuses,
        ]
        for s in lists.flatMap({ $0.elements }) {
            with(s.name.text) { c in
                guard s.containerID.exists || s.restartCount.asInt ?? 0 > 0 else { return }
                c.restartCount = s.restartCount.asInt ?? 0
                c.wasCreated = true
                c.imageID = s.imageID.text
                let id: String = s.containerID.text.split(separator: "/").last.map { String($0) } ?? ""
                c.told = (id, s.started.isTrue, s.ready.isTrue)
                c.previousEnd = ContainerEnd(status: s.lastState.terminated)
                if let end = ContainerEnd(status: s.state.terminated) {
                    c.end = end
                    c.id = end.containerID
                }
            }
        }
        podIPs = pod.status.podIPs.elements.map { $0.ip.text }
    }
}

extension ContainerEnd {
    /// From a ContainerStateTerminated.
    init?(status s: JSON) {
        guard s.exists else { return nil }
        self.init(
            containerID: s.containerID.text.split(separator: "/").last.map { String($0) } ?? "",
            exitCode: s.exitCode.asInt ?? 0, reason: s.reason.text, message: s.message.text,
            startedAt: s.startedAt.asString.flatMap { Timestamp(rfc3339: $0) },
            finishedAt: s.finishedAt.asString.flatMap { Timestamp(rfc3339: $0) } ?? Timestamp(seconds: 0))
    }
}
