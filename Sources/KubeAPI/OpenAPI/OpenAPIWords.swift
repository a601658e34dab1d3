// Short descriptions: the tables carry names only, and `kubectl explain` shows something for each.

import KubeModel
import KubeWire

enum OpenAPIWords {
    static let apiVersion: String =
        "APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized "
        + "schemas to the latest internal value, and may reject unrecognized values."
    static let kind: String =
        "Kind is a string value representing the REST resource this object represents. Cannot be updated. In CamelCase."

    static let special: [String: String] = [
        OpenAPISchemas.quantity: "A fixed-point number such as 500m, 1.5 or 2Gi.",
        OpenAPISchemas.intOrString: "An integer, or a string such as a port's name or a percentage.",
        OpenAPISchemas.raw: "Any JSON object.",
        OpenAPISchemas.anyJSON: "Any JSON value.",
        "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "A date and time by RFC 3339, in whole seconds.",
        "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "A date and time by RFC 3339 with microseconds.",
        "io.k8s.apimachinery.pkg.apis.meta.v1.Duration": "A duration such as 1h30m.",
        "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": "A set of fields as a tree.",
    ]

    static func type(_ t: ObjectType) -> String { sentence(words(t.shortName)) }

    static let metadata: String = "Standard object's metadata."

    /// Of meta/v1.ObjectMeta: what everybody looks up once.
    private static let metadataFields: [String: String] = [
        "annotations": "Annotations is an unstructured map that tools may set and read; it cannot be selected by.",
        "creationTimestamp": "CreationTimestamp is a timestamp of the server's time when the object was created. In UTC.",
        "deletionGracePeriodSeconds": "Seconds this object is given to end before it is removed. Read-only.",
        "deletionTimestamp": "DeletionTimestamp is the time after which the object will be removed, set by a delete.",
        "finalizers": "Must be empty before the object is removed. Each entry is removed by the component it names.",
        "generateName": "GenerateName is a prefix from which the server makes a unique name when none is given.",
        "generation": "A sequence number of the desired state. Set by the server. Read-only.",
        "labels": "Map of keys and values by which objects are organized and selected.",
        "managedFields": "ManagedFields tells which manager set which fields. For internal housekeeping of apply.",
        "name": "Name must be unique within a namespace. Required when creating, and cannot be updated.",
        "namespace": "Namespace defines the space within which each name must be unique. Cannot be updated.",
        "ownerReferences": "List of objects depended by this object: when all are gone, this one is collected.",
        "resourceVersion": "An opaque value that changes with each write; for watches and optimistic concurrency.",
        "selfLink": "Deprecated: no longer set by the server.",
        "uid": "UID is the unique value for this object in time and space. Set by the server. Read-only.",
    ]

    static func field(_ f: Field, of type: ObjectType) -> String {
        if type.name == "meta/v1.ObjectMeta", let known = metadataFields[f.name] { return known }
        switch f.name {
        case "apiVersion" where f.isTypeMeta: return apiVersion
        case "kind" where f.isTypeMeta: return kind
        case "metadata": return metadata
        case "spec": return "The desired state."
        case "status": return "The most recently observed state."
        default: return sentence(words(f.name))
        }
    }

    /// `terminationGracePeriodSeconds` → `termination grace period seconds`
    private static func words(_ name: String) -> String {
        var out: String = ""
        var wasLower: Bool = false
        for c in name {
            if c.isUppercase, wasLower { out.append(" ") }
            out.append(wasLower && c.isUppercase ? Character(c.lowercased()) : c)
            wasLower = c.isLowercase || c.isNumber
        }
        return out
    }

    private static func sentence(_ s: String) -> String {
        guard let first = s.first else { return s }
        return first.uppercased() + s.dropFirst() + "."
    }
}
