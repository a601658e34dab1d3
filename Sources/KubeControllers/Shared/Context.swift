// What every controller is built from, and how one describes itself in the catalogue.

package import KubeBase
package import KubeClient
package import KubeWire

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

/// One rule of a controller's bootstrap ClusterRole.
package struct Permission: Sendable {
    package var groups: [String]
    package var resources: [String]
    package var verbs: [String]
    package init(_ groups: [String], _ resources: [String], _ verbs: [String]) {
        self.groups = groups
        self.resources = resources
        self.verbs = verbs
    }
    /// rbac.authorization.k8s.io/v1 PolicyRule
    package var json: JSON { ["verbs": JSON(verbs), "apiGroups": JSON(groups), "resources": JSON(resources)] }
}

package struct ControllerDescriptor: Sendable {
    /// `deployment-controller`: also the service account in kube-system and the source of its events.
    package var name: String
    package var permissions: [Permission]
    package var build: @Sendable (ControllerContext) -> any Component
    package init(
        _ name: String, _ permissions: [Permission], build: @escaping @Sendable (ControllerContext) -> any Component
    ) {
        self.name = name
        self.permissions = permissions
        self.build = build
    }
}
