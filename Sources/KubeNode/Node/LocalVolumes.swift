// Removes the folders of local volumes of this node when their PersistentVolume is deleted.

import KubeAPI
import KubeBase
package import KubeClient
import KubeModel
import KubeOS
import KubeWire
import Logging

/// Volumes of provisioner `apus.dev/local` are folders under `root`, made at a pod's first use. A folder goes only when
/// its volume's deletion was seen, or when it is missing from the cluster that this node's folders belong to.
package final class LocalVolumes: Component {
    package static let root: String = "/var/lib/apus/volumes"
    static let provisioner: String = "apus.dev/local"
    static let provisionedBy: String = "pv.kubernetes.io/provisioned-by"

    package let name: String = "local-volumes"
    private let nodeName: String
    private let volumes: Informer
    private let namespaces: Informer
    private let root: String
    private let log: Logger = .component("local-volumes")

    /// The client may list and watch persistentvolumes and namespaces.
    package init(client: Client, nodeName: String, root: String = LocalVolumes.root) {
        self.nodeName = nodeName
        self.root = root
        volumes = Informer(client, API.persistentVolumes)
        namespaces = Informer(client, API.namespaces, query: ["fieldSelector": "metadata.name=kube-system"])
    }

    package func run() async throws {
        volumes.onChange { [self] old, new in
            guard let old, new == nil || new?.metadata.uid != old.metadata.uid else { return }
            if let path = Self.folder(of: old, root: root, node: nodeName) { remove(path) }
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for informer in [volumes, namespaces] { group.addTask { try await informer.run() } }
            for informer in [volumes, namespaces] { await informer.waitForSync() }
            if !Task.isCancelled { sweep() }
            try await group.waitForAll()
        }
    }

    /// The folder behind a volume that is ours to remove.
    static func folder(of volume: JSON, root: String, node: String) -> String? {
        let path: String = volume.spec.local.path.text
        guard volume.metadata.annotations[provisionedBy].text == provisioner,
            volume.spec.persistentVolumeReclaimPolicy.text == "Delete", path.hasPrefix(root + "/"),
            isFolderName(path.dropFirst(root.utf8.count + 1)),
            volume.spec.nodeAffinity.required.nodeSelectorTerms.elements.contains(where: { term in
                term.matchExpressions.elements.contains { $0.values.strings == [node] }
            })
        else { return nil }
        return path
    }

    private static func isFolderName(_ name: Substring) -> Bool { name.hasPrefix("pvc-") && !name.contains("/") }

    /// What was deleted while the agent was away. The file `.cluster` says whose folders these are.
    private func sweep() {
        let uid: String = namespaces.get("kube-system")?.metadata.uid.text ?? ""
        guard !uid.isEmpty else { return }
        do {
            try Files.makeDirectories(root)
            let mark: String = "\(root)/.cluster"
            guard Files.exists(mark) else { return try Files.writeAtomically(mark, Array(uid.utf8)) }
            guard try Files.text(mark) == uid else { return }
            for name in try Files.list(root) where Self.isFolderName(name[...]) {
                let volume: Substring = name.prefix { $0 != "_" }
                if volumes.get(String(volume)) == nil { remove("\(root)/\(name)") }
            }
        } catch {
            log.warning("local volumes not looked through: \(error)")
        }
    }

    private func remove(_ path: String) {
        do {
            try Files.removeTree(path)
        } catch {
            log.warning("local volume \(path) not removed: \(error)")
        }
    }
}
