// The APIService objects that stand for the groups this server serves itself, as the aggregator of upstream keeps them.

import KubeAPI
import KubeBase
import KubeModel
import KubeWire

/// Pure: what should be there against what is there.
struct LocalServicesPlan {
    var missing: [JSON] = []
    /// Names of those whose group version is served no more.
    var obsolete: [String] = []

    /// Marks the objects that are ours to remove.
    static let label: String = "kube-aggregator.kubernetes.io/automanaged"

    init(definitions: [ResourceDefinition], present: [JSON], now: String) {
        let discovery: Discovery = Discovery(definitions)
        let custom: Set<GroupVersion> = Set(definitions.filter { $0.isCustom }.map { $0.gvr.groupVersion })
        var wanted: Set<String> = []
        let known: Set<String> = Set(present.map { $0.meta.name })
        for group in discovery.groups {
            for (i, version) in group.versions.enumerated() {
                let name: String = "\(version).\(group.name)"
                wanted.insert(name)
                guard !known.contains(name) else { continue }
                let isCustom: Bool = custom.contains(GroupVersion(group: group.name, version: version))
                missing.append(
                    LocalServicesPlan.service(
                        name, group, version, priority: 15 - min(i, 14), isCustom: isCustom))
            }
        }
        obsolete = present.filter {
            $0.metadata.labels[LocalServicesPlan.label].exists && !wanted.contains($0.meta.name)
        }
        .map { $0.meta.name }
    }

    private static func service(
        _ name: String, _ group: Discovery.Group, _ version: String, priority: Int, isCustom: Bool
    ) -> JSON {
        var spec: JSON = [:]
        if !group.name.isEmpty { spec.group = .string(group.name) }
        spec.version = .string(version)
        spec.groupPriorityMinimum = JSON(max(1, group.priority))
        spec.versionPriority = JSON(priority)
        return [
            "apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
            "metadata": [
                "name": .string(name), "labels": .object(JSONObject([(label, isCustom ? "true" : "onstart")])),
            ],
            "spec": spec,
        ]
    }

    static func available(_ now: String) -> JSON {
        [
            "lastTransitionTime": .string(now), "message": "Local APIServices are always available",
            "reason": "Local", "status": "True", "type": "Available",
        ]
    }
}

extension Registry {
    /// Brings the objects in line with the definitions. Writes in parallel, so that they share the disk's turns.
    func reconcileLocalServices() async throws(StatusError) {
        guard definition(API.apiServices) != nil else { return }
        let now: String = clock.now().rfc3339
        let plan: LocalServicesPlan = LocalServicesPlan(
            definitions: definitions, present: list(API.apiServices, namespace: ""), now: now)
        let errors: [StatusError] = await withTaskGroup(of: StatusError?.self) { group in
            for object in plan.missing { group.addTask { await self.addLocalService(object, now) } }
            for name in plan.obsolete { group.addTask { await self.removeLocalService(name) } }
            return await group.reduce(into: []) { if let error = $1 { $0.append(error) } }
        }
        if let first = errors.first { throw first }
    }

    private func addLocalService(_ object: JSON, _ now: String) async -> StatusError? {
        do throws(StatusError) {
            var call: APICall = APICall(.create, API.apiServices)
            call.body = object
            call.query = ["fieldManager": "kube-apiserver"]
            _ = try await transport(user: .loopback).call(call)
            try await update(API.apiServices, namespace: "", name: object.meta.name) { service in
                service.status.conditions = [LocalServicesPlan.available(now)]
                return true
            }
            return nil
        } catch {
            return error.isAlreadyExists ? nil : error
        }
    }

    private func removeLocalService(_ name: String) async -> StatusError? {
        do throws(StatusError) {
            var call: APICall = APICall(.delete, API.apiServices)
            call.name = name
            _ = try await transport(user: .loopback).call(call)
            return nil
        } catch {
            return error.isNotFound ? nil : error
        }
    }
}
