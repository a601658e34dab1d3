// metadata.managedFields as entries by manager.

import KubeBase
import KubeWire

struct ManagerBook {
    /// Who owns fields: appliers are the same whatever version they used.
    struct Identity: Equatable, CustomStringConvertible {
        var manager: String
        var operation: String
        var apiVersion: String
        var subresource: String = ""

        static func == (a: Identity, b: Identity) -> Bool {
            a.manager == b.manager && a.operation == b.operation && a.subresource == b.subresource
                && (a.operation == "Apply" || a.apiVersion == b.apiVersion)
        }

        /// `"kubectl" with subresource "status" using apps/v1`
        var description: String {
            var text: String = JSON.string(manager).description
            if !subresource.isEmpty { text += " with subresource \"\(subresource)\"" }
            return operation == "Update" ? text + " using \(apiVersion)" : text
        }
    }

    struct Entry {
        var identity: Identity
        var time: String
        var fields: FieldSet.Node
    }

    private(set) var entries: [Entry]

    init(_ managedFields: JSON) {
        entries = managedFields.elements.compactMap { e in
            guard let fields = e.fieldsV1.asObject else { return nil }
            let identity: Identity = Identity(
                manager: e.manager.text, operation: e.operation.text, apiVersion: e.apiVersion.text,
                subresource: e.subresource.text)
            return Entry(identity: identity, time: e.time.text, fields: fields)
        }
    }

    func set(of identity: Identity) -> FieldSet.Node? { entries.first { $0.identity == identity }?.fields }

    var union: FieldSet.Node? {
        var all: FieldSet.Node?
        for e in entries { all = FieldSet.union(all, e.fields) }
        return all
    }

    mutating func replace(_ identity: Identity, with fields: FieldSet.Node?) {
        let i: Int? = entries.firstIndex { $0.identity == identity }
        guard let fields else {
            if let i { entries.remove(at: i) }
            return
        }
        if let i {
            entries[i].fields = fields
            entries[i].identity = identity
        } else {
            entries.append(Entry(identity: identity, time: "", fields: fields))
        }
    }

    mutating func add(_ fields: FieldSet.Node?, to identity: Identity, at now: Timestamp) {
        guard let all = FieldSet.union(set(of: identity), fields) else { return }
        replace(identity, with: all)
        stamp(identity, now)
    }

    mutating func stamp(_ identity: Identity, _ now: Timestamp) {
        if let i = entries.firstIndex(where: { $0.identity == identity }) { entries[i].time = now.rfc3339 }
    }

    mutating func subtract(_ fields: FieldSet.Node?, exceptFrom identity: Identity?) {
        guard let fields else { return }
        entries = entries.compactMap { e in
            if let identity, e.identity == identity { return e }
            guard let rest = FieldSet.difference(e.fields, fields) else { return nil }
            return Entry(identity: e.identity, time: e.time, fields: rest)
        }
    }

    func sameSets(as other: ManagerBook) -> Bool {
        entries.count == other.entries.count
            && entries.allSatisfy { e in
                other.set(of: e.identity) == e.fields
            }
    }

    /// The oldest Update entries beyond `max` are merged into one per version.
    mutating func capUpdates(at max: Int) {
        var updates: [Entry] = entries.filter { $0.identity.operation == "Update" }
        guard updates.count > max else { return }
        updates.sort { $0.time < $1.time }
        var extra: Int = updates.count - max
        for e in updates where extra >= 0 {
            extra -= 1
            replace(e.identity, with: nil)
            var ancient: Identity = e.identity
            ancient.manager = "ancient-changes"
            let time: String = set(of: ancient) == nil ? "" : entries.first { $0.identity == ancient }?.time ?? ""
            replace(ancient, with: FieldSet.union(set(of: ancient), e.fields))
            if let i = entries.firstIndex(where: { $0.identity == ancient }) {
                entries[i].time = Swift.max(time, e.time)
            }
        }
    }

    /// In upstream's order; null when empty.
    var json: JSON {
        if entries.isEmpty { return .null }
        let sorted: [Entry] = entries.sorted { a, b in
            (a.identity.operation, a.time, a.identity.manager, a.identity.apiVersion, a.identity.subresource)
                < (b.identity.operation, b.time, b.identity.manager, b.identity.apiVersion, b.identity.subresource)
        }
        return .array(
            sorted.map { e in
                var pairs: [(key: String, value: JSON)] = [
                    ("manager", .string(e.identity.manager)), ("operation", .string(e.identity.operation)),
                    ("apiVersion", .string(e.identity.apiVersion)),
                ]
                if !e.time.isEmpty { pairs.append(("time", .string(e.time))) }
                pairs.append(("fieldsType", "FieldsV1"))
                pairs.append(("fieldsV1", .object(e.fields)))
                if !e.identity.subresource.isEmpty { pairs.append(("subresource", .string(e.identity.subresource))) }
                return .object(JSONObject(unique: pairs))
            })
    }
}
