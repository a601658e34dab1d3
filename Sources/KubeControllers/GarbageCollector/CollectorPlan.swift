// What becomes of one object, given what the API says of its owners right now. Pure.

import KubeWire

/// What a live look at an owner found.
enum OwnerState: Sendable, Equatable {
    case solid
    /// Gone, or another object of that name.
    case dangling
    /// Being deleted in the foreground.
    case waiting
}

enum CollectorPlan {
    enum Verdict: Sendable, Equatable {
        case keep
        /// Only references to these owners (by uid) go.
        case unreference(Set<String>)
        /// With a propagationPolicy. `unblocks`: first clear blockOwnerDeletion of its references, against cycles.
        case delete(policy: String, unblocks: Bool)
    }

    /// `object` is the live object; `hasDependents` is from the graph, `hasWaitingDependents`: one of them waits, too.
    static func verdict(
        _ object: JSON, owners: [(uid: String, state: OwnerState)], hasDependents: Bool, hasWaitingDependents: Bool
    ) -> Verdict {
        if owners.isEmpty { return .keep }
        let gone: [String] = owners.filter { $0.state != .solid }.map { $0.uid }
        if gone.count < owners.count {
            return gone.isEmpty ? .keep : .unreference(Set(gone))
        }
        if owners.contains(where: { $0.state == .waiting }), hasDependents {
            return .delete(policy: "Foreground", unblocks: hasWaitingDependents)
        }
        let finalizers: [String] = object.metadata.finalizers.strings
        if finalizers.contains("orphan") { return .delete(policy: "Orphan", unblocks: false) }
        if finalizers.contains("foregroundDeletion") { return .delete(policy: "Foreground", unblocks: false) }
        return .delete(policy: "Background", unblocks: false)
    }
}
