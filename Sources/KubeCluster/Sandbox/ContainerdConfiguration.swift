// containerd's configuration for one node (containerd 1.6 and 1.7, version 2 of the file).

import KubeOS

/// The programs that a node needs, as found on this machine.
struct NodePrograms: Sendable {
    var containerd: String
    var cniFolder: String
    /// OCI runtimes by name, the default first.
    var runtimes: [(name: String, path: String)]
}

enum ContainerdConfiguration {
    static let pauseImage: String = "apus/pause:1"
    static let socketMode: Int = 0o660

    static func text(_ node: NodePaths, _ place: NodePlace, _ programs: NodePrograms) -> String {
        var runtimes: String = ""
        for (name, path) in programs.runtimes {
            runtimes += """

                      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.\(name)]
                        runtime_type = "io.containerd.runc.v2"
                        [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.\(name).options]
                          BinaryName = "\(path)"
                          SystemdCgroup = false

                """
        }
        return """
            version = 2
            root = "\(node.containerdRoot)"
            state = "/run/containerd"
            oom_score = 0
            disabled_plugins = [
              "io.containerd.internal.v1.opt", "io.containerd.internal.v1.tracing",
              "io.containerd.tracing.processor.v1.otlp", "io.containerd.snapshotter.v1.aufs",
              "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
              "io.containerd.snapshotter.v1.zfs",
            ]
            [grpc]
              address = "\(node.containerdSocket)"
            [plugins."io.containerd.grpc.v1.cri"]
              sandbox_image = "docker.io/\(pauseImage)"
              stream_server_address = "127.0.0.1"
              stream_server_port = "0"
              restrict_oom_score_adj = true
              max_concurrent_downloads = 8
              disable_tcp_service = true
              tolerate_missing_hugetlb_controller = true
              disable_hugetlb_controller = true
              ignore_image_defined_volumes = false
              [plugins."io.containerd.grpc.v1.cri".cni]
                bin_dir = "\(programs.cniFolder)"
                conf_dir = "\(node.cni)"
                max_conf_num = 1
              [plugins."io.containerd.grpc.v1.cri".registry]
                config_path = "\(node.registries)"
              [plugins."io.containerd.grpc.v1.cri".containerd]
                snapshotter = "overlayfs"
                default_runtime_name = "\(programs.runtimes[0].name)"
                discard_unpacked_layers = false
            \(runtimes)
            """
    }

    /// `hosts.toml` files by folder. The registry stands on the host's loopback and is relayed on the bridge; it is
    /// also asked first for images of every other registry, so that `nginx` comes from it when it has `library/nginx`.
    static func registryHosts(_ registry: String, relay: String) -> [(folder: String, text: String)] {
        let host: String = """
            [host."http://\(relay)"]
              capabilities = ["pull", "resolve"]

            """
        return [(registry, "server = \"http://\(relay)\"\n" + host), ("_default", host)]
    }
}
