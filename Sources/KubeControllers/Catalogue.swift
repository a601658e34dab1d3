// Every controller: its name, whom it acts as, how it is made. To add one: a folder, and a line here.
// What they have in common is in Shared/.

package import KubeBase
package import KubeClient

package enum Catalogue {
    package static let all: [ControllerDescriptor] = [
        ControllerDescriptor("replicaset-controller") { ReplicaSetController($0, .replicaSet) },
        ControllerDescriptor("deployment-controller") { DeploymentController($0) },
        ControllerDescriptor("replication-controller") { ReplicaSetController($0, .replicationController) },
        ControllerDescriptor("job-controller") { JobController($0) },
        ControllerDescriptor("cronjob-controller") { CronJobController($0) },
        ControllerDescriptor("daemon-set-controller", source: "daemonset-controller") { DaemonSetController($0) },
        ControllerDescriptor("statefulset-controller") { StatefulSetController($0) },
        ControllerDescriptor("ttl-after-finished-controller") { TTLAfterFinished($0) },
        ControllerDescriptor("horizontal-pod-autoscaler") { HorizontalPodAutoscaler($0) },
        // PodDisruption/
        ControllerDescriptor("disruption-controller", source: "controllermanager") { DisruptionController($0) },
        ControllerDescriptor("endpoint-controller") { EndpointsController($0) },
        ControllerDescriptor("endpointslice-controller") { EndpointSliceController($0) },
        ControllerDescriptor("endpointslicemirroring-controller") { EndpointSliceMirroring($0) },
        // LoadBalancer/
        ControllerDescriptor("service-lb-controller", account: "service-controller", source: "service-controller") {
            LoadBalancerController($0)
        },
        // ServiceAddresses/
        ControllerDescriptor("service-cidr-controller", account: "service-cidrs-controller") { ServiceAddresses($0) },
        ControllerDescriptor("namespace-controller") { NamespaceController($0) },
        ControllerDescriptor("service-account-controller") { DefaultServiceAccount.controller($0) },
        ControllerDescriptor("root-ca-cert-publisher") { RootCAPublisher.controller($0) },
        ControllerDescriptor("resourcequota-controller") { ResourceQuotaController($0) },
        ControllerDescriptor("clusterrole-aggregation-controller") { ClusterRoleAggregation($0) },
        ControllerDescriptor("node-lifecycle-controller", account: "node-controller", source: "node-controller") {
            NodeLifecycleController($0)
        },
        ControllerDescriptor("node-ipam-controller", account: "node-controller", source: "cidrAllocator") {
            NodeIPAMController($0)
        },
        ControllerDescriptor("taint-eviction-controller", account: "node-controller") { TaintEvictionController($0) },
        ControllerDescriptor("pod-garbage-collector") { PodGCController($0) },
        ControllerDescriptor("persistent-volume-binder", source: "persistentvolume-controller") { VolumeBinder($0) },
        // Volumes/, with the binder above
        ControllerDescriptor("ephemeral-volume-controller", source: "ephemeral_volume") { EphemeralVolumes($0) },
        ControllerDescriptor("pvc-protection-controller") { StorageProtection($0, .claims) },
        ControllerDescriptor("pv-protection-controller") { StorageProtection($0, .volumes) },
        // Last: it shares the informers that the others have asked for.
        ControllerDescriptor("generic-garbage-collector", source: "garbage-collector-controller") {
            GarbageCollector($0)
        },
    ]
}

/// All controllers of the catalogue as one component; the shared informers run elsewhere.
package final class Controllers: Component {
    private let parts: [any Component]

    /// `client` answers the client of a service account of kube-system, by the account's name. `without` names
    /// controllers to leave out, as `--controllers=*,-name` does.
    package init(
        client: @Sendable (String) -> Client, informers: InformerSet, time: any TimeSource,
        options: ControllerOptions, without: Set<String> = []
    ) {
        var parts: [any Component] = []
        for descriptor in Catalogue.all where !without.contains(descriptor.name) {
            let own: Client = client(descriptor.account)
            let events: EventRecorder = EventRecorder(own, component: descriptor.source, time: time)
            parts.append(events)
            parts.append(
                descriptor.build(
                    ControllerContext(client: own, informers: informers, events: events, time: time, options: options)))
        }
        self.parts = parts
    }

    package var name: String { "controllers" }

    package func run() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            for part in parts { group.addTask { try await part.run() } }
        }
    }
}
