// One object at one revision: the bytes that every client is served, which also are its tree.

package import KubeModel
package import KubeStore
package import KubeWire
import Synchronization

package final class StoredObject: Sendable {
    /// Below the storage prefix: `NAMESPACE/NAME` or `NAME`.
    package let path: String
    package let revision: Revision
    /// In the storage version, with kind, apiVersion and resourceVersion, as JSON.
    package let bytes: [UInt8]
    /// The same, read where it lies.
    package let object: JSON
    /// Other encodings, made at most once a revision.
    private let others: Mutex<[String: [UInt8]]> = Mutex([:])
    /// Custom objects as other versions and newer schemas see them.
    private let views: Mutex<[String: JSON]> = Mutex([:])
    /// Views of one revision: schemas that change often must not fill the memory.
    private static let viewsMax: Int = 8

    package init(path: String, revision: Revision, object: JSON) {
        self.path = path
        self.revision = revision
        let tree: JSON = StorageForm.stamped(object, revision)
        bytes = tree.encoded()
        self.object = JSONDocument(bytes)?.root ?? tree
    }

    /// From the bytes that clients see. Throws for those that are no JSON.
    init(path: String, revision: Revision, bytes: [UInt8]) throws(JSONError) {
        self.path = path
        self.revision = revision
        self.bytes = bytes
        // What a document can't hold (too deep, or not compact) is kept as a tree.
        if let document = JSONDocument(bytes) { object = document.root } else { object = try JSON.parse(bytes) }
    }

    package var key: ObjectKey {
        guard let slash = path.utf8.firstIndex(of: UInt8(ascii: "/")) else { return ObjectKey(namespace: "", name: path) }
        return ObjectKey(
            namespace: String(path[..<slash]), name: String(path[path.utf8.index(after: slash)...]))
    }
    /// Without making a key.
    func isNamespace(_ namespace: String) -> Bool {
        path.utf8.count > namespace.utf8.count && path.utf8.starts(with: namespace.utf8)
            && path.utf8.dropFirst(namespace.utf8.count).first == UInt8(ascii: "/")
    }

    /// The encoding named `name`, made by `make` when it is not there yet.
    package func encoding(_ name: String, _ make: () -> [UInt8]) -> [UInt8] {
        if let known = others.withLock({ $0[name] }) { return known }
        let new: [UInt8] = make()
        others.withLock { $0[name] = new }
        return new
    }

    func hasView(_ name: String) -> Bool { views.withLock { $0[name] != nil } }

    /// The view named `name`, made by `make` when it is not there yet.
    func view(_ name: String, _ make: () -> JSON) -> JSON {
        if let known = views.withLock({ $0[name] }) { return known }
        let new: JSON = make()
        views.withLock { v in
            if v.count >= StoredObject.viewsMax { v = [:] }
            v[name] = new
        }
        return new
    }

    /// The state in which a DELETED event shows it: the last one, with the revision of its end.
    func gone(at revision: Revision) -> StoredObject {
        if let bytes = StorageForm.stamped(bytes, revision),
            let gone = try? StoredObject(path: path, revision: revision, bytes: bytes)
        {
            return gone
        }
        return StoredObject(path: path, revision: revision, object: object)
    }
}

/// How objects lie in the store: JSON without resourceVersion, which is the row's revision.
enum StorageForm {
    /// A place in the bytes where the resourceVersion is spliced in; nil when there is none.
    struct Encoded: Sendable {
        var bytes: [UInt8]
        var gap: Int?
    }

    static func encode(_ object: JSON) -> Encoded {
        var out: [UInt8] = []
        out.reserveCapacity(1024)
        var gap: Int?
        out.append(UInt8(ascii: "{"))
        for (i, member) in object.fields.pairs.enumerated() {
            if i > 0 { out.append(UInt8(ascii: ",")) }
            JSON.write(string: member.key, into: &out)
            out.append(UInt8(ascii: ":"))
            if member.key == "metadata" {
                gap = writeMetadata(member.value.fields, into: &out)
            } else {
                member.value.write(into: &out)
            }
        }
        out.append(UInt8(ascii: "}"))
        return Encoded(bytes: out, gap: gap)
    }

    private static func writeMetadata(_ metadata: JSONObject, into out: inout [UInt8]) -> Int? {
        var gap: Int?
        var isFirst: Bool = true
        out.append(UInt8(ascii: "{"))
        for (key, value) in metadata.pairs where key != "resourceVersion" {
            if !isFirst { out.append(UInt8(ascii: ",")) }
            isFirst = false
            JSON.write(string: key, into: &out)
            out.append(UInt8(ascii: ":"))
            value.write(into: &out)
            if key == "uid" { gap = out.count }
        }
        out.append(UInt8(ascii: "}"))
        return gap
    }

    /// The bytes clients see; nil when there is no gap.
    static func filled(_ encoded: Encoded, _ revision: Revision) -> [UInt8]? {
        encoded.gap.map { spliced(encoded.bytes, $0..<$0, ",\"resourceVersion\":\"\(revision)\"") }
    }

    /// The same from bytes with or without a resourceVersion; nil when there is no metadata.uid to put it behind.
    static func stamped(_ bytes: [UInt8], _ revision: Revision) -> [UInt8]? {
        if let old = JSONDocument.range(at: ["metadata", "resourceVersion"], in: bytes) {
            return spliced(bytes, old, "\"\(revision)\"")
        }
        guard let uid = JSONDocument.range(at: ["metadata", "uid"], in: bytes) else { return nil }
        return spliced(bytes, uid.upperBound..<uid.upperBound, ",\"resourceVersion\":\"\(revision)\"")
    }

    private static func spliced(_ bytes: [UInt8], _ range: Range<Int>, _ text: String) -> [UInt8] {
        let new: Int = text.utf8.count
        let count: Int = bytes.count - range.count + new
        return [UInt8](unsafeUninitializedCapacity: count) { out, filled in
            bytes.withUnsafeBufferPointer { old in
                _ = out[..<range.lowerBound].update(fromContentsOf: old[..<range.lowerBound])
                _ = out[range.lowerBound..<(range.lowerBound + new)].update(fromContentsOf: text.utf8)
                _ = out[(range.lowerBound + new)...].update(fromContentsOf: old[range.upperBound...])
            }
            filled = count
        }
    }

    /// With resourceVersion in its usual place, after uid.
    static func stamped(_ object: JSON, _ revision: Revision) -> JSON {
        let text: JSON = .string(revision.description)
        var result: JSON = object
        var metadata: JSONObject = object.metadata.fields
        if metadata["resourceVersion"] != nil {
            metadata["resourceVersion"] = text
        } else {
            var pairs: [(key: String, value: JSON)] = metadata.pairs
            let at: Int = metadata.index(of: "uid").map { $0 + 1 } ?? pairs.count
            pairs.insert(("resourceVersion", text), at: at)
            metadata = JSONObject(unique: pairs)
        }
        result.metadata = .object(metadata)
        return result
    }
}
