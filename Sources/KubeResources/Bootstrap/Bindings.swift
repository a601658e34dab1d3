// Who gets the bootstrap roles; and the namespaced roles with their bindings.

import KubeModel
import KubeServer

extension BootstrapPolicy {
    package static var bindings: [Binding] { clusterBindings + controllerBindings + namespacedBindings }

    /// In `auth-extra-groups` of the tokens that machines join with.
    package static let joinGroup: String = "system:bootstrappers:kubeadm:default-node-token"

    private static let clusterBindings: [Binding] = [
        Binding(name: "cluster-admin", role: "cluster-admin", subjects: [.group(UserInfo.Group.masters)]),
        Binding(name: "system:monitoring", role: "system:monitoring", subjects: [.group("system:monitoring")]),
        Binding(name: "system:discovery", role: "system:discovery", subjects: [.group(UserInfo.Group.authenticated)]),
        Binding(name: "system:basic-user", role: "system:basic-user", subjects: [.group(UserInfo.Group.authenticated)]),
        Binding(
            name: "system:public-info-viewer", role: "system:public-info-viewer",
            subjects: [.group(UserInfo.Group.authenticated), .group(UserInfo.Group.unauthenticated)]),
        Binding(name: "system:node-proxier", role: "system:node-proxier", subjects: [.user("system:kube-proxy")]),
        Binding(
            name: "system:kube-controller-manager", role: "system:kube-controller-manager",
            subjects: [.user("system:kube-controller-manager")]),
        Binding(
            name: "system:kube-dns", role: "system:kube-dns",
            subjects: [.account("kube-system", "kube-dns"), .user("system:kube-dns")]),
        Binding(
            name: "system:kube-scheduler", role: "system:kube-scheduler", subjects: [.user("system:kube-scheduler")]),
        Binding(
            name: "system:volume-scheduler", role: "system:volume-scheduler",
            subjects: [.user("system:kube-scheduler")]),
        Binding(name: "system:node", role: "system:node", subjects: []),
        // How machines join by a bootstrap token, under kubeadm's names.
        Binding(
            name: "kubeadm:kubelet-bootstrap", role: "system:node-bootstrapper",
            subjects: [.group(BootstrapPolicy.joinGroup)]),
        Binding(
            name: "kubeadm:node-autoapprove-bootstrap",
            role: "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
            subjects: [.group(BootstrapPolicy.joinGroup)]),
        Binding(
            name: "kubeadm:node-autoapprove-certificate-rotation",
            role: "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
            subjects: [.group(UserInfo.Group.nodes)]),
        Binding(
            name: "system:service-account-issuer-discovery", role: "system:service-account-issuer-discovery",
            subjects: [.group(UserInfo.Group.serviceAccounts)]),
    ]

    private static var controllerBindings: [Binding] {
        controllerRoles.map { role in
            let account: String = String(role.name.dropFirst("system:controller:".count))
            return Binding(name: role.name, role: role.name, subjects: [.account("kube-system", account)])
        }
    }

    package static let namespacedRoles: [Role] = [
        Role(
            "extension-apiserver-authentication-reader",
            [rule(read, [""], ["configmaps"], names: ["extension-apiserver-authentication"])], namespace: "kube-system"),
        Role(
            "system:controller:bootstrap-signer", [rule(read, [""], ["secrets"])], namespace: "kube-system"),
        Role(
            "system:controller:token-cleaner", [rule(["get", "list", "watch", "delete"], [""], ["secrets"]), events],
            namespace: "kube-system"),
        Role(
            "system::leader-locking-kube-controller-manager",
            [
                rule(["watch"], [""], ["configmaps"]),
                rule(["get", "update"], [""], ["configmaps"], names: ["kube-controller-manager"]),
            ], namespace: "kube-system"),
        Role(
            "system::leader-locking-kube-scheduler",
            [
                rule(["watch"], [""], ["configmaps"]),
                rule(["get", "update"], [""], ["configmaps"], names: ["kube-scheduler"]),
            ], namespace: "kube-system"),
        Role(
            "system:controller:bootstrap-signer",
            [
                rule(read, [""], ["configmaps"]),
                rule(["update"], [""], ["configmaps"], names: ["cluster-info"]), events,
            ], namespace: "kube-public"),
    ]

    private static let namespacedBindings: [Binding] = [
        Binding(
            namespace: "kube-system", name: "system::extension-apiserver-authentication-reader", roleKind: "Role",
            role: "extension-apiserver-authentication-reader",
            subjects: [.user("system:kube-controller-manager"), .user("system:kube-scheduler")]),
        Binding(
            namespace: "kube-system", name: "system::leader-locking-kube-controller-manager", roleKind: "Role",
            role: "system::leader-locking-kube-controller-manager",
            subjects: [
                .user("system:kube-controller-manager"), .account("kube-system", "kube-controller-manager"),
            ]),
        Binding(
            namespace: "kube-system", name: "system::leader-locking-kube-scheduler", roleKind: "Role",
            role: "system::leader-locking-kube-scheduler",
            subjects: [.user("system:kube-scheduler"), .account("kube-system", "kube-scheduler")]),
        Binding(
            namespace: "kube-system", name: "system:controller:bootstrap-signer", roleKind: "Role",
            role: "system:controller:bootstrap-signer", subjects: [.account("kube-system", "bootstrap-signer")]),
        Binding(
            namespace: "kube-system", name: "system:controller:token-cleaner", roleKind: "Role",
            role: "system:controller:token-cleaner", subjects: [.account("kube-system", "token-cleaner")]),
        Binding(
            namespace: "kube-public", name: "system:controller:bootstrap-signer", roleKind: "Role",
            role: "system:controller:bootstrap-signer", subjects: [.account("kube-system", "bootstrap-signer")]),
    ]
}
