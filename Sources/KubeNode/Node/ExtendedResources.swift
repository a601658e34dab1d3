// Resources that others write into a Node's capacity (opaque devices, tests): allocatable follows them.

import KubeWire

/// https://kubernetes.io/docs/tasks/administer-cluster/extended-resource-node/
enum ExtendedResources {
    /// Names with a domain that is not Kubernetes' own: `example.com/dongle`.
    static func isExtended(_ name: String) -> Bool {
        guard let slash = name.firstIndex(of: "/") else { return false }
        let domain: Substring = name[..<slash]
        return domain != "kubernetes.io" && !domain.hasSuffix(".kubernetes.io") && !name.hasPrefix("requests.")
    }

    /// What the API's object declares beyond what the machine has.
    static func adopt(_ status: inout JSON, from told: JSON) {
        for (name, amount) in told.capacity.fields where isExtended(name) && !status.capacity[name].exists {
            status.capacity[name] = amount
            status.allocatable[name] = amount
        }
    }

    /// True when capacity and allocatable disagree about them.
    static func areNews(_ told: JSON) -> Bool {
        func extended(_ list: JSON) -> [String: String] { list.stringMap.filter { isExtended($0.key) } }
        return extended(told.capacity) != extended(told.allocatable)
    }

    /// A merge patch: what is gone becomes null.
    static func patch(from old: JSON, to new: JSON) -> JSON {
        var pairs: [(key: String, value: JSON)] = new.fields.map { ($0.key, $0.value) }
        for (name, _) in old.fields where isExtended(name) && !new[name].exists { pairs.append((name, .null)) }
        return .object(JSONObject(unique: pairs))
    }
}
