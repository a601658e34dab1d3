// API objects ↔ application/cbor (KEP-4222): bytes fields travel as bytes, tagged for their base64 form.

package import KubeWire

package struct CBORCodec: Sendable {
    package static let mediaType: String = "application/cbor"
    /// A watch: one item an event.
    package static let sequenceType: String = "application/cbor-seq"
    package static let applyType: String = "application/apply-patch+cbor"

    private let schema: Schema?
    private let type: Int?

    /// `type` is a name of the schema's; nil or unknown (custom resources): everything by its JSON form.
    package init(schema: Schema? = nil, type: String? = nil) {
        self.schema = schema
        self.type = type.flatMap { schema?.position(of: $0) }
    }

    package func encode(_ object: JSON) -> [UInt8] {
        var writer: CBORWriter = CBORWriter()
        writer.bytes = CBOR.mark
        write(object, type.map { .object($0) } ?? .any, &writer)
        return writer.bytes
    }

    /// One event of a watch; the object is made by `encode`.
    package func watchFrame(_ kind: WatchEvent.Kind, _ object: [UInt8]) -> [UInt8] {
        var writer: CBORWriter = CBORWriter()
        writer.bytes = CBOR.mark
        writer.bytes.reserveCapacity(object.count + 32)
        writer.write(map: [(key: "type", value: [UInt8]()), (key: "object", value: object)]) { w, pair in
            if pair.key == "type" { w.write(string: kind.rawValue) } else { w.bytes += pair.value }
        }
        return writer.bytes
    }

    /// Throws BadRequest.
    package static func decode(_ bytes: [UInt8]) throws(StatusError) -> JSON {
        do throws(CBORError) {
            return try CBOR.parse(bytes)
        } catch {
            throw .badRequest("unable to decode CBOR: \(error.description)")
        }
    }

    private func write(_ value: JSON, _ type: ValueType, _ w: inout CBORWriter) {
        switch (type, value) {
        case (.bytes, .string(let text)):
            if let data = Base64.decode(text) { w.write(base64: data) } else { w.write(value) }
        case (.object(let i), .object(let object)) where schema != nil && schema!.types[i].custom == nil:
            let members: ObjectType = schema!.types[i]
            w.write(map: object.pairs) { w, pair in
                write(pair.value, members.member(pair.key)?.type ?? .any, &w)
            }
        case (.list(let element), .array(let elements)):
            w.write(arrayOf: elements.count)
            for e in elements { write(e, element, &w) }
        case (.map(let element), .object(let object)):
            w.write(map: object.pairs) { w, pair in write(pair.value, element, &w) }
        default: w.write(value)
        }
    }
}
