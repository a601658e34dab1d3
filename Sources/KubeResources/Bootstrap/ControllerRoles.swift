// One ClusterRole for each controller, bound to its service account in kube-system.

import KubeModel

extension BootstrapPolicy {
    private static func controller(_ name: String, _ rules: [PolicyRule]) -> Role {
        Role("system:controller:" + name, rules + [events])
    }

    package static var controllerRoles: [Role] { workloadControllers + clusterControllers + storageControllers }

    private static let podsOfController: [PolicyRule] = [
        rule(["create", "delete", "get", "list", "patch", "update", "watch"], [""], ["pods"])
    ]

    private static let workloadControllers: [Role] = [
        controller(
            "deployment-controller",
            podsOfController + [
                rule(["get", "list", "watch", "update"], ["apps"], ["deployments"]),
                rule(["update", "patch"], ["apps"], ["deployments/status", "deployments/finalizers"]),
                rule(["get", "list", "watch", "create", "patch", "update", "delete"], ["apps"], ["replicasets"]),
            ]),
        controller(
            "replicaset-controller",
            podsOfController + [
                rule(readUpdate, ["apps"], ["replicasets"]),
                rule(["update", "patch"], ["apps"], ["replicasets/status", "replicasets/finalizers"]),
            ]),
        controller(
            "replication-controller",
            podsOfController + [
                rule(readUpdate, [""], ["replicationcontrollers"]),
                rule(["update", "patch"], [""], ["replicationcontrollers/status", "replicationcontrollers/finalizers"]),
            ]),
        controller(
            "statefulset-controller",
            podsOfController + [
                rule(read, ["apps"], ["statefulsets"]),
                rule(["update", "patch"], ["apps"], ["statefulsets/status", "statefulsets/finalizers"]),
                rule(
                    ["get", "list", "watch", "create", "delete", "update", "patch"], ["apps"], ["controllerrevisions"]),
                rule(["get", "list", "watch", "create", "delete", "update", "patch"], [""], ["persistentvolumeclaims"]),
            ]),
        controller(
            "daemon-set-controller",
            podsOfController + [
                rule(read, ["apps"], ["daemonsets"]),
                rule(["update", "patch"], ["apps"], ["daemonsets/status", "daemonsets/finalizers"]),
                rule(read, [""], ["nodes"]),
                rule(["create"], [""], ["pods/binding"]),
                rule(
                    ["get", "list", "watch", "create", "delete", "update", "patch"], ["apps"], ["controllerrevisions"]),
            ]),
        controller(
            "job-controller",
            podsOfController + [
                rule(readUpdate, ["batch"], ["jobs"]),
                rule(["update", "patch"], ["batch"], ["jobs/status", "jobs/finalizers"]),
            ]),
        controller(
            "cronjob-controller",
            [
                rule(["get", "list", "watch", "update"], ["batch"], ["cronjobs"]),
                rule(["get", "list", "watch", "create", "update", "delete", "patch"], ["batch"], ["jobs"]),
                rule(["update", "patch"], ["batch"], ["cronjobs/status", "cronjobs/finalizers"]),
                rule(["list", "delete"], [""], ["pods"]),
            ]),
        controller(
            "horizontal-pod-autoscaler",
            [
                rule(read, ["autoscaling"], ["horizontalpodautoscalers"]),
                rule(["update", "patch"], ["autoscaling"], ["horizontalpodautoscalers/status"]),
                rule(["get", "update"], ["*"], ["*/scale"]),
                rule(["list"], [""], ["pods"]),
                rule(["list", "get"], ["metrics.k8s.io", "custom.metrics.k8s.io", "external.metrics.k8s.io"], ["*"]),
            ]),
        controller(
            "disruption-controller",
            [
                rule(read, ["apps"], ["deployments", "replicasets", "statefulsets"]),
                rule(read, [""], ["replicationcontrollers", "pods"]),
                rule(["patch", "update"], [""], ["pods/status"]),
                rule(read, ["policy"], ["poddisruptionbudgets"]),
                rule(["update", "patch"], ["policy"], ["poddisruptionbudgets/status"]),
                rule(["get"], ["*"], ["*/scale"]),
            ]),
        controller("ttl-after-finished-controller", [rule(["get", "list", "watch", "delete"], ["batch"], ["jobs"])]),
    ]

