// What a node agent must be told.

package import KubeBase
package import KubeClient
package import KubeNet
package import KubeWire

package struct NodeAgentOptions: Sendable {
    package var nodeName: String
    /// The node's addresses, the first one is `status.hostIP`.
    package var nodeIPs: [String]
    /// As `system:node:<name>`, or whatever may do what a kubelet may.
    package var client: Client
    /// The CRI socket; containerd's own event stream is read from the same one.
    package var containerRuntimeSocket: String
    /// As /var/lib/kubelet: pods' volumes and files.
    package var rootDirectory: String
    /// As /var/log/pods.
    package var logDirectory: String
    /// The cgroup under which `kubepods` is made; `/` or a group of this node's own.
    package var cgroupRoot: String = "/"
    /// The node API (10250); nil serves none.
    package var tls: TLSServerOptions?
    package var listenHost: String
    package var port: Int = 10250
    /// Who may use the node API: organizations of verified client certificates.
    package var allowedOrganizations: Set<String> = ["system:masters", "kubeadm:cluster-admins"]
    package var clusterDNS: [String] = []
    package var clusterDomain: String = "cluster.local"
    package var podsMax: Int = 110
    package var labels: [String: String] = [:]
    /// `key=value:effect`
    package var taints: [String] = []
    /// Replaces what the machine says: `cpu`, `memory`, `ephemeral-storage`.
    package var capacity: [String: String] = [:]
    /// Taken from `allocatable`: `cpu`, `memory`.
    package var reserved: [String: String] = [:]
    /// Manifests of static pods; nil: none.
    package var staticPodDirectory: String?
    package var version: String = "v1.36.0"
    /// Runs between a pod's sandbox and its first container: the rules for it must be in place by then. The addresses
    /// are the sandbox's; the API does not know them yet.
    package var beforePodStarts: @Sendable (_ pod: JSON, _ addresses: [String]) async -> Void = { _, _ in }
    package var time: any TimeSource = SystemTime()

    package init(
        nodeName: String, nodeIPs: [String], client: Client, containerRuntimeSocket: String, rootDirectory: String,
        logDirectory: String, tls: TLSServerOptions?
    ) {
        self.nodeName = nodeName
        self.nodeIPs = nodeIPs
        self.client = client
        self.containerRuntimeSocket = containerRuntimeSocket
        self.rootDirectory = rootDirectory
        self.logDirectory = logDirectory
        self.tls = tls
        listenHost = nodeIPs.first ?? "127.0.0.1"
    }
}
