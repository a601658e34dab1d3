// ClusterRoles for people and for the parts of the control plane.

import KubeModel

extension BootstrapPolicy {
    private static func to(_ key: String) -> [String: String] {
        ["rbac.authorization.k8s.io/aggregate-to-\(key)": "true"]
    }

    package static let clusterRoles: [Role] = peopleRoles + userFacingRoles + systemRoles

    private static let peopleRoles: [Role] = [
        Role("cluster-admin", [rule(["*"], ["*"], ["*"]), urls(["*"], ["*"])]),
        Role("system:discovery", [urls(["get"], discoveryPaths)]),
        Role(
            "system:basic-user",
            [
                rule(["create"], ["authorization.k8s.io"], ["selfsubjectaccessreviews", "selfsubjectrulesreviews"]),
                rule(["create"], ["authentication.k8s.io"], ["selfsubjectreviews"]),
            ]),
        Role(
            "system:public-info-viewer",
            [urls(["get"], ["/healthz", "/livez", "/readyz", "/version", "/version/"])]),
        Role(
            "system:monitoring",
            [
                urls(
                    ["get"],
                    [
                        "/healthz", "/healthz/*", "/livez", "/livez/*", "/metrics", "/metrics/slis", "/readyz", "/readyz/*",
                    ])
            ]),
        Role(
            "system:service-account-issuer-discovery",
            [urls(["get"], ["/.well-known/openid-configuration", "/.well-known/openid-configuration/", "/openid/v1/jwks", "/openid/v1/jwks/"])]),
    ]

    private static let discoveryPaths: [String] = [
        "/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/openapi", "/openapi/*", "/readyz", "/version",
        "/version/",
    ]

    private static let userFacingRoles: [Role] = [
        Role("admin", [], aggregates: "admin"),
        Role("edit", [], labels: to("admin"), aggregates: "edit"),
        Role("view", [], labels: to("edit"), aggregates: "view"),
        Role(
            "system:aggregate-to-admin",
            [
                rule(["create"], ["authorization.k8s.io"], ["localsubjectaccessreviews"]),
                rule(readWrite, [group], ["roles", "rolebindings"]),
            ], labels: to("admin")),
        Role("system:aggregate-to-edit", editRules, labels: to("edit")),
        Role("system:aggregate-to-view", viewRules, labels: to("view")),
        // As metrics-server brings it.
        Role(
            "system:aggregated-metrics-reader", [rule(read, ["metrics.k8s.io"], ["pods", "nodes"])],
            labels: to("view").merging(to("edit").merging(to("admin")) { a, _ in a }) { a, _ in a }),
    ]

    private static let editRules: [PolicyRule] = [
        rule(read, [""], ["pods/attach", "pods/proxy", "pods/exec", "pods/portforward", "secrets", "services/proxy"]),
        rule(["impersonate"], [""], ["serviceaccounts"]),
        rule(write, [""], ["pods", "pods/attach", "pods/proxy", "pods/exec", "pods/portforward"]),
        rule(["create"], [""], ["pods/eviction"]),
        rule(
            write, [""],
            [
                "configmaps", "events", "persistentvolumeclaims", "replicationcontrollers", "replicationcontrollers/scale",
                "secrets", "serviceaccounts", "services", "services/proxy",
            ]),
        rule(["create"], [""], ["serviceaccounts/token"]),
        rule(
            write, ["apps"],
            [
                "daemonsets", "deployments", "deployments/rollback", "deployments/scale", "replicasets",
                "replicasets/scale", "statefulsets", "statefulsets/scale",
            ]),
        rule(write, ["autoscaling"], ["horizontalpodautoscalers"]),
        rule(write, ["batch"], ["cronjobs", "jobs"]),
        rule(write, ["policy"], ["poddisruptionbudgets"]),
        rule(write, ["networking.k8s.io"], ["ingresses", "networkpolicies"]),
        rule(readWrite, ["coordination.k8s.io"], ["leases"]),
        rule(write, ["resource.k8s.io"], ["resourceclaims", "resourceclaimtemplates"]),
    ]

