// Creates and deletes the pods of an owner, with the events and the care that users know from upstream.

import KubeAPI
import KubeClient
import KubeModel
import KubeWire

struct PodControl: Sendable {
    let client: Client
    let events: EventRecorder

    init(client: Client, events: EventRecorder) {
        self.client = client
        self.events = events
    }

    /// Creates `pods` in batches of 1, 2, 4, …; a failing batch is the last, so that a quota or a broken webhook is
    /// not hammered. Answers how many were not created, and the first error.
    func create(_ pods: [JSON], owner: JSON) async -> (missed: Int, error: StatusError?) {
        var rest: ArraySlice<JSON> = pods[...]
        var batch: Int = min(1, rest.count)
        while !rest.isEmpty {
            let now: ArraySlice<JSON> = rest.prefix(batch)
            let errors: [StatusError] = await withTaskGroup(of: StatusError?.self) { group in
                for pod in now { group.addTask { await createOne(pod, owner: owner) } }
                return await group.reduce(into: []) { if let e = $1 { $0.append(e) } }
            }
            rest = rest.dropFirst(now.count)
            if let first = errors.first { return (errors.count + rest.count, first) }
            batch = min(batch * 2, rest.count)
        }
        return (0, nil)
    }

    private func createOne(_ pod: JSON, owner: JSON) async -> StatusError? {
        do throws(StatusError) {
            let made: JSON = try await client.create(API.pods, namespace: owner.metadata.namespace.text, pod)
            events.record(owner, .normal, reason: "SuccessfulCreate", "Created pod: \(made.metadata.name.text)")
            return nil
        } catch {
            if !error.isNamespaceTerminating {
                events.record(owner, .warning, reason: "FailedCreate", "Error creating: \(error)")
            }
            return error
        }
    }

    /// Deletes all at once; a pod that is gone counts as deleted. `failed` gets the uid of each that was not deleted.
    func delete(_ pods: [JSON], owner: JSON, failed: @escaping @Sendable (String) -> Void) async -> StatusError? {
        await withTaskGroup(of: StatusError?.self) { group in
            for pod in pods {
                group.addTask {
                    let error: StatusError? = await self.deleteOne(pod, owner: owner)
                    if error != nil { failed(pod.metadata.uid.text) }
                    return error?.isNotFound == true ? nil : error
                }
            }
            var first: StatusError?
            for await error in group where first == nil { first = error }
            return first
        }
    }

    private func deleteOne(_ pod: JSON, owner: JSON) async -> StatusError? {
        do throws(StatusError) {
            try await client.delete(
                API.pods, namespace: pod.metadata.namespace.text, pod.metadata.name.text,
                options: ["preconditions": ["uid": pod.metadata.uid]])
            events.record(owner, .normal, reason: "SuccessfulDelete", "Deleted pod: \(pod.metadata.name.text)")
            return nil
        } catch {
            if !error.isNotFound {
                events.record(owner, .warning, reason: "FailedDelete", "Error deleting: \(error)")
            }
            return error
        }
    }
}

extension StatusError {
    /// The namespace is going away: nothing can be created in it, and nobody is to be told.
    var isNamespaceTerminating: Bool {
        details.causes.elements.contains { $0.reason.text == "NamespaceTerminating" }
    }
}
