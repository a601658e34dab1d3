// Where a cluster of this machine keeps its things.

/// All names of one cluster; nothing else composes paths.
package struct ClusterPaths: Sendable {
    package static let defaultRoot: String = "/var/lib/apus"
    package static let defaultName: String = "apus"
    /// Gone after a reboot on most machines; nothing in it is needed to start again.
    package static let runRoot: String = "/run/apus"

    /// Holds the state of every cluster, one folder each.
    package let root: String
    /// A DNS label of at most 20 characters.
    package let name: String

    package init(root: String, name: String) {
        self.root = root
        self.name = name
    }

    package var state: String { "\(root)/\(name)" }
    package var configuration: String { "\(state)/cluster.json" }
    package var pki: String { "\(state)/pki" }
    package var serverState: String { "\(state)/server" }
    package var logs: String { "\(state)/logs" }
    package var kubeconfig: String { "\(state)/kubeconfig" }

    package var run: String { "\(Self.runRoot)/\(name)" }
    /// Held by `up`, `down` and `node` while they change things.
    package var lock: String { "\(Self.runRoot)/\(name).lock" }
    package var serverRecord: String { "\(run)/server.json" }
    package var nodesRun: String { "\(run)/nodes" }

    package func node(_ name: String) -> NodePaths { NodePaths(cluster: self, name: name) }
}

/// The same for one node.
package struct NodePaths: Sendable {
    package let cluster: ClusterPaths
    package let name: String

    package var state: String { "\(cluster.state)/nodes/\(name)" }
    package var containerdRoot: String { "\(state)/containerd" }
    package var containerdConfiguration: String { "\(state)/containerd.toml" }
    package var registries: String { "\(state)/certs.d" }
    package var cni: String { "\(state)/cni" }
    /// Seen as /var/lib/kubelet in the node.
    package var kubelet: String { "\(state)/kubelet" }
    /// Seen as /var/log/pods in the node.
    package var podLogs: String { "\(state)/log/pods" }
    /// Seen as /var/log/containers in the node.
    package var containerLogs: String { "\(state)/log/containers" }
    /// Seen as /var/lib/apus/volumes in the node: persistent volumes of the default class.
    package var volumes: String { "\(state)/volumes" }
    package var manifests: String { "\(state)/manifests" }
    package var pki: String { "\(state)/pki" }
    package var containerdLog: String { "\(cluster.logs)/\(name)-containerd.log" }
    package var agentLog: String { "\(cluster.logs)/\(name)-agent.log" }

    package var run: String { "\(cluster.nodesRun)/\(name)" }
    package var networkNamespace: String { "\(run)/net" }
    package var mountNamespace: String { "\(run)/mnt" }
    package var containerdSocket: String { "\(run)/containerd.sock" }
    package var containerdRecord: String { "\(run)/containerd.json" }
    package var agentRecord: String { "\(run)/agent.json" }
    package var namespaces: [String] { [networkNamespace, mountNamespace] }
}
