// ConfigMaps and Secrets that pods refer to: read when needed, watched while a volume shows them.

import KubeAPI
import KubeClient
import KubeModel
import KubeWire
import Synchronization

/// One watch per referenced object (the Node authorizer allows no list of all), kept while a pod needs it.
final class NodeObjects: Sendable {
    struct Reference: Hashable, Sendable {
        var resource: GroupVersionResource
        var key: ObjectKey
    }
    private struct Watched {
        var informer: Informer
        var pods: Set<String>
    }

    private static let readMax: Int = 4096
    private let client: Client
    private let jobs: Jobs
    private let watched: Mutex<[Reference: Watched]> = Mutex([:])
    /// Revisions of what volumes were made from before a watch began; empty: there was no object.
    private let read: Mutex<[Reference: String]> = Mutex([:])
    /// Called with the pods whose volumes must be looked at again.
    private let onChange: @Sendable (_ podUID: String) -> Void

    init(client: Client, jobs: Jobs, onChange: @escaping @Sendable (String) -> Void) {
        self.client = client
        self.jobs = jobs
        self.onChange = onChange
    }

    /// nil when it does not exist.
    func get(_ resource: GroupVersionResource, _ namespace: String, _ name: String) async throws(StatusError) -> JSON? {
        let reference: Reference = Reference(resource: resource, key: ObjectKey(namespace: namespace, name: name))
        if let informer = watched.withLock({ $0[reference]?.informer }), informer.isSynced {
            if let known = informer.get(reference.key) { return known }
        }
        do throws(StatusError) {
            let object: JSON = try await client.get(resource, namespace: namespace, name)
            note(reference, object.metadata.resourceVersion.text)
            return object
        } catch {
            guard error.isNotFound else { throw error }
            note(reference, "")
            return nil
        }
    }

    /// The oldest one counts: another pod's volume may show that.
    private func note(_ reference: Reference, _ revision: String) {
        guard Self.isShown(reference.resource), watched.withLock({ $0[reference]?.informer.isSynced != true }) else {
            return
        }
        read.withLock {
            // What only environments were made from is never watched; nothing is lost with it.
            if $0.count >= Self.readMax { $0 = [:] }
            if $0[reference] == nil { $0[reference] = revision }
        }
    }

    private static func isShown(_ resource: GroupVersionResource) -> Bool {
        resource == API.configMaps || resource == API.secrets
    }

    /// Replaces what the pod watches; an empty set ends all of it.
    func setWatched(_ references: Set<Reference>, pod: String) {
        var stopped: [Informer] = []
        var started: [Informer] = []
        watched.withLock { w in
            for (reference, var entry) in w where entry.pods.contains(pod) && !references.contains(reference) {
                entry.pods.remove(pod)
                w[reference] = entry.pods.isEmpty ? nil : entry
                if entry.pods.isEmpty { stopped.append(entry.informer) }
            }
            for reference in references {
                if w[reference] != nil {
                    w[reference]?.pods.insert(pod)
                } else {
                    let informer: Informer = make(reference)
                    w[reference] = Watched(informer: informer, pods: [pod])
                    started.append(informer)
                }
            }
        }
        for informer in stopped { informer.stop() }
        for informer in started { jobs.start { try? await informer.run() } }
    }

    private func make(_ reference: Reference) -> Informer {
        let informer: Informer = Informer(
            client, reference.resource, namespace: reference.key.namespace,
            query: ["fieldSelector": "metadata.name=\(reference.key.name)"])
        informer.onChange { [weak self] old, new in
            guard let self else { return }
            if old == nil, let new, !informer.isSynced {
                // The first sight is what the volume was made from, unless it has changed since.
                let made: String? = self.read.withLock { $0.removeValue(forKey: reference) }
                if made == nil || made == new.metadata.resourceVersion.text { return }
            }
            for pod in self.watched.withLock({ $0[reference]?.pods ?? [] }) { self.onChange(pod) }
        }
        return informer
    }
}
