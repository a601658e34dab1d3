// Every controller: its name, what it may do, how it is made. To add one: a folder, and a line here.

package import KubeBase
package import KubeClient

package enum Catalogue {
    private static let write: [String] = ["create", "update", "patch", "delete"]
    private static let events: Permission = Permission(
        ["", "events.k8s.io"], ["events"], ["create", "patch", "update"])
    private static func status(_ group: String, _ resource: String) -> Permission {
        Permission([group], [resource + "/status", resource + "/finalizers"], ["update", "patch"])
    }
    /// What every controller may read; the informers are shared.
    private static func reads(_ group: String, _ resources: String...) -> Permission {
        Permission([group], resources, ["get", "list", "watch"])
    }

    package static let all: [ControllerDescriptor] = [
        ControllerDescriptor(
            "replicaset-controller",
            [
                reads("apps", "replicasets"), reads("", "pods"), status("apps", "replicasets"),
                Permission([""], ["pods"], write), events,
            ]
        ) { ReplicaSetController($0, .replicaSet) },
        ControllerDescriptor(
            "deployment-controller",
            [
                reads("apps", "deployments", "replicasets"), reads("", "pods"), status("apps", "deployments"),
                Permission(["apps"], ["deployments"], ["update", "patch"]),
                Permission(["apps"], ["replicasets"], write), events,
            ]
        ) { DeploymentController($0) },
        ControllerDescriptor(
            "replication-controller",
            [
                reads("", "pods", "replicationcontrollers"), status("", "replicationcontrollers"),
                Permission([""], ["pods"], write), events,
            ]
        ) { ReplicaSetController($0, .replicationController) },
        ControllerDescriptor(
            "job-controller",
            [
                reads("batch", "jobs"), reads("", "pods"), status("batch", "jobs"), Permission([""], ["pods"], write),
                Permission(["batch"], ["jobs"], ["update", "patch"]), events,
            ]
        ) { JobController($0) },
        ControllerDescriptor(
            "daemon-set-controller",
            [
                reads("apps", "daemonsets", "controllerrevisions"), reads("", "pods", "nodes"),
                status("apps", "daemonsets"), Permission(["apps"], ["controllerrevisions"], write),
                Permission([""], ["pods"], write), events,
            ]
        ) { DaemonSetController($0) },
        ControllerDescriptor(
            "statefulset-controller",
            [
                reads("apps", "statefulsets", "controllerrevisions"), reads("", "pods", "persistentvolumeclaims"),
                status("apps", "statefulsets"), Permission(["apps"], ["controllerrevisions"], write),
                Permission([""], ["pods", "persistentvolumeclaims"], write), events,
            ]
        ) { StatefulSetController($0) },
        ControllerDescriptor(
            "endpoint-controller",
            [
                reads("", "services", "pods", "endpoints"), Permission([""], ["endpoints", "endpoints/restricted"], write),
                events,
            ]
        ) { EndpointsController($0) },
        ControllerDescriptor(
            "endpointslice-controller",
            [
                reads("", "services", "pods", "nodes"), reads("discovery.k8s.io", "endpointslices"),
                Permission([""], ["services/finalizers"], ["update"]),
                Permission(["discovery.k8s.io"], ["endpointslices", "endpointslices/restricted"], write), events,
            ]
        ) { EndpointSliceController($0) },
        ControllerDescriptor(
            "namespace-controller",
            [
                Permission([""], ["namespaces", "namespaces/finalize", "namespaces/status"], ["get", "list", "watch", "update", "patch", "delete"]),
                Permission(["*"], ["*"], ["get", "list", "delete", "deletecollection"]),
            ]
        ) { NamespaceController($0) },
        ControllerDescriptor(
            "service-account-controller",
            [reads("", "namespaces", "serviceaccounts"), Permission([""], ["serviceaccounts"], ["create"]), events]
        ) { DefaultServiceAccount.controller($0) },
        ControllerDescriptor(
            "root-ca-cert-publisher",
            [reads("", "namespaces", "configmaps"), Permission([""], ["configmaps"], ["create", "update"]), events]
        ) { RootCAPublisher.controller($0) },
        ControllerDescriptor(
            "node-controller",
            [
                reads("", "nodes", "pods"), reads("coordination.k8s.io", "leases"), status("", "nodes"), status("", "pods"),
                Permission([""], ["nodes"], ["update", "patch"]), events,
            ]
        ) { NodeLifecycleController($0) },
        ControllerDescriptor(
            "node-ipam-controller", [reads("", "nodes"), Permission([""], ["nodes"], ["update", "patch"]), events]
        ) { NodeIPAMController($0) },
        ControllerDescriptor(
            "taint-eviction-controller",
            [reads("", "nodes", "pods"), status("", "pods"), Permission([""], ["pods"], ["delete"]), events]
        ) { TaintEvictionController($0) },
        ControllerDescriptor(
            "pod-garbage-collector",
            [reads("", "nodes", "pods"), status("", "pods"), Permission([""], ["pods"], ["delete"])]
        ) { PodGCController($0) },
        ControllerDescriptor(
            "cronjob-controller",
            [
                reads("batch", "cronjobs", "jobs"), status("batch", "cronjobs"), Permission(["batch"], ["jobs"], write),
                Permission(["batch"], ["cronjobs"], ["update"]), events,
            ]
        ) { CronJobController($0) },
        ControllerDescriptor(
            "ttl-after-finished-controller",
            [reads("batch", "jobs"), Permission(["batch"], ["jobs"], ["delete"]), events]
        ) { TTLAfterFinished($0) },
        ControllerDescriptor(
            "disruption-controller",
            [
                reads("apps", "deployments", "replicasets", "statefulsets"), reads("", "pods", "replicationcontrollers"),
                reads("policy", "poddisruptionbudgets"), status("policy", "poddisruptionbudgets"), events,
            ]
        ) { DisruptionController($0) },
        ControllerDescriptor(
            "resourcequota-controller",
            [Permission(["*"], ["*"], ["get", "list", "watch"]), status("", "resourcequotas"), events]
        ) { ResourceQuotaController($0) },
        ControllerDescriptor(
            "clusterrole-aggregation-controller",
            [
                Permission(
                    ["rbac.authorization.k8s.io"], ["clusterroles"], ["escalate", "get", "list", "patch", "update", "watch"])
            ]
        ) { ClusterRoleAggregation($0) },
        ControllerDescriptor(
            "persistent-volume-binder",
            [
                reads("", "nodes", "persistentvolumes", "persistentvolumeclaims"), reads("storage.k8s.io", "storageclasses"),
                Permission([""], ["persistentvolumes"], write), Permission([""], ["persistentvolumeclaims"], ["update"]),
                status("", "persistentvolumes"), status("", "persistentvolumeclaims"), events,
            ]
        ) { VolumeBinder($0) },
        // Last: it shares the informers that the others have asked for.
        ControllerDescriptor(
            "generic-garbage-collector",
            [Permission(["*"], ["*"], ["get", "list", "watch", "patch", "update", "delete"]), events]
        ) { GarbageCollector($0) },
    ]
}

/// All controllers of the catalogue as one component; the shared informers run elsewhere.
package final class Controllers: Component {
    private let parts: [any Component]

    /// `client` answers the client of one controller, by its name: in upstream the service account of that name in
    /// kube-system. `without` names controllers to leave out, as `--controllers=*,-name` does.
    package init(
        client: @Sendable (String) -> Client, informers: InformerSet, time: any TimeSource,
        options: ControllerOptions, without: Set<String> = []
    ) {
        var parts: [any Component] = []
        for descriptor in Catalogue.all where !without.contains(descriptor.name) {
            let own: Client = client(descriptor.name)
            let events: EventRecorder = EventRecorder(own, component: descriptor.name, time: time)
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