    private static let viewRules: [PolicyRule] = [
        rule(
            read, [""],
            [
                "configmaps", "endpoints", "persistentvolumeclaims", "persistentvolumeclaims/status", "pods",
                "replicationcontrollers", "replicationcontrollers/scale", "serviceaccounts", "services",
                "services/status",
            ]),
        rule(
            read, [""],
            [
                "bindings", "events", "limitranges", "namespaces/status", "pods/log", "pods/status",
                "replicationcontrollers/status", "resourcequotas", "resourcequotas/status",
            ]),
        rule(read, [""], ["namespaces"]),
        rule(read, ["discovery.k8s.io"], ["endpointslices"]),
        rule(
            read, ["apps"],
            [
                "controllerrevisions", "daemonsets", "daemonsets/status", "deployments", "deployments/scale",
                "deployments/status", "replicasets", "replicasets/scale", "replicasets/status", "statefulsets",
                "statefulsets/scale", "statefulsets/status",
            ]),
        rule(read, ["autoscaling"], ["horizontalpodautoscalers", "horizontalpodautoscalers/status"]),
        rule(read, ["batch"], ["cronjobs", "cronjobs/status", "jobs", "jobs/status"]),
        rule(read, ["policy"], ["poddisruptionbudgets", "poddisruptionbudgets/status"]),
        rule(read, ["networking.k8s.io"], ["ingresses", "ingresses/status", "networkpolicies"]),
        rule(read, ["resource.k8s.io"], ["resourceclaims", "resourceclaims/status", "resourceclaimtemplates"]),
    ]

    /// What a node agent may do; the node authorizer narrows it to its own node.
    package static let nodeRules: [PolicyRule] = [
        rule(["create"], ["authentication.k8s.io"], ["tokenreviews"]),
        rule(["create"], ["authorization.k8s.io"], ["localsubjectaccessreviews", "subjectaccessreviews"]),
        rule(read, [""], ["services"]),
        rule(["create", "get", "list", "watch"], [""], ["nodes"]),
        rule(["update", "patch"], [""], ["nodes/status"]),
        rule(["update", "patch"], [""], ["nodes"]),
        events,
        rule(read, [""], ["pods"]),
        rule(["create", "delete"], [""], ["pods"]),
        rule(["update", "patch"], [""], ["pods/status"]),
        rule(["create"], [""], ["pods/eviction"]),
        rule(["get", "list", "watch"], [""], ["configmaps", "secrets"]),
        rule(["get"], [""], ["persistentvolumeclaims", "persistentvolumes"]),
        rule(["get", "update", "patch"], [""], ["persistentvolumeclaims/status"]),
        rule(["get"], [""], ["endpoints"]),
        rule(["create", "get", "list", "watch"], ["certificates.k8s.io"], ["certificatesigningrequests"]),
        rule(["get", "create", "update", "patch", "delete"], ["coordination.k8s.io"], ["leases"]),
        rule(["get"], ["storage.k8s.io"], ["volumeattachments"]),
        rule(read, ["storage.k8s.io"], ["csidrivers"]),
        rule(["get", "create", "update", "patch", "delete"], ["storage.k8s.io"], ["csinodes"]),
        rule(read, ["node.k8s.io"], ["runtimeclasses"]),
        rule(["create"], [""], ["serviceaccounts/token"]),
        rule(["get"], [""], ["serviceaccounts"]),
        rule(["get"], ["resource.k8s.io"], ["resourceclaims"]),
        rule(readWrite, ["resource.k8s.io"], ["resourceslices"]),
        rule(read, ["discovery.k8s.io"], ["endpointslices"]),
    ]

