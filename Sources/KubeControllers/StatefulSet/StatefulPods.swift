// The identity of a StatefulSet's pods: ordinal, name, host name, claims. Pure.

import KubeModel
import KubeWire

enum StatefulPods {
    static let podName: String = "statefulset.kubernetes.io/pod-name"
    static let podIndex: String = "apps.kubernetes.io/pod-index"

    static func name(_ set: JSON, _ ordinal: Int) -> String { "\(set.metadata.name.text)-\(ordinal)" }
    static func start(_ set: JSON) -> Int { set.spec.ordinals.start.asInt ?? 0 }
    static func replicas(_ set: JSON) -> Int { set.spec.replicas.asInt ?? 1 }

    /// nil when the pod's name is none of this set's.
    static func ordinal(_ set: JSON, _ pod: JSON) -> Int? {
        let (prefix, name): (String, String) = (set.metadata.name.text + "-", pod.metadata.name.text)
        guard name.hasPrefix(prefix), let n = Int(name.dropFirst(prefix.count)), n >= 0, self.name(set, n) == name
        else {
            return nil
        }
        return n
    }

    static func claimName(_ set: JSON, _ template: JSON, _ ordinal: Int) -> String {
        "\(template.metadata.name.text)-\(set.metadata.name.text)-\(ordinal)"
    }

    /// The pod of an ordinal from the template of a revision.
    static func pod(_ set: JSON, _ ordinal: Int, template: JSON, revision: String) -> JSON {
        var pod: JSON = Pod.from(template: template, owner: set, ownerKind: StatefulSetController.kind)
        pod.metadata.generateName = .null
        pod.metadata.name = .string(name(set, ordinal))
        setIdentity(&pod, set, ordinal)
        pod.metadata.labels[Revisions.hashLabel] = .string(revision)
        pod.spec.hostname = pod.metadata.name
        pod.spec.subdomain = set.spec.serviceName
        return pod
    }

    static func setIdentity(_ pod: inout JSON, _ set: JSON, _ ordinal: Int) {
        pod.metadata.labels[podName] = .string(name(set, ordinal))
        pod.metadata.labels[podIndex] = .string(String(ordinal))
        let claims: [JSON] = set.spec.volumeClaimTemplates.elements
        guard !claims.isEmpty else { return }
        let names: Set<String> = Set(claims.map { $0.metadata.name.text })
        let volumes: [JSON] = claims.map { template in
            [
                "name": template.metadata.name,
                "persistentVolumeClaim": ["claimName": .string(claimName(set, template, ordinal))],
            ]
        }
        pod.spec.volumes = .array(volumes + pod.spec.volumes.elements.filter { !names.contains($0.name.text) })
    }

    /// The claims an ordinal needs.
    static func claims(_ set: JSON, _ ordinal: Int) -> [JSON] {
        set.spec.volumeClaimTemplates.elements.map { template in
            var claim: JSON = template
            claim.apiVersion = "v1"
            claim.kind = "PersistentVolumeClaim"
            claim.status = .null
            claim.metadata.name = .string(claimName(set, template, ordinal))
            claim.metadata.namespace = set.metadata.namespace
            var labels: [String: String] = template.metadata.labels.stringMap
            for (key, value) in set.spec.selector.matchLabels.stringMap { labels[key] = value }
            claim.metadata.labels = JSON(labels)
            return claim
        }
    }

    /// The owners that a claim must have by spec.persistentVolumeClaimRetentionPolicy: the set, when claims go with it,
    /// and a pod that is scaled away, when its claims go with it.
    static func claimOwners(_ set: JSON, _ claim: JSON, pod: JSON?, isCondemned: Bool) -> [JSON] {
        let policy: JSON = set.spec.persistentVolumeClaimRetentionPolicy
        func owned(by object: JSON, _ kind: (apiVersion: String, kind: String)) -> JSON {
            [
                "apiVersion": .string(kind.apiVersion), "kind": .string(kind.kind), "name": object.metadata.name,
                "uid": object.metadata.uid,
            ]
        }
        let podPrefix: String = set.metadata.name.text + "-"
        var owners: [JSON] = claim.metadata.ownerReferences.elements.filter { reference in
            reference.uid != set.metadata.uid
                && !(reference.kind.text == "Pod" && reference.name.text.hasPrefix(podPrefix))
        }
        let goesWithSet: Bool = policy.whenDeleted.text == "Delete"
        let goesWithPod: Bool = policy.whenScaled.text == "Delete" && isCondemned
        if goesWithPod, let pod { owners.append(owned(by: pod, ("v1", "Pod"))) }
        if goesWithSet, !goesWithPod { owners.append(owned(by: set, StatefulSetController.kind)) }
        return owners
    }
}
