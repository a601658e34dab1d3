// What a claim for devices must say: pkg/apis/resource/validation.

import KubeModel
import KubeWire

enum DeviceRules {
    /// Requests, constraints, configurations and selectors of one claim.
    static let listMax: Int = 32
    private static let subrequestsMax: Int = 8
    private static let expressionBytesMax: Int = 10 << 10

    static func selectors(_ list: JSON, at path: String, _ out: inout Faults) {
        out.tooMany(path, list.elements.count, max: listMax)
        for (i, s) in list.elements.enumerated() {
            let at: String = "\(path)[\(i)].cel"
            if !s.cel.exists {
                out.required(at)
            } else if s.cel.expression.text.isEmpty {
                out.required(at + ".expression")
            } else if s.cel.expression.text.utf8.count > expressionBytesMax {
                out.tooLong(at + ".expression", maxLength: expressionBytesMax)
            }
        }
    }

    static func claim(_ spec: JSON, at path: String, _ out: inout Faults) {
        let at: String = path + ".devices"
        let requests: [JSON] = spec.devices.requests.elements
        out.tooMany(at + ".requests", requests.count, max: listMax)
        var names: Set<String> = []
        for (i, r) in requests.enumerated() {
            let here: String = "\(at).requests[\(i)]"
            requestName(r.name, at: here + ".name", &names, prefix: "", &out)
            request(r, at: here, &names, &out)
        }
        out.tooMany(at + ".constraints", spec.devices.constraints.elements.count, max: listMax)
        for (i, c) in spec.devices.constraints.elements.enumerated() {
            let here: String = "\(at).constraints[\(i)]"
            references(c.requests, names, at: here + ".requests", &out)
            if !c.matchAttribute.exists, !c.distinctAttribute.exists {
                out.required(here, "exactly one of `matchAttribute` or `distinctAttribute` is required")
            } else if c.matchAttribute.exists {
                qualified(c.matchAttribute, at: here + ".matchAttribute", &out)
            }
        }
        out.tooMany(at + ".config", spec.devices.config.elements.count, max: listMax)
        for (i, c) in spec.devices.config.elements.enumerated() {
            references(c.requests, names, at: "\(at).config[\(i)].requests", &out)
            opaque(c, at: "\(at).config[\(i)]", &out)
        }
    }

    private static func requestName(
        _ name: JSON, at: String, _ names: inout Set<String>, prefix: String, _ out: inout Faults
    ) {
        if name.text.isEmpty { return out.required(at) }
        out.name(at, name.text, NameRules.dns1123Label)
        if !names.insert(prefix + name.text).inserted { out.duplicate(at, name) }
    }

    private static func request(_ r: JSON, at: String, _ names: inout Set<String>, _ out: inout Faults) {
        let alternatives: [JSON] = r.firstAvailable.elements
        if r.exactly.exists, !alternatives.isEmpty {
            out.invalidWhole(
                at, "exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set")
        } else if r.exactly.exists {
            exact(r.exactly, at: at + ".exactly", &out)
        } else if alternatives.isEmpty {
            out.required(at, "exactly one of `exactly` or `firstAvailable` is required")
        }
        out.tooMany(at + ".firstAvailable", alternatives.count, max: subrequestsMax)
        for (i, sub) in alternatives.enumerated() {
            let here: String = "\(at).firstAvailable[\(i)]"
            requestName(sub.name, at: here + ".name", &names, prefix: r.name.text + "/", &out)
            exact(sub, at: here, &out)
        }
    }

    private static func exact(_ r: JSON, at: String, _ out: inout Faults) {
        if r.deviceClassName.text.isEmpty {
            out.required(at + ".deviceClassName")
        } else {
            out.name(at + ".deviceClassName", r.deviceClassName.text, NameRules.dns1123Subdomain)
        }
        selectors(r.selectors, at: at + ".selectors", &out)
        let count: JSON = r["count"]
        switch r.allocationMode.text {
        case "All":
            if (count.asInt64 ?? 0) != 0 {
                out.invalid(at + ".count", count, "must not be specified when allocationMode is 'All'")
            }
        case "ExactCount":
            if (count.asInt64 ?? 0) <= 0 {
                out.invalid(at + ".count", count.exists ? count : 0, "must be greater than zero")
            }
        case let other: out.notSupported(at + ".allocationMode", .string(other), ["All", "ExactCount"])
        }
        PlacementRules.tolerations(r.tolerations, at: at + ".tolerations", &out)
    }

    private static func references(_ list: JSON, _ names: Set<String>, at path: String, _ out: inout Faults) {
        out.tooMany(path, list.elements.count, max: listMax)
        var seen: Set<String> = []
        for (i, name) in list.elements.enumerated() {
            if !names.contains(name.text) {
                out.invalid(
                    "\(path)[\(i)]", name,
                    "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"
                )
            }
            if !seen.insert(name.text).inserted { out.duplicate("\(path)[\(i)]", name) }
        }
    }

    /// `dra.example.com/model`
    private static func qualified(_ name: JSON, at: String, _ out: inout Faults) {
        if name.text.isEmpty { return out.required(at, "name required") }
        if !name.text.contains("/") { out.invalid(at, name, "must include a domain") }
    }

    static func opaque(_ c: JSON, at: String, _ out: inout Faults) {
        guard c.opaque.exists else { return out.required(at + ".opaque") }
        driver(c.opaque.driver, at: at + ".opaque.driver", &out)
        if !c.opaque.parameters.exists {
            out.required(at + ".opaque.parameters")
        } else if c.opaque.parameters.asObject == nil {
            out.invalid(at + ".opaque.parameters", "<value omitted>", "parameters must be a valid JSON object")
        }
    }

    static func driver(_ name: JSON, at: String, _ out: inout Faults) {
        if name.text.isEmpty { return out.required(at) }
        if name.text.utf8.count > 63 { out.tooLong(at, maxLength: 63) }
        out.name(at, name.text.lowercased(), NameRules.dns1123Subdomain)
    }
}
