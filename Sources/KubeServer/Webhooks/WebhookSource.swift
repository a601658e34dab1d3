// The webhooks of one sort, followed: a written configuration is in force from the next request on.

import KubeModel
import KubeWire
import Synchronization

final class WebhookSource: Sendable {
    private struct State {
        var isFollowing: Bool = false
        var configurations: [String: JSON] = [:]
        /// nil: to be made anew from the configurations.
        var webhooks: [Webhook]? = []
    }
    private let resource: GroupVersionResource
    private let state: Mutex<State> = Mutex(State())

    init(_ resource: GroupVersionResource) { self.resource = resource }

    /// In the order of their configurations' names.
    func webhooks(_ registry: any ObjectRegistry) -> [Webhook] {
        let isFirst: Bool = state.withLock { s in
            defer { s.isFollowing = true }
            return !s.isFollowing
        }
        if isFirst { registry.onChange(resource) { [weak self] old, new in self?.changed(old, new) } }
        return state.withLock { s in
            if let known = s.webhooks { return known }
            let made: [Webhook] = s.configurations.sorted { $0.key < $1.key }.flatMap { Webhook.all(of: $0.value) }
            s.webhooks = made
            return made
        }
    }

    private func changed(_ old: JSON?, _ new: JSON?) {
        guard let name = (new ?? old)?.meta.name else { return }
        state.withLock { s in
            s.configurations[name] = new
            s.webhooks = nil
        }
    }
}
