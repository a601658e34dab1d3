// API objects ↔ application/vnd.kubernetes.protobuf, driven by the schema.

package import KubeWire

package struct ProtobufCodec: Sendable {
    package static let mediaType: String = "application/vnd.kubernetes.protobuf"
    static let magic: [UInt8] = [0x6b, 0x38, 0x73, 0x00]

    private let schema: Schema
    package init(schema: Schema) { self.schema = schema }

    /// A normalised object with the `k8s\0` envelope; `nil` when the type has no protobuf form (custom resources,
    /// Tables): JSON is served instead.
    package func encode(_ object: JSON, as type: String) -> [UInt8]? {
        guard let i = schema.position(of: type), schema.types[i].hasProtobuf else { return nil }
        let out: ProtobufReverseWriter = ProtobufReverseWriter()
        out.field(4, string: "")
        out.field(3, string: "")
        let mark: Int = out.count
        ProtobufEncoder(types: schema.types, out: out).message(object, i)
        out.close(2, since: mark)
        let meta: Int = out.count
        out.field(2, string: object.kind.text)
        out.field(1, string: object.apiVersion.text)
        out.close(1, since: meta)
        out.put(ProtobufCodec.magic)
        return out.bytes
    }

    /// From an enveloped body, not yet normalised; kind and apiVersion come from the envelope. `type` nil: found by them.
    package func decode(_ bytes: [UInt8], as type: String?) throws(StatusError) -> JSON {
        let result: Result<JSON, ProtobufError> = bytes.withUnsafeBufferPointer { buffer in
            do throws(ProtobufError) { return .success(try envelope(buffer, type)) } catch { return .failure(error) }
        }
        do throws(ProtobufError) { return try result.get() } catch { throw .badRequest(error.message) }
    }

    private func envelope(_ b: UnsafeBufferPointer<UInt8>, _ type: String?) throws(ProtobufError) -> JSON {
        guard b.count >= 4, b.prefix(4).elementsEqual(ProtobufCodec.magic) else {
            throw ProtobufError(
                "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
        }
        var reader: ProtobufReader = ProtobufReader(UnsafeBufferPointer(rebasing: b[4...]))
        var (apiVersion, kind): (String, String) = ("", "")
        var raw: UnsafeBufferPointer<UInt8> = UnsafeBufferPointer(start: nil, count: 0)
        while let (number, value) = try reader.next() {
            guard case .bytes(let content) = value else { continue }
            if number == 2 { raw = content }
            if number == 1 {
                var meta: ProtobufReader = ProtobufReader(content)
                while let (n, v) = try meta.next() {
                    guard case .bytes(let text) = v else { continue }
                    if n == 1 { apiVersion = String(decoding: text, as: UTF8.self) }
                    if n == 2 { kind = String(decoding: text, as: UTF8.self) }
                }
            }
        }
        let gv: GroupVersion = GroupVersion(apiVersion: apiVersion)
        let name: String? =
            type ?? schema.typeName(GroupVersionKind(group: gv.group, version: gv.version, kind: kind))
        guard let name, let i = schema.position(of: name) else {
            throw ProtobufError("no kind \"\(kind)\" is registered for version \"\(apiVersion)\"")
        }
        var decoder: ProtobufDecoder = ProtobufDecoder(types: schema.types)
        var pairs: [(key: String, value: JSON)] = []
        if schema.types[i].isKind {
            if !kind.isEmpty { pairs.append(("kind", .string(kind))) }
            if !apiVersion.isEmpty { pairs.append(("apiVersion", .string(apiVersion))) }
        }
        try decoder.message(raw, i, into: &pairs)
        return .object(JSONObject(unique: pairs))
    }

    /// The frame of one event of `application/vnd.kubernetes.protobuf;stream=watch`: 4 bytes of length (big-endian),
    /// then a WatchEvent around the enveloped object.
    package func watchFrame(_ kind: WatchEvent.Kind, _ object: JSON, as type: String) -> [UInt8]? {
        guard let body = encode(object, as: type) else { return nil }
        return ProtobufCodec.watchFrame(kind, encoded: body)
    }

    /// The same around an object that is encoded already.
    package static func watchFrame(_ kind: WatchEvent.Kind, encoded body: [UInt8]) -> [UInt8] {
        let out: ProtobufReverseWriter = ProtobufReverseWriter(capacity: body.count + 64)
        out.field(1, bytes: body)
        out.close(2, since: 0)
        out.field(1, string: kind.rawValue)
        let count: Int = out.count
        for i in 0..<4 { out.put(UInt8(truncatingIfNeeded: count >> (8 * i))) }
        return out.bytes
    }
}
