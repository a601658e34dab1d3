// What a server's resource should look like: every change in order, and the answers that follow from it.

import KubeModel
import KubeWire

struct ModelObject: Equatable {
    /// `NAMESPACE/NAME`
    var path: String
    var label: String
    var revision: Int64
    var namespace: String { String(path.split(separator: "/")[0]) }
}

struct ModelChange {
    var revision: Int64
    var old: ModelObject?
    var new: ModelObject?
}

/// A namespace (empty: all) and a label (empty: all).
struct ModelSelection {
    var namespace: String
    var label: String
    func matches(_ o: ModelObject) -> Bool {
        (namespace.isEmpty || o.namespace == namespace) && (label.isEmpty || o.label == label)
    }
    var path: String { namespace.isEmpty ? "/api/v1/configmaps" : "/api/v1/namespaces/\(namespace)/configmaps" }
    var query: String { label.isEmpty ? "" : "&labelSelector=k%3D\(label)" }
}

/// What one watch event shows.
struct ModelEvent: Equatable, CustomStringConvertible {
    var type: String
    var path: String
    var revision: Int64
    var description: String { "\(type) \(path)@\(revision)" }

    init(_ type: String, _ path: String, _ revision: Int64) {
        self.type = type
        self.path = path
        self.revision = revision
    }
    init(_ event: JSON) {
        let m: JSON = event.object.metadata
        self.init(event.type.text, "\(m.namespace.text)/\(m.name.text)", Int64(m.resourceVersion.text) ?? -1)
    }
}

struct CacheModel {
    private(set) var changes: [ModelChange] = []
    private(set) var now: [String: ModelObject] = [:]

    mutating func add(_ revision: Int64, _ path: String, _ new: ModelObject?) {
        changes.append(ModelChange(revision: revision, old: now[path], new: new))
        now[path] = new
    }

    func state(at revision: Int64, _ selection: ModelSelection) -> [ModelObject] {
        var state: [String: ModelObject] = [:]
        for change in changes where change.revision <= revision {
            if let path = (change.new ?? change.old)?.path { state[path] = change.new }
        }
        return state.values.filter { selection.matches($0) }.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    }

    func events(after revision: Int64, _ selection: ModelSelection) -> [ModelEvent] {
        changes.filter { $0.revision > revision }.compactMap { change in
            let was: Bool = change.old.map { selection.matches($0) } ?? false
            if let new = change.new, selection.matches(new) {
                return ModelEvent(was ? "MODIFIED" : "ADDED", new.path, change.revision)
            }
            return was ? ModelEvent("DELETED", change.old!.path, change.revision) : nil
        }
    }
}
