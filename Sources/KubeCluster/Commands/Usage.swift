// Help of the cluster commands.

enum Usage {
    static func text(_ command: String) -> String {
        switch command {
        case "up":
            """
            Start a cluster on this machine, or go on with the one that was stopped.

            Usage:
              apus up [--nodes N] [--port P] [--registry HOST:PORT] [--name NAME] [--root DIR]
                [--SERVER-FLAG VALUE …]

              --nodes N              nodes, each with its own network, containerd and pod subnet (default 1)
              --port P               the API's port on 127.0.0.1 (default 6443; 0: any free one)
              --registry HOST:PORT   a plain-http registry on this machine's loopback (default localhost:5000)
              --name NAME            the cluster and its kubeconfig context (default apus)
              --root DIR             where state is kept (default /var/lib/apus)
              --ingress off          leave Ingress to a controller of yours (default on: class apus)
              --ingress-http-port P  where Ingress listens on 127.0.0.1 (defaults 8080 and 8443, or any free port;
              --ingress-https-port P   apus status tells)
              --SERVER-FLAG VALUE    a flag of 'apus server --help' (--audit-policy-file, --oidc-issuer-url, …),
                                     kept with the cluster; an empty value takes it back
            """
        case "down":
            """
            Stop the cluster; nothing of it stays but its state.

            Usage:
              apus down [--delete] [--now] [--name NAME] [--root DIR]

              --delete   forget the state too
              --now      don't wait for containers to end
            """
        case "node":
            """
            Switch a node off or on, as its power switch would.

            Usage:
              apus node stop NAME
              apus node start NAME
            """
        case "image":
            """
            Usage:
              apus image import FILE…   a docker or OCI archive, into every node
              apus image list
            """
        case "server":
            """
            Run an API server, controllers and scheduler in the foreground, on a machine of their own.

            Usage:
              apus server [--listen ADDRESS] [--port P] [--advertise ADDRESS] [--data DIR]
                [--encryption-provider-config FILE] [--service-account-signing-key-file FILE]
                [--service-account-key-file FILE,…]
                [--audit-policy-file FILE --audit-log-path FILE [--audit-log-maxsize MB] [--audit-log-maxage DAYS]
                [--audit-log-maxbackup N]] [--audit-webhook-config-file FILE]
                [--max-requests-inflight N] [--max-mutating-requests-inflight N]
                [--ingress on|off] [--ingress-http-port P] [--ingress-https-port P]
                [--enable-admission-plugins A,B] [--disable-admission-plugins C,D]
                [--authentication-token-webhook-config-file FILE] [--authentication-config FILE]
                [--oidc-issuer-url URL --oidc-client-id ID [--oidc-ca-file FILE] [--oidc-username-claim C] …]
                [--authorization-mode Node,RBAC,Webhook] [--authorization-webhook-config-file FILE]
                [--authorization-config FILE]

            The token for agents is in DIR/join-token, the authority in DIR/pki/ca.crt.
            """
        case "rotate":
            """
            Give the server a new key; what the old one has made stays readable and valid.

            Usage:
              apus rotate encryption [--data DIR | --name NAME --root DIR]   secrets at rest (DIR/encryption.yaml)
              apus rotate tokens     [--data DIR | --name NAME --root DIR]   service accounts' tokens (pki/sa.key)
            """
        case "agent":
            """
            Run a node in the foreground, on a machine with containerd.

            Usage:
              apus agent --server URL --token T --address IP --ca FILE [--node NAME]
                [--container-runtime-endpoint SOCKET] [--state DIR] [--cni-conf-dir DIR]
            """
        default: "Usage:\n  apus \(command) [--name NAME] [--root DIR]"
        }
    }
}
