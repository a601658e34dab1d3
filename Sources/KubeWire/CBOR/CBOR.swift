// CBOR (RFC 8949) as Kubernetes uses it (KEP-4222): one data item ↔ the JSON tree.

/// Limits of one item from a stranger.
package struct CBORLimits: Sendable {
    package var depthMax: Int = 64
    /// Elements of one array and pairs of one map.
    package var elementsMax: Int = 131_072
    /// Data items of the whole, so that a short input cannot ask for much work.
    package var itemsMax: Int = 4_000_000
    package init() {}
}

package struct CBORError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Bytes from the start.
    package var offset: Int
    package var message: String
    package init(offset: Int, message: String) {
        self.offset = offset
        self.message = message
    }
    package var description: String { "cbor: \(message)" }
}

package enum CBOR {
    /// Tag 55799: "this is CBOR"; every answer begins with it.
    package static let mark: [UInt8] = [0xD9, 0xD9, 0xF7]
    /// Tag 22: the bytes stand for their base64 text.
    static let base64Tag: UInt64 = 22

    /// The only item of `bytes`.
    package static func parse(_ bytes: [UInt8], limits: CBORLimits = CBORLimits()) throws(CBORError) -> JSON {
        var reader: CBORReader = CBORReader(bytes, limits)
        let value: JSON = try reader.item(depth: 0)
        guard reader.isAtEnd else {
            throw reader.fault("\(bytes.count - reader.at) bytes of extraneous data starting at index \(reader.at)")
        }
        return value
    }

    /// The items of a CBOR sequence (RFC 8742), such as a watch.
    package static func parseSequence(
        _ bytes: [UInt8], limits: CBORLimits = CBORLimits()
    ) throws(CBORError) -> [JSON] {
        var reader: CBORReader = CBORReader(bytes, limits)
        var out: [JSON] = []
        while !reader.isAtEnd { out.append(try reader.item(depth: 0)) }
        return out
    }

    /// With the mark in front; maps in the bytewise order of their encoded keys, as deterministic encoding wants.
    package static func encode(_ json: JSON) -> [UInt8] {
        var writer: CBORWriter = CBORWriter()
        writer.bytes = mark
        writer.write(json)
        return writer.bytes
    }
}
