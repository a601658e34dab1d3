// Every kind of volume that a node can mount: one folder and one line each.

import KubeWire

enum Volumes {
    static let all: [any VolumeType.Type] = [
        EmptyDirVolume.self, HostPathVolume.self, ConfigMapVolume.self, SecretVolume.self, ProjectedVolume.self,
        DownwardAPIVolume.self, PersistentVolumeClaimVolume.self, EphemeralVolume.self,
    ]

    static func type(of volume: JSON) -> (any VolumeType.Type)? { all.first { volume[$0.field].exists } }
}
