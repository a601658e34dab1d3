// Environment variables and their sources.

import KubeModel
package import KubeWire

package enum EnvironmentRules {
    package static func check(_ list: JSON, at path: String, _ out: inout Faults) {
        for (i, e) in list.elements.enumerated() {
            let at: String = "\(path)[\(i)]"
            if e.name.text.isEmpty {
                out.required(at + ".name")
            } else {
                out.name(at + ".name", e.name.text, NameRules.environmentName)
            }
            if e.valueFrom.exists { source(e, at: at + ".valueFrom", &out) }
        }
    }

    private static func source(_ e: JSON, at: String, _ out: inout Faults) {
        let from: JSON = e.valueFrom
        let known: [String] = ["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"]
        let given: [String] = known.filter { from[$0].exists }
        for kind in given {
            let here: String = "\(at).\(kind)"
            switch kind {
            case "fieldRef": field(from.fieldRef, allowed: podFields, at: here, &out)
            case "resourceFieldRef": resource(from.resourceFieldRef, needsContainer: false, at: here, &out)
            case "fileKeyRef":
                for part in ["volumeName", "path", "key"] where from.fileKeyRef[part].text.isEmpty {
                    out.required("\(here).\(part)")
                }
            default:
                if from[kind].key.text.isEmpty {
                    out.required(here + ".key")
                } else {
                    out.name(here + ".key", from[kind].key.text, NameRules.configMapKey)
                }
            }
        }
        if given.isEmpty {
            out.invalid(
                at, "",
                "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or "
                    + "`fileKeyRef`")
        } else if !e.value.text.isEmpty {
            out.invalid(at, "", "may not be specified when `value` is not empty")
        } else if given.count > 1 {
            out.invalid(at, "", "may not have more than one field specified at a time")
        }
    }

    package static let podFields: [String] = [
        "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
        "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs",
    ]
    package static let volumeFields: [String] = [
        "metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid",
    ]

    package static func field(_ ref: JSON, allowed: [String], at: String, _ out: inout Faults) {
        let text: String = ref.fieldPath.text
        if ref.apiVersion.text.isEmpty { out.required(at + ".apiVersion") }
        if text.isEmpty { return out.required(at + ".fieldPath") }
        if let open = text.firstIndex(of: "["), text.hasSuffix("']") {
            let base: String = String(text[..<open])
            let key: String = String(text[open...].dropFirst(2).dropLast(2))
            guard base == "metadata.labels" || base == "metadata.annotations" else {
                return out.invalid(at + ".fieldPath", ref.fieldPath, "does not support subscript")
            }
            return out.name(
                at + ".fieldPath", base == "metadata.labels" ? key : key.lowercased(), NameRules.qualifiedName)
        }
        if !allowed.contains(text) { out.notSupported(at + ".fieldPath", ref.fieldPath, allowed) }
    }

    private static let resources: [String] = [
        "limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage",
        "requests.memory",
    ]

    package static func resource(_ ref: JSON, needsContainer: Bool, at: String, _ out: inout Faults) {
        let name: String = ref.resource.text
        if needsContainer, ref.containerName.text.isEmpty {
            out.required(at + ".containerName")
        } else if name.isEmpty {
            out.required(at + ".resource")
        } else if !resources.contains(name), !name.contains(".hugepages-") {
            out.notSupported(at + ".resource", ref.resource, resources)
        }
        guard let divisor = ref.divisor.asString, divisor != "0" else { return }
        let allowed: [String] =
            name.hasSuffix(".cpu")
            ? ["1m", "1"] : ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"]
        if !allowed.contains(divisor) {
            let kind: String = name.split(separator: ".").last.map { String($0) } ?? name
            out.invalid(
                at + ".divisor", ref.divisor,
                name.hasSuffix(".cpu")
                    ? "only divisor's values 1m and 1 are supported with the cpu resource"
                    : "only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported "
                        + "with the \(kind) resource")
        }
    }

    package static func checkFrom(_ list: JSON, at path: String, _ out: inout Faults) {
        for (i, e) in list.elements.enumerated() {
            let at: String = "\(path)[\(i)]"
            if !e.prefix.text.isEmpty { out.name(at + ".prefix", e.prefix.text, NameRules.environmentName) }
            let given: [String] = ["configMapRef", "secretRef"].filter { e[$0].exists }
            for kind in given {
                if e[kind].name.text.isEmpty {
                    out.required("\(at).\(kind).name")
                } else {
                    out.name("\(at).\(kind).name", e[kind].name.text, NameRules.dns1123Subdomain)
                }
            }
            if given.isEmpty {
                out.invalid(at, "", "must specify one of: `configMapRef` or `secretRef`")
            } else if given.count > 1 {
                out.invalid(at, "", "may not have more than one field specified at a time")
            }
        }
    }
}
