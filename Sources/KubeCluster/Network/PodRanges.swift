// Gives each sandbox node the pod range that its CNI configuration has.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeWire
import Logging

/// In a cluster of `apus up` node i has range i; the node-ipam controller is off there.
struct PodRanges: Component {
    static let resource: GroupVersionResource = API.nodes
    let client: Client
    let nodes: Informer
    let configuration: ClusterConfiguration
    var name: String { "pod ranges" }
    private let log: Logger = .component("pod-ranges")

    init(client: Client, nodes: Informer, configuration: ClusterConfiguration) {
        self.client = client
        self.nodes = nodes
        self.configuration = configuration
    }

    func run() async throws {
        let (names, next): (AsyncStream<String>, AsyncStream<String>.Continuation) = AsyncStream.makeStream()
        nodes.onChange { _, new in
            if let new, !new.spec.podCIDR.exists { next.yield(new.meta.name) }
        }
        for await name in names {
            guard let place = configuration.node(named: name) else { continue }
            let patch: JSON = ["spec": ["podCIDR": JSON(place.podCIDR), "podCIDRs": .array([JSON(place.podCIDR)])]]
            do {
                try await client.patch(API.nodes, name, .merge, patch)
            } catch {
                log.warning("pod range of \(name): \(error)")
            }
        }
    }
}
