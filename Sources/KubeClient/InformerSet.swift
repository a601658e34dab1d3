// The informers that a program's components share: one per resource, however many ask.

import KubeBase
package import KubeModel
import Synchronization

/// Components ask for informers while they are built or later; `run` runs each one from then on.
package final class InformerSet: Component {
    private struct State {
        var informers: [GroupVersionResource: Informer] = [:]
        var pending: [Informer] = []
    }
    package let client: Client
    private let transform: Informer.Transform?
    private let state: Mutex<State> = Mutex(State())
    private let news: Wakeup = Wakeup()

    /// `transform` cuts every object down to what this set's users need.
    package init(_ client: Client, transform: Informer.Transform? = nil) {
        self.client = client
        self.transform = transform
    }

    package var name: String { "informers" }

    /// All namespaces, all objects.
    package func informer(_ resource: GroupVersionResource) -> Informer {
        let (informer, isNew): (Informer, Bool) = state.withLock { s in
            if let known = s.informers[resource] { return (known, false) }
            let made: Informer = Informer(client, resource, transform: transform)
            s.informers[resource] = made
            s.pending.append(made)
            return (made, true)
        }
        if isNew { news.raise() }
        return informer
    }

    package subscript(_ resource: GroupVersionResource) -> Informer { informer(resource) }

    /// The resources asked for so far.
    package var resources: [GroupVersionResource] { state.withLock { Array($0.informers.keys) } }

    package func has(_ resource: GroupVersionResource) -> Bool { state.withLock { $0.informers[resource] != nil } }

    /// Ends the informer of a resource that is no longer served (a deleted CustomResourceDefinition).
    package func drop(_ resource: GroupVersionResource) {
        state.withLock { $0.informers.removeValue(forKey: resource) }?.stop()
    }

    /// Returns when every informer asked for so far has its first list.
    package func waitForSync() async {
        for informer in state.withLock({ Array($0.informers.values) }) { await informer.waitForSync() }
    }

    package func run() async throws {
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                let started: [Informer] = state.withLock {
                    let p: [Informer] = $0.pending
                    $0.pending = []
                    return p
                }
                for informer in started { group.addTask { try? await informer.run() } }
                await news.wait()
            }
            group.cancelAll()
        }
    }
}
