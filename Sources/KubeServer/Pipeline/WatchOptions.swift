// What a watch request asks for: metav1.ListOptions, judged as upstream's ValidateListOptions does.

import KubeModel
import KubeStore
import KubeWire

struct WatchOptions: Sendable {
    /// Where a watch begins.
    enum Beginning: Sendable, Equatable {
        /// With an ADDED for every object that is there, when the server knows the revision (zero: at once).
        case present(atLeast: Revision)
        /// With what comes after it; nil: after now.
        case changes(after: Revision?)
    }
    let beginning: Beginning
    let timeoutSeconds: Int
    let sendsBookmarks: Bool
    /// A BOOKMARK with the annotation k8s.io/initial-events-end follows the present objects (KEP-3157).
    let marksInitialEnd: Bool

    /// Whether the watch begins with the objects that are there.
    static func startsWithPresent(_ query: Query) -> Bool {
        let version: String = query.text("resourceVersion") ?? ""
        if query["sendInitialEvents"] != nil { return query.flag("sendInitialEvents") }
        return version.isEmpty || version == "0"
    }

    init(_ query: Query) throws(StatusError) {
        try WatchOptions.check(query)
        // Upstream closes between half an hour and an hour, at random, so that clients spread.
        let asked: Int = Int(clamping: try query.integer("timeoutSeconds") ?? 0)
        timeoutSeconds = asked > 0 ? asked : Int.random(in: 1800...3600)
        sendsBookmarks = query["allowWatchBookmarks"] != nil && query.flag("allowWatchBookmarks")
        marksInitialEnd = sendsBookmarks && query["sendInitialEvents"] != nil && query.flag("sendInitialEvents")
        let version: String = query.text("resourceVersion") ?? "0"
        guard let revision = Revision(version) else {
            throw .badRequest(
                "Invalid value: \"\(version)\": strconv.ParseUint: parsing \"\(version)\": invalid syntax")
        }
        beginning =
            WatchOptions.startsWithPresent(query)
            ? .present(atLeast: revision) : .changes(after: revision == .zero ? nil : revision)
    }

    private static func check(_ query: Query) throws(StatusError) {
        let match: String = query.text("resourceVersionMatch") ?? ""
        let isInitial: Bool = query["sendInitialEvents"] != nil
        let field: String = "resourceVersionMatch"
        var errors: [FieldError] = []
        if isInitial, match != "NotOlderThan" {
            errors.append(.forbidden(field, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"))
        }
        if !match.isEmpty {
            if !isInitial {
                errors.append(
                    .forbidden(
                        field, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"))
            }
            if match != "NotOlderThan" { errors.append(.notSupported(field, .string(match), ["NotOlderThan"])) }
            if query.text("continue") != nil {
                errors.append(.forbidden(field, "resourceVersionMatch is forbidden when continue is provided"))
            }
        }
        if !errors.isEmpty {
            throw .invalid(kind: GroupKind(group: "meta.k8s.io", kind: "ListOptions"), name: "", errors)
        }
    }
}
