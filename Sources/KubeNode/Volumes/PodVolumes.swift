// All volumes of one pod: set up together, shown to containers as mounts, taken down together.

import KubeBase
import KubeModel
import KubeOS
import KubeWire

enum PodVolumes {
    /// Answers the path of each volume by its name.
    static func setUp(_ context: VolumeContext) async throws -> [String: String] {
        var paths: [String: String] = [:]
        for volume in context.pod.spec.volumes.elements {
            let name: String = volume.name.text
            guard let type = Volumes.type(of: volume) else {
                throw VolumeFault(
                    "MountVolume.SetUp failed for volume \"\(name)\" : no volume plugin matched")
            }
            do {
                paths[name] = try await type.setUp(volume, context)
            } catch {
                throw VolumeFault("MountVolume.SetUp failed for volume \"\(name)\" : \(error)")
            }
        }
        return paths
    }

    /// Brings files that show API objects up to date.
    static func refresh(_ context: VolumeContext) async throws {
        for volume in context.pod.spec.volumes.elements {
            guard let type = Volumes.type(of: volume), type.isContent else { continue }
            _ = try await type.setUp(volume, context)
        }
    }

    static func references(_ pod: JSON) -> Set<NodeObjects.Reference> {
        var out: Set<NodeObjects.Reference> = []
        for volume in pod.spec.volumes.elements {
            guard let type = Volumes.type(of: volume) else { continue }
            out.formUnion(type.references(volume, namespace: pod.meta.namespace))
        }
        return out
    }

    /// Unmounts whatever is mounted below the pod's directory, deepest first, then removes it.
    static func tearDown(_ paths: PodPaths) throws {
        let below: [String] = try Mounts.list().map { $0.path }.filter { $0.hasPrefix(paths.directory + "/") }
        for path in below.reversed() {
            // Somebody may still stand in it: then it goes when they leave.
            do { try Mounts.unmount(path) } catch { try Mounts.unmount(path, detach: true) }
        }
        for part in ["volume-subpaths", "volumes"] { try Files.removeTree("\(paths.directory)/\(part)") }
    }

    /// The mounts of one container. Sub-paths are resolved now and pinned by a bind mount of ours, so that a container
    /// that swaps a link later gains nothing.
    static func mounts(
        _ container: JSON, _ volumePaths: [String: String], _ paths: PodPaths, expand: (String) throws -> String
    ) throws -> [CRIMount] {
        var out: [CRIMount] = []
        for (index, m) in container.volumeMounts.elements.enumerated() {
            let name: String = m.name.text
            guard let root = volumePaths[name] else {
                throw ConfigFault("cannot find volume \"\(name)\" to mount into container \"\(container.name.text)\"")
            }
            var path: String = root
            let sub: String = m.subPathExpr.exists ? try expand(m.subPathExpr.text) : m.subPath.text
            if !sub.isEmpty {
                path = try SubPath.bind(
                    root, sub, at: paths.subPath(name, container.name.text, index), isReadOnly: m.readOnly.isTrue)
            } else if !Files.exists(path) {
                // hostPath without a type: the kubelet lets the runtime make a directory.
                try Files.makeDirectories(path)
            }
            var mount: CRIMount = CRIMount()
            mount.containerPath = m.mountPath.text.hasPrefix("/") ? m.mountPath.text : "/" + m.mountPath.text
            mount.hostPath = path
            mount.readonly = m.readOnly.isTrue
            switch m.mountPropagation.text {
            case "HostToContainer": mount.propagation = .propagationHostToContainer
            case "Bidirectional": mount.propagation = .propagationBidirectional
            default: mount.propagation = .propagationPrivate
            }
            out.append(mount)
        }
        return out
    }
}