    private static let clusterControllers: [Role] = [
        controller(
            "namespace-controller",
            [
                rule(["get", "list", "watch", "delete"], [""], ["namespaces"]),
                rule(["update"], [""], ["namespaces/finalize", "namespaces/status"]),
                rule(["get", "list", "delete", "deletecollection"], ["*"], ["*"]),
            ]),
        controller("generic-garbage-collector", [rule(readUpdate + ["delete"], ["*"], ["*"])]),
        controller(
            "clusterrole-aggregation-controller",
            [rule(["escalate", "get", "list", "patch", "update", "watch"], [group], ["clusterroles"])]),
        controller(
            "endpoint-controller",
            [
                rule(read, [""], ["services", "pods"]),
                rule(["get", "list", "watch", "create", "update", "delete"], [""], ["endpoints"]),
                rule(["create"], [""], ["endpoints/restricted"]),
            ]),
        controller("endpointslice-controller", sliceRules),
        controller("endpointslicemirroring-controller", sliceRules + [rule(read, [""], ["endpoints"])]),
        controller(
            "node-controller",
            [
                rule(readUpdate + ["delete", "create"], [""], ["nodes"]),
                rule(["patch", "update"], [""], ["nodes/status", "pods/status"]),
                rule(["get", "list", "watch", "delete", "patch"], [""], ["pods"]),
                rule(read, ["coordination.k8s.io"], ["leases"]),
                rule(["get", "list", "update"], ["networking.k8s.io"], ["clustercidrs"]),
            ]),
        controller("route-controller", [rule(read, [""], ["nodes"]), rule(["patch"], [""], ["nodes/status"])]),
        controller("service-controller", [
            rule(readUpdate, [""], ["services"]), rule(["patch", "update"], [""], ["services/status"]),
            rule(read, [""], ["nodes"]), rule(read, ["discovery.k8s.io"], ["endpointslices"]),
        ]),
        controller("service-cidrs-controller", [
            rule(readUpdate, ["networking.k8s.io"], ["servicecidrs"]),
            rule(["patch", "update"], ["networking.k8s.io"], ["servicecidrs/finalizers", "servicecidrs/status"]),
            rule(read, ["networking.k8s.io"], ["ipaddresses"]), rule(read, [""], ["services"]),
            // Upstream's server writes these itself.
            rule(["create", "delete"], ["networking.k8s.io"], ["ipaddresses"]),
        ]),
        controller("service-account-controller", [rule(["create"], [""], ["serviceaccounts"])]),
        controller(
            "root-ca-cert-publisher", [rule(["create", "update"], [""], ["configmaps"])]),
        controller(
            "legacy-service-account-token-cleaner",
            [rule(["get", "list", "watch", "patch", "delete"], [""], ["secrets"])]),
        controller(
            "resourcequota-controller",
            [rule(["list", "watch"], ["*"], ["*"]), rule(["update"], [""], ["resourcequotas/status"])]),
        controller(
            "certificate-controller",
            [
                rule(["get", "list", "watch", "delete"], ["certificates.k8s.io"], ["certificatesigningrequests"]),
                rule(
                    ["update"], ["certificates.k8s.io"],
                    ["certificatesigningrequests/approval", "certificatesigningrequests/status"]),
                rule(["approve"], ["certificates.k8s.io"], ["signers"]),
                rule(["sign"], ["certificates.k8s.io"], ["signers"]),
                rule(["create"], ["authorization.k8s.io"], ["subjectaccessreviews"]),
            ]),
        controller("pod-garbage-collector", [
            rule(["list", "watch", "delete"], [""], ["pods"]), rule(["get", "list", "watch"], [""], ["nodes"]),
            rule(["patch"], [""], ["pods/status"]),
        ]),
        controller("ttl-controller", [rule(["update", "patch", "list", "watch"], [""], ["nodes"])]),
        controller("device-taint-eviction-controller", [
            rule(["get", "list", "watch", "delete"], [""], ["pods"]), rule(["patch", "update"], [""], ["pods/status"]),
            rule(read, ["resource.k8s.io"], ["resourceclaims", "resourceslices", "deviceclasses"]),
        ]),
        controller("resource-claim-controller", [
            rule(read, [""], ["pods"]), rule(["patch", "update"], [""], ["pods/finalizers", "pods/status"]),
            rule(["get", "list", "watch", "create", "delete"], ["resource.k8s.io"], ["resourceclaims"]),
            rule(read, ["resource.k8s.io"], ["resourceclaimtemplates"]),
            rule(["update", "patch"], ["resource.k8s.io"], ["resourceclaims", "resourceclaims/status"]),
        ]),
    ]

