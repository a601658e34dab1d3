// Which names a CustomResourceDefinition gets beside the others of its group: upstream's naming controller as a value.

import KubeModel
import KubeWire

struct NameClaims {
    /// status.acceptedNames after this look.
    private(set) var accepted: JSON
    /// Empty: every name is ours.
    private(set) var reason: String = ""
    private(set) var message: String = ""

    var isAccepted: Bool { reason.isEmpty }

    /// `others` are the accepted names of the other definitions of the group.
    init(wanted: JSON, accepted before: JSON, others: [JSON]) {
        var resources: Set<String> = []
        var kinds: Set<String> = []
        for names in others {
            resources.formUnion([names.plural.text, names.singular.text] + names.shortNames.strings)
            kinds.formUnion([names.kind.text, names.listKind.text])
        }
        accepted = before
        claim("plural", "PluralConflict", wanted, resources)
        claim("singular", "SingularConflict", wanted, resources)
        claimShortNames(wanted, before, resources)
        claim("kind", "KindConflict", wanted, kinds)
        claim("listKind", "ListKindConflict", wanted, kinds)
        accepted.categories = wanted.categories
        accepted = NameClaims.inOrder(accepted)
    }

    private mutating func claim(_ field: String, _ conflict: String, _ wanted: JSON, _ used: Set<String>) {
        if wanted[field].text != accepted[field].text, used.contains(wanted[field].text) {
            reason = conflict
            message = "\"\(wanted[field].text)\" is already in use"
        } else {
            accepted[field] = wanted[field]
        }
    }

    private mutating func claimShortNames(_ wanted: JSON, _ before: JSON, _ used: Set<String>) {
        let mine: Set<String> = Set(before.shortNames.strings)
        let taken: [String] = wanted.shortNames.strings.filter { !mine.contains($0) && used.contains($0) }
        guard !taken.isEmpty else {
            accepted.shortNames = wanted.shortNames
            return
        }
        let texts: [String] = taken.map { "\"\($0)\" is already in use" }
        reason = "ShortNamesConflict"
        message = texts.count == 1 ? texts[0] : "[" + texts.joined(separator: ", ") + "]"
    }

    private static func inOrder(_ names: JSON) -> JSON {
        var pairs: [(key: String, value: JSON)] = []
        for key in ["plural", "singular", "shortNames", "kind", "listKind", "categories"] {
            if let value = names.fields[key], value.exists { pairs.append((key, value)) }
        }
        return .object(JSONObject(unique: pairs))
    }
}
