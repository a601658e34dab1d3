// What a driver publishes of its devices.

import KubeModel
import KubeWire

enum SliceRules {
    private static let devicesMax: Int = 128
    private static let attributesMax: Int = 32

    static func check(_ spec: JSON, at path: String, _ out: inout Faults) {
        DeviceRules.driver(spec.driver, at: path + ".driver", &out)
        pool(spec.pool, at: path + ".pool", &out)
        placement(spec, at: path, &out)
        out.tooMany(path + ".devices", spec.devices.elements.count, max: devicesMax)
        var names: Set<String> = []
        for (i, d) in spec.devices.elements.enumerated() {
            let at: String = "\(path).devices[\(i)]"
            if d.name.text.isEmpty {
                out.required(at + ".name")
            } else {
                out.name(at + ".name", d.name.text, NameRules.dns1123Label)
                if !names.insert(d.name.text).inserted { out.duplicate(at + ".name", d.name) }
            }
            device(d, at: at, &out)
        }
    }

    private static func pool(_ pool: JSON, at: String, _ out: inout Faults) {
        if pool.name.text.isEmpty {
            out.required(at + ".name")
        } else {
            if pool.name.text.utf8.count > 253 { out.tooLong(at + ".name", maxLength: 253) }
            for part in pool.name.text.split(separator: "/", omittingEmptySubsequences: false) {
                out.name(at + ".name", String(part), NameRules.dns1123Subdomain)
            }
        }
        if (pool.resourceSliceCount.asInt64 ?? 0) <= 0 {
            out.invalid(
                at + ".resourceSliceCount", pool.resourceSliceCount.exists ? pool.resourceSliceCount : 0,
                "must be greater than zero")
        }
        if let n = pool.generation.asInt64, n < 0 {
            out.invalid(at + ".generation", pool.generation, "must be greater than or equal to zero")
        }
    }

    private static func placement(_ spec: JSON, at path: String, _ out: inout Faults) {
        var given: [String] = []
        if !spec.nodeName.text.isEmpty {
            given.append("`nodeName`")
            out.name(path + ".nodeName", spec.nodeName.text, NameRules.dns1123Subdomain)
        }
        if spec.nodeSelector.exists {
            given.append("`nodeSelector`")
            PlacementRules.nodeSelector(spec.nodeSelector, at: path + ".nodeSelector", &out)
            if spec.nodeSelector.nodeSelectorTerms.elements.count != 1 {
                out.invalid(
                    path + ".nodeSelector.nodeSelectorTerms", spec.nodeSelector.nodeSelectorTerms,
                    "must have exactly one node selector term")
            }
        }
        if spec.allNodes.isTrue { given.append("`allNodes`") }
        if spec.perDeviceNodeSelection.isTrue { given.append("`perDeviceNodeSelection`") }
        let choice: String =
            "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required"
        if given.isEmpty, spec.devices.exists || !spec.sharedCounters.exists { out.required(path, choice) }
        if given.count > 1 {
            out.invalid(
                path, .string("{" + given.joined(separator: ", ") + "}"), choice + ", but multiple fields are set")
        }
    }

    private static func device(_ d: JSON, at: String, _ out: inout Faults) {
        let count: Int = d.attributes.fields.count + d.capacity.fields.count
        if count > attributesMax {
            out.append([.tooMany(at, actual: count, max: attributesMax)])
        }
        for (name, value) in d.attributes.fields {
            let given: [String] = ["bool", "int", "string", "version"].filter { value[$0].exists }
            let here: String = "\(at).attributes[\(name)]"
            if given.isEmpty {
                out.required(here, "exactly one value must be specified")
            } else if given.count > 1 {
                out.invalid(here, value, "exactly one value must be specified")
            }
            if let text = value.string.asString, text.utf8.count > 64 { out.tooLong(here + ".string", maxLength: 64) }
        }
        for (i, t) in d.taints.elements.enumerated() {
            let here: String = "\(at).taints[\(i)]"
            out.name(here + ".key", t.key.text, NameRules.qualifiedName)
            out.name(here + ".value", t.value.text, NameRules.labelValue)
            out.oneOf(here + ".effect", t.effect, ["NoExecute", "NoSchedule", "None"])
        }
    }
}
