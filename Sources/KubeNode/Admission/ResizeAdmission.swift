// Whether a running pod may have the other resources that its spec now asks for (KEP-1287).

import KubeModel
import KubeWire
import Synchronization

/// Why a resize is not made; it becomes the condition PodResizePending.
struct ResizeRefusal: Sendable, Equatable {
    /// `Infeasible`: never on this node. `Deferred`: not as long as the others take so much.
    var reason: String
    var message: String
}

extension PodAdmission {
    /// Of a pod that is on the node already; `others` are without it.
    func resizeRefusal(of pod: JSON) -> ResizeRefusal? {
        if StaticPods.isStatic(pod) {
            return ResizeRefusal(
                reason: "Infeasible", message: "In-place resize of static-pods is not supported")
        }
        var alone: PodAdmission = self
        alone.others = []
        if let never = alone.lack(pod) { return ResizeRefusal(reason: "Infeasible", message: never.message) }
        return lack(pod).map { ResizeRefusal(reason: "Deferred", message: $0.message) }
    }
}

extension PodHost {
    /// Some container was given other resources than `pod` asks for.
    func isResize(_ pod: JSON) -> Bool {
        state.withLock { s in
            (pod.spec.containers.elements + pod.spec.initContainers.elements).contains { c in
                guard let record = s.worker.containers.first(where: { $0.name == c.name.text }), record.resources.exists
                else { return false }
                return PodWorker.resizedResources(record.resources, c.resources).isEmpty == false
            }
        }
    }
    var isResizePending: Bool { state.withLock { $0.worker.resizeRefusal != nil } }
}
