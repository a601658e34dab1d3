// What a pod worker knows of one container: where it is on its way, how it ended, how often it was started.

import KubeBase
import KubeWire

/// How one container instance ended.
struct ContainerEnd: Sendable, Equatable {
    var containerID: String
    var exitCode: Int
    /// Completed, Error, OOMKilled, StartError, ContainerCannotRun, ContainerStatusUnknown
    var reason: String
    var message: String = ""
    var startedAt: Timestamp?
    var finishedAt: Timestamp
}

enum ContainerRole: Sendable, Equatable {
    /// Runs to its end before the next one starts.
    case initial
    /// An init container with restartPolicy Always: lives as long as the pod (KEP-753).
    case sidecar
    case main
    /// Added to a running pod for debugging; never restarted.
    case ephemeral
}

/// idle → imaging → creating → starting → running → exited → (restart) imaging …;
/// a failed step returns to idle.
enum ContainerStep: Sendable, Equatable {
    case idle, imaging, creating, starting, running, exited
}

/// A state `waiting` that is worth telling; without it the default is ContainerCreating or PodInitializing.
struct Waiting: Sendable, Equatable {
    var reason: String
    var message: String = ""
}

struct ContainerRecord: Sendable {
    var name: String
    var role: ContainerRole
    var step: ContainerStep = .idle
    /// Of the current or the last instance; empty before the first was created.
    var id: String = ""
    /// The number of the instance that `id` names; counts from 0.
    var restartCount: Int = 0
    /// An instance was created once; the next one is number `restartCount + 1`.
    var wasCreated: Bool = false
    var waiting: Waiting?
    var startedAt: Timestamp?
    var end: ContainerEnd?
    var previousEnd: ContainerEnd?
    /// The image as the runtime knows it: `sha256:…` or `name@sha256:…`
    var imageID: String = ""
    /// The image of the spec that the instance was made from.
    var image: String = ""
    /// The resources that the instance was given; null when an agent before us gave them.
    var resources: JSON = .null
    /// A change of them is under way.
    var isResizing: Bool = false
    /// The startup probe has succeeded, or there is none.
    var isStarted: Bool = false
    var isReady: Bool = false
    /// postStart has returned, or there is none; the container counts as running from then on.
    var isPostStartDone: Bool = false
    /// The grace in seconds that the last stop was asked with; nil when none is under way.
    var stopGrace: Int?
    /// What the API last said of this instance: a restart of the agent changes nothing of it.
    var told: (id: String, isStarted: Bool, isReady: Bool)?
    /// The instance that the kernel's out-of-memory killer has hit.
    var outOfMemoryID: String = ""
    var crash: Backoff = Backoff()
    var pull: Backoff = Backoff()
    /// The last failure of a step that is retried: pull, create.
    var failedAt: Timestamp?
    /// The wait after a failed create.
    var creation: Backoff = Backoff(first: .seconds(1), delayMax: .seconds(10))
    /// What pulled last said, kept for the back-off message.
    var pullError: String = ""

    init(name: String, role: ContainerRole) {
        self.name = name
        self.role = role
    }

    /// Exists in the runtime and has not ended.
    var isAlive: Bool { step == .running || step == .starting }
    var nextAttempt: Int { wasCreated ? restartCount + 1 : 0 }

    /// The path of the container in the pod: `spec.containers{web}`.
    var fieldPath: String {
        switch role {
        case .initial, .sidecar: "spec.initContainers{\(name)}"
        case .main: "spec.containers{\(name)}"
        case .ephemeral: "spec.ephemeralContainers{\(name)}"
        }
    }

    mutating func resetForNewSandbox() {
        if let end { previousEnd = end }
        end = nil
        step = .idle
        waiting = nil
        isStarted = false
        isReady = false
        isPostStartDone = false
        stopGrace = nil
    }
}
