// Request bodies → trees, by Content-Type.

import KubeAPI
import KubeModel
import KubeNet
import KubeWire

struct DecodedBody {
    var object: JSON = .null
    /// Members that occur twice, by path.
    var duplicates: [String] = []
    /// Of YAML, in go-yaml's words: `line 3: key "x" already set in map`.
    var repeated: [String] = []
    var patchType: PatchType = .merge

    /// Refuses or tells keys that stand twice in YAML, as the request's fieldValidation wants it.
    func checkRepeated(_ kind: GroupVersionKind, _ query: Query, _ context: RequestContext) throws(StatusError) {
        guard !repeated.isEmpty else { return }
        switch try query.fieldValidation() {
        case .ignore: return
        case .warn: for text in repeated { context.warn(text) }
        case .strict:
            let list: String = "yaml: unmarshal errors:\n  " + repeated.joined(separator: "\n  ")
            if patchType == .apply {
                throw .badRequest("error strict decoding YAML: error converting YAML to JSON: " + list)
            }
            throw .badRequest(
                "\(kind.kind) in version \"\(kind.version)\" cannot be handled as a \(kind.kind): "
                    + "strict decoding error: " + list)
        }
    }
}

enum BodyDecoding {
    private static let depthMax: Int = 1000

    static func decode(
        _ request: HTTPRequest, verb: Verb, kind: String, typeName: String
    ) throws(StatusError) -> DecodedBody {
        var result: DecodedBody = DecodedBody()
        let type: String = request.headers["Content-Type"].map { MediaType($0).name } ?? ""
        if verb == .patch {
            let applies: Bool = type == "application/apply-patch+json" || type == CBORCodec.applyType
            guard let patch = PatchType(rawValue: type) ?? (applies ? .apply : nil)
            else {
                throw unknownFormat(PatchType.accepted)
            }
            result.patchType = patch
        }
        guard !request.body.isEmpty else {
            if verb == .delete || verb == .deletecollection || verb == .get { return result }
            if verb == .patch { throw .badRequest("error decoding patch: unexpected end of JSON input") }
            throw unrecognised(kind, "couldn't get version/kind; json parse error: unexpected end of JSON input", [])
        }
        switch type {
        case "", "application/json", "application/x-www-form-urlencoded": try json(request.body, kind, &result)
        case CBORCodec.mediaType, CBORCodec.applyType: result.object = try CBORCodec.decode(request.body)
        case _ where verb == .patch && result.patchType != .apply: try patchJSON(request.body, &result)
        case "application/yaml", "application/apply-patch+yaml", "application/apply-patch+json":
            try yaml(request.body, kind, &result)
        case ProtobufCodec.mediaType where !typeName.isEmpty:
            let codec: ProtobufCodec = ProtobufCodec(schema: BuiltIn.schema)
            result.object = try codec.decode(request.body, as: typeName)
        default: throw unknownFormat(Representation.accepted)
        }
        return result
    }

    private static func json(_ bytes: [UInt8], _ kind: String, _ result: inout DecodedBody) throws(StatusError) {
        do throws(JSONError) {
            (result.object, result.duplicates) = try JSON.parseReportingDuplicates(
                bytes, limits: JSONLimits(depthMax: depthMax, collectsDuplicates: true))
        } catch {
            throw unrecognised(kind, "couldn't get version/kind; json parse error: \(error.message)", bytes)
        }
    }

    private static func patchJSON(_ bytes: [UInt8], _ result: inout DecodedBody) throws(StatusError) {
        do throws(JSONError) {
            result.object = try JSON.parse(bytes, limits: JSONLimits(depthMax: depthMax))
        } catch {
            throw .badRequest("error decoding patch: \(error.message)")
        }
    }

    private static func yaml(_ bytes: [UInt8], _ kind: String, _ result: inout DecodedBody) throws(StatusError) {
        // JSON is YAML, and our JSON parser is much faster.
        if let first = bytes.first(where: { $0 > 32 }), first == UInt8(ascii: "{") {
            if let (object, duplicates) = try? JSON.parseReportingDuplicates(
                bytes, limits: JSONLimits(depthMax: depthMax, collectsDuplicates: true))
            {
                result.object = object
                result.duplicates = duplicates
                return
            }
        }
        do throws(YAMLError) {
            let read: (documents: [JSON], duplicates: [String]) = try YAML.parseReportingDuplicates(
                String(decoding: bytes, as: UTF8.self))
            result.object = read.documents.first ?? .null
            result.repeated = read.duplicates
        } catch {
            throw result.patchType == .apply
                ? .badRequest("error decoding YAML: \(error.message)")
                : unrecognised(kind, "couldn't get version/kind; json parse error: \(error.message)", bytes)
        }
    }

    private static func unrecognised(_ kind: String, _ why: String, _ bytes: [UInt8]) -> StatusError {
        .badRequest("the object provided is unrecognized (must be of type \(kind)): \(why) (\(summary(bytes)))")
    }

    /// The first 30 bytes: as text when it looks like JSON, else in hexadecimal.
    private static func summary(_ bytes: [UInt8]) -> String {
        guard let first = bytes.first else { return "<empty>" }
        let part: ArraySlice<UInt8> = bytes.prefix(30)
        let more: String = bytes.count > 30 ? " ..." : ""
        if first == UInt8(ascii: "{") { return String(decoding: part, as: UTF8.self) + more }
        let hex: [UInt8] = Array("0123456789abcdef".utf8)
        return String(decoding: part.flatMap { [hex[Int($0 >> 4)], hex[Int($0 & 15)]] }, as: UTF8.self) + more
    }

    private static func unknownFormat(_ accepted: [String]) -> StatusError {
        .unsupportedMediaType(
            "the body of the request was in an unknown format - accepted media types include: "
                + accepted.joined(separator: ", "))
    }
}

extension PatchType {
    static let accepted: [String] = [
        PatchType.json.rawValue, PatchType.merge.rawValue, PatchType.strategicMerge.rawValue, PatchType.apply.rawValue,
    ]
}
