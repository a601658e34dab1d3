// In which form a client wants its answer: the Accept header as Kubernetes uses it.

import KubeModel
import KubeNet
import KubeWire

struct MediaType: Sendable {
    /// `application/json`
    var name: String
    var parameters: [String: String] = [:]
    var quality: Double = 1

    init(_ text: some StringProtocol) {
        let parts: [String] = text.split(separator: ";").map { MediaType.trimmed(String($0)) }
        name = parts.first?.lowercased() ?? ""
        for part in parts.dropFirst() {
            guard let cut = part.firstIndex(of: "=") else { continue }
            let key: String = String(part[..<cut]).lowercased()
            let value: String = String(part[part.index(after: cut)...])
            if key == "q" { quality = Double(value) ?? 0 } else { parameters[key] = value }
        }
    }

    private static func trimmed(_ s: String) -> String {
        var t: Substring = Substring(s)
        while t.first == " " || t.first == "\t" { t = t.dropFirst() }
        while t.last == " " || t.last == "\t" { t = t.dropLast() }
        return String(t)
    }

    /// By quality, else in the order written.
    static func list(_ header: String) -> [MediaType] {
        header.split(separator: ",").map { MediaType($0) }.enumerated().sorted {
            ($1.element.quality, $0.offset) < ($0.element.quality, $1.offset)
        }.map { $0.element }
    }
}

/// How the answer is written, and as what.
struct Representation: Sendable {
    enum Encoding: Sendable { case json, yaml, protobuf, cbor }
    enum Shape: Sendable { case object, table, partialMetadata }

    var encoding: Encoding = .json
    var shape: Shape = .object
    var isPretty: Bool = false
    /// `meta.k8s.io` version of the shape.
    var shapeVersion: String = "v1"

    static let accepted: [String] = [
        "application/json", "application/yaml", ProtobufCodec.mediaType, CBORCodec.mediaType,
    ]

    init() {}

    /// Throws 406 when nothing that the client takes can be made. Custom objects have no protobuf form.
    init(_ request: HTTPRequest, _ query: Query, isCustom: Bool = false) throws(StatusError) {
        let header: String = request.headers.all("Accept").joined(separator: ",")
        isPretty = Representation.pretty(request, query)
        guard !header.isEmpty else { return }
        for type in MediaType.list(header) {
            guard let encoding = Representation.encoding(type.name) else { continue }
            if isCustom, encoding == .protobuf, type.parameters["as"] == nil { continue }
            self.encoding = encoding
            guard let kind = type.parameters["as"] else { return }
            guard type.parameters["g"] == "meta.k8s.io", let version = type.parameters["v"],
                version == "v1" || version == "v1beta1"
            else { continue }
            shapeVersion = version
            switch kind {
            case "Table":
                guard encoding != .protobuf else { continue }
                shape = .table
            case "PartialObjectMetadata", "PartialObjectMetadataList": shape = .partialMetadata
            default: continue
            }
            return
        }
        throw Representation.refusal
    }

    static var refusal: StatusError {
        let list: String = accepted.joined(separator: ", ")
        return StatusError(
            code: 406, reason: "NotAcceptable", message: "only the following media types are accepted: \(list)")
    }

    private static func encoding(_ name: String) -> Encoding? {
        switch name {
        case "application/json", "*/*", "application/*": .json
        case "application/yaml": .yaml
        case ProtobufCodec.mediaType: .protobuf
        case CBORCodec.mediaType, CBORCodec.sequenceType: .cbor
        default: nil
        }
    }

    /// People look at it: asked for, or a browser or curl.
    private static func pretty(_ request: HTTPRequest, _ query: Query) -> Bool {
        if query["pretty"] != nil { return query.flag("pretty") }
        let agent: String = request.headers["User-Agent"] ?? ""
        return agent.hasPrefix("curl") || agent.hasPrefix("Wget") || agent.hasPrefix("Mozilla/5.0")
    }

    var contentType: String {
        switch encoding {
        case .json: "application/json"
        case .yaml: "application/yaml"
        case .protobuf: ProtobufCodec.mediaType
        case .cbor: CBORCodec.mediaType
        }
    }

    /// Of a stream of watch events.
    var watchType: String {
        switch encoding {
        case .protobuf: ProtobufCodec.mediaType + ";stream=watch"
        case .cbor: CBORCodec.sequenceType
        default: "application/json"
        }
    }
}
