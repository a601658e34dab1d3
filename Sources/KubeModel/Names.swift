// How the API names things: groups, versions, kinds, resources and keys.

package import KubeWire

package struct GroupResource: Sendable, Hashable, CustomStringConvertible {
    package var group: String
    package var resource: String
    package init(group: String, resource: String) {
        self.group = group
        self.resource = resource
    }
    /// `deployments.apps`, `pods`
    package var description: String { group.isEmpty ? resource : "\(resource).\(group)" }
}

package struct GroupKind: Sendable, Hashable, CustomStringConvertible {
    package var group: String
    package var kind: String
    package init(group: String, kind: String) {
        self.group = group
        self.kind = kind
    }
    /// `Deployment.apps`, `Pod`
    package var description: String { group.isEmpty ? kind : "\(kind).\(group)" }
}

package struct GroupVersion: Sendable, Hashable, CustomStringConvertible {
    package var group: String
    package var version: String
    package init(group: String, version: String) {
        self.group = group
        self.version = version
    }
    /// From `apiVersion`: `v1`, `apps/v1`.
    package init(apiVersion: String) {
        let parts: [Substring] = apiVersion.split(separator: "/", maxSplits: 1)
        if parts.count == 2 {
            self.init(group: String(parts[0]), version: String(parts[1]))
        } else {
            self.init(group: "", version: apiVersion)
        }
    }
    /// `v1`, `apps/v1`: the form of `apiVersion`.
    package var description: String { group.isEmpty ? version : "\(group)/\(version)" }
}

package struct GroupVersionKind: Sendable, Hashable {
    package var group: String
    package var version: String
    package var kind: String
    package init(group: String, version: String, kind: String) {
        self.group = group
        self.version = version
        self.kind = kind
    }
    package init(of object: JSON) {
        let gv: GroupVersion = GroupVersion(apiVersion: object.apiVersion.text)
        self.init(group: gv.group, version: gv.version, kind: object.kind.text)
    }
    package var groupVersion: GroupVersion { GroupVersion(group: group, version: version) }
    package var groupKind: GroupKind { GroupKind(group: group, kind: kind) }
}

/// A served resource: `apps/v1 deployments`.
package struct GroupVersionResource: Sendable, Hashable, CustomStringConvertible {
    package var group: String
    package var version: String
    package var resource: String
    package init(group: String, version: String, resource: String) {
        self.group = group
        self.version = version
        self.resource = resource
    }
    package init(_ apiVersion: String, _ resource: String) {
        let gv: GroupVersion = GroupVersion(apiVersion: apiVersion)
        self.init(group: gv.group, version: gv.version, resource: resource)
    }
    package var groupVersion: GroupVersion { GroupVersion(group: group, version: version) }
    package var groupResource: GroupResource { GroupResource(group: group, resource: resource) }
    package var description: String { "\(groupVersion) \(resource)" }
}

/// Namespace and name; the namespace is empty for cluster-scoped objects.
package struct ObjectKey: Sendable, Hashable, Comparable, CustomStringConvertible {
    package var namespace: String
    package var name: String
    package init(namespace: String, name: String) {
        self.namespace = namespace
        self.name = name
    }
    package init(of object: JSON) {
        self.init(namespace: object.metadata.namespace.text, name: object.metadata.name.text)
    }
    package static func < (a: ObjectKey, b: ObjectKey) -> Bool { (a.namespace, a.name) < (b.namespace, b.name) }
    /// `default/web`, `node-1`
    package var description: String { namespace.isEmpty ? name : "\(namespace)/\(name)" }
}
