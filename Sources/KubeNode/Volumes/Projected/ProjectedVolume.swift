// projected: tokens, ConfigMaps, Secrets and fields of the pod in one directory.

import KubeAPI
import KubeBase
import KubeModel
import KubeOS
import KubeWire

enum ProjectedVolume: VolumeType {
    static let field: String = "projected"
    static let plugin: String = "projected"
    static let isContent: Bool = true

    static func setUp(_ volume: JSON, _ context: VolumeContext) async throws -> String {
        let path: String = directory(volume, context)
        let mode: UInt32 = KeyFiles.mode(volume.projected.defaultMode)
        var files: [String: VolumeFile] = [:]
        for source in volume.projected.sources.elements {
            let part: [String: VolumeFile] = try await self.files(source, mode: mode, context)
            files.merge(part) { _, new in new }
        }
        try memoryDirectory(path, sizeBytes: nil, mode: 0o777)
        try AtomicWriter.write(files, to: path, group: context.fsGroup, now: .now)
        return path
    }

    private static func files(
        _ source: JSON, mode: UInt32, _ context: VolumeContext
    ) async throws -> [String: VolumeFile] {
        if source.configMap.exists { return try await ConfigMapVolume.files(source.configMap, mode: mode, context) }
        if source.secret.exists {
            return try await SecretVolume.files(source.secret, name: source.secret.name.text, mode: mode, context)
        }
        if source.downwardAPI.exists { return try DownwardAPIVolume.files(source.downwardAPI, mode: mode, context) }
        if source.serviceAccountToken.exists {
            let token: String = try await context.tokens.token(source.serviceAccountToken, pod: context.pod)
            let user: UInt32? = commonUser(context.pod)
            // As upstream: readable by the pod's one user, else by its group, else by all.
            let tokenMode: UInt32 = user != nil || context.fsGroup != nil ? 0o600 : mode
            return [
                source.serviceAccountToken.path.text: VolumeFile(
                    bytes: Array(token.utf8), mode: tokenMode, user: user)
            ]
        }
        return [:]
    }

    /// The user that every container runs as, when they all say the same.
    private static func commonUser(_ pod: JSON) -> UInt32? {
        let fallback: Int64? = pod.spec.securityContext.runAsUser.asInt64
        let users: [Int64?] = (pod.spec.initContainers.elements + pod.spec.containers.elements).map {
            $0.securityContext.runAsUser.asInt64 ?? fallback
        }
        guard let first = users.first, let user = first, users.allSatisfy({ $0 == user }) else { return nil }
        return UInt32(user)
    }

    static func references(_ volume: JSON, namespace: String) -> [NodeObjects.Reference] {
        volume.projected.sources.elements.compactMap { s in
            if s.configMap.exists {
                return .init(
                    resource: API.configMaps, key: ObjectKey(namespace: namespace, name: s.configMap.name.text))
            }
            if s.secret.exists {
                return .init(resource: API.secrets, key: ObjectKey(namespace: namespace, name: s.secret.name.text))
            }
            return nil
        }
    }
}
