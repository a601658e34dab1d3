// Server-side apply and the bookkeeping of field managers (KEP-555).

package import KubeBase
package import KubeWire

package struct ServerSideApply: Sendable {
    /// Update entries kept one by one; the oldest beyond become `ancient-changes`.
    private static let updateManagersMax: Int = 10
    /// Never in managedFields.
    private static let stripped: FieldSet.Node? = FieldSet.of([
        ["apiVersion"], ["kind"], ["metadata"], ["metadata", "name"], ["metadata", "namespace"],
        ["metadata", "creationTimestamp"], ["metadata", "selfLink"], ["metadata", "uid"], ["metadata", "clusterName"],
        ["metadata", "generation"], ["metadata", "managedFields"], ["metadata", "resourceVersion"],
    ])

    private let schema: Schema?
    private let type: Int?

    /// Without a schema (custom resources that keep unknown fields) lists are atomic and maps granular.
    package init(schema: Schema?, type: String) {
        let i: Int? = schema?.position(of: type)
        self.schema = i == nil ? nil : schema
        self.type = i
    }

    var tree: TypedTree { TypedTree(shapes: MergeShapes(types: schema?.types)) }
    var root: MergeShape { type.map { MergeShape(kind: .structure($0)) } ?? .deduced }
    /// What an object of the type is before it is created.
    private func nothing(_ like: JSON) -> JSON {
        guard let schema, let type, !schema.types[type].preservesUnknown else {
            return ["apiVersion": like.apiVersion, "kind": like.kind]
        }
        return schema.types[type].zero
    }

    /// The live object merged with the applied one, `metadata.managedFields` updated. `live` null: creates. `config` must
    /// not carry managedFields. `ignored`: paths that this endpoint resets (`status` for the main one). On conflicts
    /// without `force` throws 409 with a cause per field. Defaults and validation are the caller's, afterwards.
    package func apply(
        _ config: JSON, to live: JSON, manager: String, subresource: String, force: Bool, now: Timestamp,
        ignored: [[String]] = []
    ) throws(StatusError) -> JSON {
        if config.metadata.managedFields.exists {
            throw .badRequest("metadata.managedFields must be nil")
        }
        var bare: JSON = live
        bare.metadata.managedFields = .null
        var book: ManagerBook = ManagerBook(live.metadata.managedFields)
        if live.exists, book.entries.isEmpty {
            let all: FieldSet.Node? = tree.compare(nothing(live), bare, root).added
            book.add(
                all,
                to: ManagerBook.Identity(
                    manager: "before-first-apply", operation: "Update", apiVersion: live.apiVersion.text), at: now)
        }
        let before: ManagerBook = book
        let me: ManagerBook.Identity = ManagerBook.Identity(
            manager: manager, operation: "Apply", apiVersion: config.apiVersion.text, subresource: subresource)
        let lastSet: FieldSet.Node? = book.set(of: me)
        let fullSet: FieldSet.Node? = FieldSet.removing(ignored, from: tree.fieldSet(config, root))
        book.replace(me, with: fullSet)
        var merged: JSON = tree.merge(live.exists ? bare : JSON?.none, config, root)
        if let lastSet, live.exists {
            merged = tree.prune(merged, last: lastSet, managed: book.union, root)
        }
        let change: FieldDifference = tree.compare(live.exists ? bare : nothing(config), merged, root)
        let touched: FieldSet.Node? = FieldSet.union(change.added, change.modified)
        let conflicts: [(ManagerBook.Identity, FieldSet.Node)] = book.entries.compactMap { e in
            guard e.identity != me, let both = FieldSet.intersection(e.fields, touched) else { return nil }
            return (e.identity, both)
        }
        if !conflicts.isEmpty, !force {
            let real: [(ManagerBook.Identity, FieldSet.Node)] = unexpected(conflicts, manager: manager, live: bare)
            if !real.isEmpty { throw ServerSideApply.conflict(real) }
        }
        book.subtract(touched, exceptFrom: me)
        book.subtract(change.removed, exceptFrom: me)
        book.replace(me, with: FieldSet.difference(fullSet, ServerSideApply.stripped))
        LastApplied.renew(&merged, live: live, config: config, manager: manager)
        if change.isEmpty, book.sameSets(as: before), merged.metadata.annotations == live.metadata.annotations {
            return live
        }
        book.stamp(me, now)
        merged.metadata.managedFields = book.json
        return merged
    }

    /// Without conflicts about fields that kubectl's own client-side apply set: who goes over to server-side apply
    /// with the same tool owns them already.
    private func unexpected(
        _ conflicts: [(ManagerBook.Identity, FieldSet.Node)], manager: String, live: JSON
    ) -> [(ManagerBook.Identity, FieldSet.Node)] {
        guard manager == LastApplied.manager, let last = LastApplied.object(live) else { return conflicts }
        let difference: FieldDifference = tree.compare(live, last, root)
        var own: FieldSet.Node? = tree.fieldSet(last, root)
        for changed in [difference.modified, difference.added, difference.removed] {
            own = FieldSet.difference(own, changed)
        }
        return conflicts.compactMap { identity, fields in
            FieldSet.difference(fields, own).map { (identity, $0) }
        }
    }

    /// `new` with the managers of the fields that differ from `old` (null on create) recorded as Update by `manager`.
    /// `new` may carry the managedFields that the client saw; an empty entry (`[{}]`) clears them.
    package func track(
        _ new: JSON, from old: JSON, manager: String, subresource: String, now: Timestamp, ignored: [[String]] = []
    ) -> JSON {
        var out: JSON = new
        let given: JSON = new.metadata.managedFields
        let source: JSON = given.elements.isEmpty ? old.metadata.managedFields : given
        if given.elements == [[:]] {
            out.metadata.managedFields = .null
            return out
        }
        var book: ManagerBook = ManagerBook(source)
        if old.exists, book.entries.isEmpty { return out }
        out.metadata.managedFields = .null
        var bare: JSON = old
        bare.metadata.managedFields = .null
        let change: FieldDifference = tree.compare(old.exists ? bare : nothing(new), out, root)
        let touched: FieldSet.Node? = FieldSet.union(change.added, change.modified)
        let mine: FieldSet.Node? = FieldSet.difference(
            FieldSet.removing(ignored, from: touched), ServerSideApply.stripped)
        if mine == nil, change.removed == nil {
            out.metadata.managedFields = source
            return out
        }
        let me: ManagerBook.Identity = ManagerBook.Identity(
            manager: manager, operation: "Update", apiVersion: new.apiVersion.text, subresource: subresource)
        book.subtract(touched, exceptFrom: nil)
        book.subtract(change.removed, exceptFrom: nil)
        if let mine { book.add(mine, to: me, at: now) }
        book.capUpdates(at: ServerSideApply.updateManagersMax)
        out.metadata.managedFields = book.json
        return out
    }

    private static func conflict(_ list: [(ManagerBook.Identity, FieldSet.Node)]) -> StatusError {
        let sorted: [(ManagerBook.Identity, FieldSet.Node)] = list.sorted { $0.0.manager < $1.0.manager }
        var causes: [JSON] = []
        var lines: [String] = []
        for (identity, fields) in sorted {
            let paths: [String] = FieldSet.paths(fields)
            lines.append("conflicts with \(identity):")
            for p in paths {
                lines.append("- " + p)
                causes.append([
                    "reason": "FieldManagerConflict", "message": .string("conflict with \(identity)"),
                    "field": .string(p),
                ])
            }
        }
        let text: String =
            causes.count == 1
            ? "Apply failed with 1 conflict: \(causes[0].message.text): \(causes[0].field.text)"
            : "Apply failed with \(causes.count) conflicts: " + lines.joined(separator: "\n")
        return StatusError(code: 409, reason: "Conflict", message: text, details: ["causes": .array(causes)])
    }
}
