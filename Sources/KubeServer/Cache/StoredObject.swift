// One object at one revision: its tree and the bytes that every client is served.

package import KubeModel
package import KubeStore
package import KubeWire
import Synchronization

package final class StoredObject: Sendable {
    /// Below the storage prefix: `NAMESPACE/NAME` or `NAME`.
    package let path: String
    package let key: ObjectKey
    package let revision: Revision
    /// In the storage version, with kind, apiVersion and resourceVersion.
    package let object: JSON
    /// The same as JSON.
    package let bytes: [UInt8]
    /// Other encodings, made at most once a revision.
    private let others: Mutex<[String: [UInt8]]> = Mutex([:])

    package init(path: String, revision: Revision, object: JSON, bytes: [UInt8]? = nil) {
        self.path = path
        self.revision = revision
        self.object = StorageForm.stamped(object, revision)
        self.key = ObjectKey(of: object)
        self.bytes = bytes ?? self.object.encoded()
    }

    /// The encoding named `name`, made by `make` when it is not there yet.
    package func encoding(_ name: String, _ make: () -> [UInt8]) -> [UInt8] {
        if let known = others.withLock({ $0[name] }) { return known }
        let new: [UInt8] = make()
        others.withLock { $0[name] = new }
        return new
    }

    /// The state in which a DELETED event shows it: the last one, with the revision of its end.
    func gone(at revision: Revision) -> StoredObject {
        StoredObject(path: path, revision: revision, object: object)
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
        guard let gap = encoded.gap else { return nil }
        var out: [UInt8] = []
        out.reserveCapacity(encoded.bytes.count + 40)
        out += encoded.bytes[..<gap]
        out += Array(",\"resourceVersion\":\"".utf8)
        out += Array(revision.description.utf8)
        out.append(UInt8(ascii: "\""))
        out += encoded.bytes[gap...]
        return out
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
