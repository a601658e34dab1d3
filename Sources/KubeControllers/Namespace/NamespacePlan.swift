// What the status of a namespace says while its contents go. Pure.

import KubeBase
import KubeModel
import KubeWire

/// What was found in a namespace that is being deleted.
struct NamespaceRemains: Sendable {
    /// Objects left, by resource.
    var counts: [GroupResource: Int] = [:]
    /// Objects left that wait for a finalizer, by finalizer.
    var finalizers: [String: Int] = [:]
    /// What could not be listed or deleted.
    var failures: [String] = []

    var isEmpty: Bool { counts.isEmpty && failures.isEmpty }
}

enum NamespacePlan {
    static let finalizer: String = "kubernetes"

    /// `status` with phase Terminating and upstream's five conditions.
    static func status(_ namespace: JSON, _ remains: NamespaceRemains, now: Timestamp) -> JSON {
        var status: JSON = namespace.status
        var conditions: [JSON] = status.conditions.elements
        func set(_ type: String, _ isTrue: Bool, _ reason: String, _ message: String) {
            Conditions.set(&conditions, Conditions.make(type, isTrue, reason: reason, message: message, at: now))
        }
        set("NamespaceDeletionDiscoveryFailure", false, "ResourcesDiscovered", "All resources successfully discovered")
        set(
            "NamespaceDeletionGroupVersionParsingFailure", false, "ParsedGroupVersions",
            "All legacy kube types successfully parsed")
        if remains.failures.isEmpty {
            set(
                "NamespaceDeletionContentFailure", false, "ContentDeleted",
                "All content successfully deleted, may be waiting on finalization")
        } else {
            set(
                "NamespaceDeletionContentFailure", true, "ContentDeletionFailed",
                "Failed to delete all resource types, \(remains.failures.count) remaining: "
                    + remains.failures.sorted().joined(separator: ", "))
        }
        if remains.counts.isEmpty {
            set("NamespaceContentRemaining", false, "ContentRemoved", "All content successfully removed")
        } else {
            let list: [String] = remains.counts.map {
                "\($0.key.resource).\($0.key.group) has \($0.value) resource instances"
            }
            set(
                "NamespaceContentRemaining", true, "SomeResourcesRemain",
                "Some resources are remaining: " + list.sorted().joined(separator: ", "))
        }
        if remains.finalizers.isEmpty {
            set(
                "NamespaceFinalizersRemaining", false, "ContentHasNoFinalizers",
                "All content-preserving finalizers finished")
        } else {
            let list: [String] = remains.finalizers.map { "\($0.key) in \($0.value) resource instances" }
            set(
                "NamespaceFinalizersRemaining", true, "SomeFinalizersRemain",
                "Some content in the namespace has finalizers remaining: " + list.sorted().joined(separator: ", "))
        }
        status.phase = "Terminating"
        status.conditions = .array(conditions)
        return status
    }

    /// The time until the next look: doubling, since what remains ends by itself.
    static func delay(attempt: Int) -> Duration { min(.milliseconds(100) * (1 << min(attempt, 6)), .seconds(3)) }
}
