// From what happens to pods to the owners that must look again, with expectations kept.

import KubeClient
import KubeModel
import KubeWire

/// Wires a pod informer to the queue of a controller whose objects own pods.
struct OwnedPods: Sendable {
    var kind: String
    var owners: Informer
    var expectations: Expectations?
    var selector: @Sendable (JSON) -> LabelSelector
    var enqueue: @Sendable (ObjectKey) -> Void

    func watch(_ pods: Informer) {
        pods.addIndex(Owner.index, Owner.indexKeys)
        pods.onChange { old, new in self.on(old, new) }
    }

    private func on(_ old: JSON?, _ new: JSON?) {
        guard let new else {
            if let old { gone(old) }
            return
        }
        guard let old else {
            if new.metadata.deletionTimestamp.exists { return gone(new) }
            if let key = owner(new) {
                expectations?.creationSeen(key)
                enqueue(key)
            } else if Owner.controller(new) == nil {
                wakeAdopters(new)
            }
            return
        }
        if new.metadata.deletionTimestamp.exists, !old.metadata.deletionTimestamp.exists { return gone(new) }
        let (before, after): (ObjectKey?, ObjectKey?) = (owner(old), owner(new))
        if let before, before != after { enqueue(before) }
        if let after {
            enqueue(after)
        } else if Owner.controller(new) == nil,
            before != nil || Owner.controller(old) != nil || old.metadata.labels != new.metadata.labels
        {
            wakeAdopters(new)
        }
    }

    private func gone(_ pod: JSON) {
        guard let key = owner(pod) else { return }
        expectations?.deletionSeen(key, uid: pod.metadata.uid.text)
        enqueue(key)
    }

    /// The pod's controller, when it is of our kind and still the one with that uid.
    private func owner(_ pod: JSON) -> ObjectKey? {
        guard let controller = Owner.controller(pod), controller.kind.text == kind else { return nil }
        let key: ObjectKey = ObjectKey(namespace: pod.metadata.namespace.text, name: controller.name.text)
        if let owner = owners.get(key), owner.metadata.uid != controller.uid { return nil }
        return key
    }

    private func wakeAdopters(_ pod: JSON) {
        for owner in owners.list(namespace: pod.metadata.namespace.text) where selector(owner).matches(object: pod) {
            enqueue(ObjectKey(of: owner))
        }
    }
}
