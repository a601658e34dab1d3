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

    static func field(_ f: Field) -> String {
        switch f.name {
        case "apiVersion" where f.isTypeMeta: return apiVersion
        case "kind" where f.isTypeMeta: return kind
        case "metadata": return "Standard object's metadata."
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
