// Where the files of pods are, as the kubelet lays them out.

import KubeModel
import KubeWire

struct PodPaths: Sendable {
    /// /var/lib/kubelet/pods/<uid>
    let directory: String
    /// /var/log/pods/<namespace>_<name>_<uid>
    let logs: String

    init(root: String, logRoot: String, pod: JSON) {
        let meta: ObjectMeta = pod.meta
        directory = "\(root)/pods/\(meta.uid)"
        logs = "\(logRoot)/\(meta.namespace)_\(meta.name)_\(meta.uid)"
    }

    var etcHosts: String { "\(directory)/etc-hosts" }
    var volumes: String { "\(directory)/volumes" }
    func volume(plugin: String, _ name: String) -> String { "\(directory)/volumes/kubernetes.io~\(plugin)/\(name)" }
    func terminationLog(_ container: String, attempt: Int) -> String {
        "\(directory)/containers/\(container)/\(attempt)"
    }
    func subPath(_ volume: String, _ container: String, _ index: Int) -> String {
        "\(directory)/volume-subpaths/\(volume)/\(container)/\(index)"
    }
    func logFile(_ container: String, attempt: Int) -> String { "\(logs)/\(container)/\(attempt).log" }
}
