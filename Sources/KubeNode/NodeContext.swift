// What all pods of a node share: the runtime, the API, caches and the index of running containers.

import KubeAPI
import KubeBase
import KubeClient
import KubeModel
import KubeNet
import KubeOS
import KubeWire
import Logging
import Synchronization

final class NodeContext: Sendable {
    let options: NodeAgentOptions
    let channel: GRPCChannel
    let cri: CRI
    let jobs: Jobs = Jobs()
    let events: EventRecorder
    let objects: NodeObjects
    let tokens: ServiceAccountTokens
    let services: Informer
    let puller: ImagePuller
    let prober: ProbeRunner
    let dns: PodDNS
    let machine: Machine
    let rates: UsageRates = UsageRates()
    let imageUse: ImageUse = ImageUse()
    let log: Logger = .component("kubelet")
    private let owners: Mutex<[String: Owner]> = Mutex([:])
    private let pods: Mutex<[String: PodHost]> = Mutex([:])
    private let ownNode: Mutex<JSON> = Mutex(.null)

    /// Whose task an id of the runtime is. The container's name is empty for a sandbox.
    struct Owner: Sendable {
        var podUID: String
        var container: String
    }

    init(_ options: NodeAgentOptions) throws {
        self.options = options
        channel = GRPCChannel(endpoint: .unix(path: options.containerRuntimeSocket))
        cri = CRI(channel: channel)
        events = EventRecorder(options.client, component: "kubelet", host: options.nodeName, time: options.time)
        let relay: Relay = Relay()
        objects = NodeObjects(client: options.client, jobs: jobs) { relay.context?.pod($0)?.refreshVolumes() }
        tokens = ServiceAccountTokens(client: options.client, time: options.time)
        services = Informer(options.client, API.services)
        puller = ImagePuller(cri: cri)
        prober = ProbeRunner(
            cri: cri, plain: try HTTPClient(tls: nil),
            secure: try HTTPClient(tls: TLSClientOptions(insecureSkipVerify: true)))
        dns = PodDNS(
            clusterServers: options.clusterDNS, clusterDomain: options.clusterDomain,
            node: (try? Files.text("/etc/resolv.conf")) ?? "")
        machine = Machine(options)
        relay.set(self)
    }

    /// This node's Node object as last seen; null before the first time.
    var nodeObject: JSON {
        get { ownNode.withLock { $0 } }
        set { ownNode.withLock { $0 = newValue } }
    }

    // MARK: Pods

    func pod(_ uid: String) -> PodHost? { pods.withLock { $0[uid] } }
    var allPods: [PodHost] { pods.withLock { Array($0.values) } }
    func add(_ host: PodHost) { pods.withLock { $0[host.uid] = host } }
    func remove(_ host: PodHost) {
        pods.withLock { $0[host.uid] = nil }
        owners.withLock { o in o = o.filter { $0.value.podUID != host.uid } }
    }
    func pod(namespace: String, name: String) -> PodHost? {
        let found: [PodHost] = allPods.filter { $0.pod.meta.namespace == namespace && $0.pod.meta.name == name }
        // One of an earlier life may still be on its way out.
        return found.first { !$0.isGone } ?? found.first
    }

    // MARK: Ids of the runtime

    func owner(_ id: String) -> Owner? { owners.withLock { $0[id] } }
    func setOwner(_ id: String, podUID: String, container: String) {
        owners.withLock { $0[id] = Owner(podUID: podUID, container: container) }
    }

    /// Services that a pod's environment names.
    func services(for pod: JSON) -> [JSON] {
        services.list().filter {
            $0.meta.namespace == pod.meta.namespace || ($0.meta.namespace == "default" && $0.meta.name == "kubernetes")
        }
    }

    func cgroup(for pod: JSON) -> String {
        let root: String = options.cgroupRoot == "/" ? "" : options.cgroupRoot
        let level: String =
            switch QoSClass(of: pod) {
            case .guaranteed: ""
            case .burstable: "/burstable"
            case .bestEffort: "/besteffort"
            }
        return "\(root)/kubepods\(level)/pod\(pod.meta.uid)"
    }
}

/// Lets a cache that the context owns call back into it.
private final class Relay: Sendable {
    private struct Box { weak var context: NodeContext? }
    private let box: Mutex<Box> = Mutex(Box())
    var context: NodeContext? { box.withLock { $0.context } }
    func set(_ context: NodeContext) { box.withLock { $0.context = context } }
}