    private static let systemRoles: [Role] = [
        Role("system:node", nodeRules),
        Role(
            "system:node-problem-detector",
            [rule(["get"], [""], ["nodes"]), rule(["patch"], [""], ["nodes/status"]), events]),
        Role(
            "system:node-proxier",
            [
                rule(read, [""], ["services", "endpoints"]), rule(["get", "list", "watch"], [""], ["nodes"]), events,
                rule(read, ["discovery.k8s.io"], ["endpointslices"]),
                rule(read, ["networking.k8s.io"], ["networkpolicies", "servicecidrs"]),
                // Upstream's proxy leaves policies to the network plugin, which has a role of its own.
                rule(["list", "watch"], [""], ["pods", "namespaces", "persistentvolumes"]),
            ]),
        Role(
            "system:kubelet-api-admin",
            [
                rule(read, [""], ["nodes"]), rule(["proxy"], [""], ["nodes"]),
                rule(
                    ["*"], [""],
                    [
                        "nodes/proxy", "nodes/metrics", "nodes/stats", "nodes/log", "nodes/spec", "nodes/checkpoint",
                        "nodes/configz", "nodes/healthz", "nodes/pods",
                    ]),
            ]),
        Role(
            "system:node-bootstrapper",
            [rule(["create", "get", "list", "watch"], ["certificates.k8s.io"], ["certificatesigningrequests"])]),
        Role(
            "system:auth-delegator",
            [
                rule(["create"], ["authentication.k8s.io"], ["tokenreviews"]),
                rule(["create"], ["authorization.k8s.io"], ["subjectaccessreviews"]),
            ]),
        Role("system:kube-aggregator", [rule(read, [""], ["services", "endpoints"])]),
        Role("system:kube-controller-manager", controllerManagerRules),
        Role("system:kube-scheduler", schedulerRules),
        Role(
            "system:kube-dns",
            [rule(["list", "watch"], [""], ["endpoints", "services"]),
             rule(["list", "watch"], ["discovery.k8s.io"], ["endpointslices"]),
             rule(["list", "watch"], [""], ["namespaces", "pods"])]),
        Role(
            "system:persistent-volume-provisioner",
            [
                rule(["get", "list", "watch", "create", "delete"], [""], ["persistentvolumes"]),
                rule(["get", "list", "watch", "update"], [""], ["persistentvolumeclaims"]),
                rule(read, ["storage.k8s.io"], ["storageclasses"]), events,
            ]),
        Role(
            "system:volume-scheduler",
            [
                rule(readUpdate, [""], ["persistentvolumes"]), rule(read, ["storage.k8s.io"], ["storageclasses"]),
                rule(readUpdate, [""], ["persistentvolumeclaims"]),
            ]),
        Role(
            "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
            [rule(["create"], ["certificates.k8s.io"], ["certificatesigningrequests/nodeclient"])]),
        Role(
            "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
            [rule(["create"], ["certificates.k8s.io"], ["certificatesigningrequests/selfnodeclient"])]),
        signer("kube-apiserver-client-approver", "approve", "kubernetes.io/kube-apiserver-client"),
        signer("kube-apiserver-client-kubelet-approver", "approve", "kubernetes.io/kube-apiserver-client-kubelet"),
        signer("kubelet-serving-approver", "approve", "kubernetes.io/kubelet-serving"),
        signer("legacy-unknown-approver", "approve", "kubernetes.io/legacy-unknown"),
    ]

    private static func signer(_ name: String, _ verb: String, _ signer: String) -> Role {
        Role(
            "system:certificates.k8s.io:" + name,
            [rule([verb], ["certificates.k8s.io"], ["signers"], names: [signer])])
    }

    private static let controllerManagerRules: [PolicyRule] = [
        events,
        rule(["create"], ["coordination.k8s.io"], ["leases"]),
        rule(["get", "update"], ["coordination.k8s.io"], ["leases"], names: ["kube-controller-manager"]),
        rule(["create"], [""], ["secrets", "serviceaccounts"]),
        rule(["delete"], [""], ["secrets"]),
        rule(["get"], [""], ["namespaces", "secrets", "serviceaccounts", "configmaps"]),
        rule(["update"], [""], ["secrets", "serviceaccounts"]),
        rule(["create"], ["authentication.k8s.io"], ["tokenreviews"]),
        rule(["create"], ["authorization.k8s.io"], ["subjectaccessreviews"]),
        rule(["list", "watch"], ["*"], ["*"]),
        rule(["create"], [""], ["serviceaccounts/token"]),
    ]

    private static let schedulerRules: [PolicyRule] = [
        events,
        rule(["create"], ["coordination.k8s.io"], ["leases"]),
        rule(
            ["get", "list", "watch", "update"], ["coordination.k8s.io"], ["leases"], names: ["kube-scheduler"]),
        rule(read, [""], ["nodes"]),
        rule(["get", "list", "watch", "delete"], [""], ["pods"]),
        rule(["create"], [""], ["bindings", "pods/binding"]),
        rule(["update", "patch"], [""], ["pods/status"]),
        rule(read, [""], ["services", "replicationcontrollers", "namespaces"]),
        rule(read, ["apps"], ["replicasets", "statefulsets"]),
        rule(read, ["policy"], ["poddisruptionbudgets"]),
        rule(readUpdate, [""], ["persistentvolumeclaims", "persistentvolumes"]),
        rule(["create"], ["authentication.k8s.io"], ["tokenreviews"]),
        rule(["create"], ["authorization.k8s.io"], ["subjectaccessreviews"]),
        rule(
            read, ["storage.k8s.io"],
            ["csinodes", "csidrivers", "csistoragecapacities", "storageclasses", "volumeattachments"]),
        rule(read, ["resource.k8s.io"], ["deviceclasses", "resourceslices"]),
        rule(readUpdate, ["resource.k8s.io"], ["resourceclaims", "resourceclaims/status"]),
    ]
}
