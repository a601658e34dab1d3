// What a claim for storage must say; also inside templates (StatefulSets, ephemeral volumes).

import KubeModel
package import KubeWire

package enum ClaimRules {
    package static let accessModes: [String] = [
        "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod",
    ]

    package static func spec(_ spec: JSON, at: String, _ out: inout Faults) {
        if spec.accessModes.elements.isEmpty { out.required(at + ".accessModes", "at least 1 access mode is required") }
        for (i, mode) in spec.accessModes.elements.enumerated() where !accessModes.contains(mode.text) {
            out.notSupported("\(at).accessModes[\(i)]", mode, accessModes)
        }
        if spec.accessModes.strings.contains("ReadWriteOncePod"), spec.accessModes.elements.count > 1 {
            out.forbidden(
                at + ".accessModes", "may not use ReadWriteOncePod with other access modes")
        }
        LabelRules.selector(spec.selector, at: at + ".selector", &out)
        let storage: JSON = spec.resources.requests.storage
        if !storage.exists {
            out.required(at + ".resources[storage]")
        } else if let q = ResourceRules.quantity(storage), q.milliValue <= 0 {
            out.invalid(at + ".resources[storage]", storage, "must be greater than zero")
        }
        if let name = spec.storageClassName.asString, !name.isEmpty {
            out.name(at + ".storageClassName", name, NameRules.dns1123Subdomain)
        }
        out.oneOf(at + ".volumeMode", spec.volumeMode, ["Block", "Filesystem"], isRequired: false)
        if spec.dataSource.exists {
            if spec.dataSource.name.text.isEmpty { out.required(at + ".dataSource.name") }
            if spec.dataSource.kind.text.isEmpty { out.required(at + ".dataSource.kind") }
        }
    }
}
