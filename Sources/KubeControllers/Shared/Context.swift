// What every controller is built from, and how one describes itself in the catalogue.

package import KubeBase
package import KubeClient

/// The flags of kube-controller-manager that matter here, with upstream's defaults.
package struct ControllerOptions: Sendable {
    /// A node whose lease and status are older than this is unknown.
    package var nodeMonitorGracePeriod: Duration = .seconds(40)
    /// Pod addresses of the whole cluster, cut into one block per node; empty: no allocation.
    package var clusterCIDR: String = "10.244.0.0/16"
    package var nodeCIDRMaskSize: Int = 24
    /// Published in each namespace as `kube-root-ca.crt`.
    package var rootCAPEM: String = ""
    /// Terminated pods beyond this many are deleted, oldest first; 0: never.
    package var terminatedPodsMax: Int = 12_500
    package var workers: Int = 4
    /// Where volumes of the class with provisioner `apus.dev/local` live on their node; empty: none are made.
    package var localVolumesRoot: String = ""
    /// Called with the folder of a local volume whose claim is gone.
    package var removeLocalVolume: @Sendable (String) -> Void = { _ in }
    /// Addresses for LoadBalancer Services; nil: none are given.
    package var loadBalancerPool: AddressPool?
    package init() {}
}

package struct ControllerContext: Sendable {
    /// Reads go through `informers`, writes through a client of the controller's own identity.
    package var client: Client
    package var informers: InformerSet
    package var events: EventRecorder
    package var time: any TimeSource
    package var options: ControllerOptions

    package init(
        client: Client, informers: InformerSet, events: EventRecorder, time: any TimeSource, options: ControllerOptions
    ) {
        self.client = client
        self.informers = informers
        self.events = events
        self.time = time
        self.options = options
    }
}

package struct ControllerDescriptor: Sendable {
    /// As kube-controller-manager's `--controllers` names it.
    package var name: String
    /// Its service account in kube-system. What that may do is in KubeResources' Bootstrap/ControllerRoles.swift:
    /// upstream's roles, within which ControllersOnServerTests runs every controller.
    package var account: String
    /// The source of its events.
    package var source: String
    package var build: @Sendable (ControllerContext) -> any Component

    package init(
        _ name: String, account: String? = nil, source: String? = nil,
        build: @escaping @Sendable (ControllerContext) -> any Component
    ) {
        self.name = name
        self.account = account ?? name
        self.source = source ?? name
        self.build = build
    }
}
