// What a pod worker is told and what it asks for.

import KubeBase
import KubeWire

/// A container as the runtime lists it.
struct ContainerSeen: Sendable {
    enum State: Sendable { case created, running, exited, unknown }
    var name: String
    var id: String
    var sandboxID: String
    var attempt: Int
    var state: State
    var startedAt: Timestamp?
    /// For an exited one.
    var end: ContainerEnd?
    var image: String = ""
    var imageID: String = ""
}

struct SandboxSeen: Sendable {
    var id: String
    var attempt: Int
    var isReady: Bool
    var ips: [String]
    var createdAt: Timestamp
}

enum ProbeKind: String, Sendable {
    case startup = "Startup"
    case liveness = "Liveness"
    case readiness = "Readiness"
}

enum PodEvent: Sendable {
    /// The newest object of the API: new, changed, or marked for deletion.
    case podChanged(JSON)
    /// The object is no longer in the API.
    case podGone
    /// What the runtime held of this pod at a time, taken over at the agent's start and compared at each relist.
    case seen([SandboxSeen], [ContainerSeen], at: Timestamp)

    case volumesMounted
    case volumesFailed(String)
    case volumesUnmounted
    case sandboxStarted(SandboxSeen)
    case sandboxFailed(String)
    /// The sandbox's process ended on its own.
    case sandboxExited(id: String)
    case sandboxStopped(id: String)
    case sandboxRemoved

    /// Pulled, or there already.
    case imageReady(container: String, imageID: String)
    case imageFailed(container: String, reason: String, message: String)
    case created(container: String, id: String)
    case createFailed(container: String, reason: String, message: String)
    case started(container: String, id: String, at: Timestamp)
    case startFailed(container: String, id: String, reason: String, message: String)
    case postStartDone(container: String, id: String)
    case exited(container: String, ContainerEnd)
    case outOfMemory(id: String)
    /// `fault` is empty when the new resources are in force.
    case resized(container: String, id: String, resources: JSON, fault: String)
    /// Whether the node has room for the resources of the newest spec; told before that.
    case resizeJudged(ResizeRefusal?)
    case probed(container: String, id: String, ProbeKind, isSuccess: Bool)
    /// Node pressure or an eviction asked for by the node.
    case evicted(reason: String, message: String)
    /// A timer that the worker set has run out.
    case tick
    case deletedFromAPI
}

/// The shell does each action in its own task and reports the outcome as an event.
enum PodAction: Sendable, Equatable {
    case mountVolumes
    case unmountVolumes
    case runSandbox(attempt: Int)
    case stopSandbox(id: String)
    /// With its containers.
    case removeSandboxes
    case ensureImage(container: String)
    case create(container: String, attempt: Int, sandbox: String)
    case start(container: String, id: String)
    case postStart(container: String, id: String)
    /// preStop, then the stop signal, then SIGKILL after `graceSeconds` in all.
    case stop(container: String, id: String, graceSeconds: Int, runsPreStop: Bool)
    /// Instances of the container older than `id` and its predecessor.
    case collectDead(container: String)
    /// Gives a running container other cpu and memory (KEP-1287).
    case resize(container: String, id: String)
    case startProbes(container: String, id: String)
    case updateStatus
    case deleteFromAPI
    /// A tick at this time.
    case wakeAt(Timestamp)
    case event(isWarning: Bool, reason: String, message: String, fieldPath: String)
    /// Nothing is left: the worker may be dropped.
    case finish
}
