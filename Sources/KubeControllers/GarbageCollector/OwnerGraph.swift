// Who owns whom across all resources, and what a change of one object means for the others: the collector's brain.

import KubeModel
import KubeWire

/// What the graph keeps of an object.
struct OwnedObject: Sendable, Equatable {
    struct Owner: Sendable, Hashable {
        var apiVersion: String
        var kind: String
        var name: String
        var uid: String
        var isBlocking: Bool
    }
    var resource: GroupVersionResource
    var key: ObjectKey
    var uid: String
    var owners: [Owner]
    var isDeleting: Bool
    /// Deleted in the foreground: it waits for its dependents.
    var isWaiting: Bool
    /// Deleted with its dependents to be kept.
    var isOrphaning: Bool

    init(_ object: JSON, _ resource: GroupVersionResource) {
        self.resource = resource
        key = ObjectKey(of: object)
        uid = object.metadata.uid.text
        owners = object.metadata.ownerReferences.elements.map(Self.owner)
        isDeleting = object.metadata.deletionTimestamp.exists
        let finalizers: [String] = isDeleting ? object.metadata.finalizers.strings : []
        isWaiting = finalizers.contains("foregroundDeletion")
        isOrphaning = finalizers.contains("orphan")
    }

    static func owner(_ reference: JSON) -> Owner {
        Owner(
            apiVersion: reference.apiVersion.text, kind: reference.kind.text, name: reference.name.text,
            uid: reference.uid.text, isBlocking: reference.blockOwnerDeletion.isTrue)
    }
}

enum CollectorTask: Sendable, Hashable {
    /// Look at this object again: it may have to go, or its wait may be over. By uid.
    case check(String)
    /// Take the owner of this uid out of its dependents' references.
    case orphan(String)
}

struct OwnerGraph: Sendable {
    private(set) var objects: [String: OwnedObject] = [:]
    /// By the owner's uid, whether that owner is known or not.
    private var dependents: [String: Set<String>] = [:]

    subscript(_ uid: String) -> OwnedObject? { objects[uid] }
    func dependents(of uid: String) -> [OwnedObject] { (dependents[uid] ?? []).compactMap { objects[$0] } }
    func hasDependents(_ uid: String) -> Bool { dependents[uid]?.isEmpty == false }

    /// `isComplete`: every resource has been listed, so that an unknown owner is suspect. Before that, `suspects` is
    /// asked once at the end.
    mutating func upsert(_ new: OwnedObject, isComplete: Bool) -> [CollectorTask] {
        var tasks: [CollectorTask] = []
        let old: OwnedObject? = objects.updateValue(new, forKey: new.uid)
        let before: Set<OwnedObject.Owner> = Set(old?.owners ?? [])
        let after: Set<OwnedObject.Owner> = Set(new.owners)
        for owner in before.subtracting(after) {
            if !after.contains(where: { $0.uid == owner.uid }) { unlink(owner.uid, new.uid) }
            // An owner that waited for this one need not any more.
            if objects[owner.uid]?.isWaiting == true { tasks.append(.check(owner.uid)) }
        }
        for owner in after { dependents[owner.uid, default: []].insert(new.uid) }
        let hasNewOwner: Bool = !after.subtracting(before).isEmpty
        if isComplete, hasNewOwner || old == nil, !new.isDeleting, isSuspect(new) { tasks.append(.check(new.uid)) }
        if new.isWaiting, old?.isWaiting != true {
            tasks += (dependents[new.uid] ?? []).map { .check($0) }
            tasks.append(.check(new.uid))
        }
        // A dependent that joined an owner already waiting must go, too.
        if hasNewOwner, new.owners.contains(where: { objects[$0.uid]?.isWaiting == true }) {
            tasks.append(.check(new.uid))
        }
        if new.isOrphaning, old?.isOrphaning != true { tasks.append(.orphan(new.uid)) }
        return tasks
    }

    mutating func remove(_ uid: String) -> [CollectorTask] {
        guard let old = objects.removeValue(forKey: uid) else { return [] }
        var tasks: [CollectorTask] = []
        for owner in old.owners {
            unlink(owner.uid, uid)
            if objects[owner.uid]?.isWaiting == true { tasks.append(.check(owner.uid)) }
        }
        tasks += (dependents[uid] ?? []).map { .check($0) }
        return tasks
    }

    private mutating func unlink(_ owner: String, _ dependent: String) {
        dependents[owner]?.remove(dependent)
        if dependents[owner]?.isEmpty == true { dependents[owner] = nil }
    }

    /// An owner is unknown or in another namespace.
    private func isSuspect(_ object: OwnedObject) -> Bool {
        object.owners.contains { owner in
            guard let known = objects[owner.uid] else { return true }
            return !known.key.namespace.isEmpty && known.key.namespace != object.key.namespace
        }
    }

    /// Everything to look at once all resources are listed.
    func suspects() -> [CollectorTask] {
        objects.values.filter { !$0.isDeleting && isSuspect($0) }.map { .check($0.uid) }
    }
}
