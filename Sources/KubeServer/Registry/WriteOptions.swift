// What CreateOptions, UpdateOptions and PatchOptions may say, and duplicate owners.

import KubeModel
import KubeWire

extension Registry {
    private static let fieldManagerBytesMax: Int = 128

    /// The manager's name is short and printable.
    func checkOptions(_ request: RegistryRequest) throws(StatusError) {
        guard let manager = request.query.text("fieldManager") else { return }
        let kind: GroupKind = GroupKind(group: "meta.k8s.io", kind: request.context.verb.optionsKind)
        if manager.utf8.count > Registry.fieldManagerBytesMax {
            throw .invalid(
                kind: kind, name: "", [.tooLong("fieldManager", maxLength: Registry.fieldManagerBytesMax)])
        }
        let isHidden: (Unicode.Scalar) -> Bool = { c in
            switch c.properties.generalCategory {
            case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: true
            case .spaceSeparator: c != " "
            default: false
            }
        }
        guard let at = manager.unicodeScalars.firstIndex(where: isHidden) else { return }
        let position: Int = manager.utf8.distance(from: manager.startIndex, to: at)
        throw .invalid(
            kind: kind, name: "",
            [
                .invalid(
                    "fieldManager", .string(manager),
                    "should only contain printable characters (at position \(position))")
            ])
    }

    /// Owner references with a uid that came before are dropped, and told.
    static func withoutRepeatedOwners(_ object: inout JSON, _ context: RequestContext) {
        let owners: [JSON] = object.metadata.ownerReferences.elements
        guard owners.count > 1 else { return }
        var seen: [JSON] = []
        var repeated: [String] = []
        for owner in owners {
            if seen.contains(owner) {
                if !repeated.contains(owner.uid.text) { repeated.append(owner.uid.text) }
            } else {
                seen.append(owner)
            }
        }
        if repeated.isEmpty { return }
        object.metadata.ownerReferences = .array(seen)
        context.warn(
            ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may "
                + "reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: "
                + repeated.joined(separator: ", "))
    }
}