    private static let sliceRules: [PolicyRule] = [
        rule(read, [""], ["services", "pods", "nodes"]),
        rule(["update"], [""], ["services/finalizers", "endpoints/finalizers"]),
        rule(["get", "list", "watch", "create", "update", "delete"], ["discovery.k8s.io"], ["endpointslices"]),
        rule(["create"], ["discovery.k8s.io"], ["endpointslices/restricted"]),
    ]

    private static let storageControllers: [Role] = [
        controller(
            "persistent-volume-binder",
            [
                rule(["get", "list", "watch", "update", "create", "delete", "patch"], [""], ["persistentvolumes"]),
                rule(["update", "patch"], [""], ["persistentvolumes/status", "persistentvolumeclaims/status"]),
                rule(["get", "list", "watch", "update", "patch"], [""], ["persistentvolumeclaims"]),
                rule(["list", "watch", "get", "create", "delete"], [""], ["pods"]),
                rule(read, ["storage.k8s.io"], ["storageclasses"]),
                rule(read, [""], ["nodes"]),
            ]),
        controller(
            "attachdetach-controller",
            [
                rule(read, [""], ["persistentvolumes", "persistentvolumeclaims", "nodes", "pods"]),
                rule(["patch", "update"], [""], ["nodes/status"]),
                rule(
                    ["get", "list", "watch", "create", "delete", "patch"], ["storage.k8s.io"], ["volumeattachments"]),
                rule(read, ["storage.k8s.io"], ["csidrivers", "csinodes"]),
            ]),
        controller("expand-controller", [
            rule(["get", "list", "watch", "update", "patch"], [""], ["persistentvolumes"]),
            rule(["update", "patch"], [""], ["persistentvolumeclaims/status"]),
            rule(read, [""], ["persistentvolumeclaims"]), rule(read, ["storage.k8s.io"], ["storageclasses"]),
        ]),
        controller("ephemeral-volume-controller", [
            rule(read, [""], ["pods"]), rule(["update"], [""], ["pods/finalizers"]),
            rule(["get", "list", "watch", "create"], [""], ["persistentvolumeclaims"]),
        ]),
        controller("pv-protection-controller", [rule(["get", "list", "watch", "update"], [""], ["persistentvolumes"])]),
        controller("pvc-protection-controller", [
            rule(["get", "list", "watch", "update"], [""], ["persistentvolumeclaims"]), rule(read, [""], ["pods"]),
        ]),
        controller("volumeattributesclass-protection-controller", [
            rule(readUpdate, ["storage.k8s.io"], ["volumeattributesclasses"]),
            rule(read, [""], ["persistentvolumes", "persistentvolumeclaims"]),
        ]),
    ]
}
