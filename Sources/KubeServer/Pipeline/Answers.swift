// Registry answers → HTTP responses in the form that was negotiated.

import KubeAPI
import KubeBase
import KubeModel
import KubeNet
import KubeStore
import KubeWire

struct Answers {
    var definition: ResourceDefinition
    var representation: Representation
    var now: Timestamp
    var include: IncludeObject = .metadata

    private static let codec: ProtobufCodec = ProtobufCodec(schema: BuiltIn.schema)

    func response(_ answer: RegistryAnswer) -> HTTPResponse {
        switch answer {
        case .http(let response): return response
        case .stored(let stored, let status): return self.stored(stored, status)
        case .object(let object, let status): return self.object(object, status)
        case .list(let list): return self.list(list)
        }
    }

    /// The object that is answered, for the audit log; null for streams.
    func object(of answer: RegistryAnswer) -> JSON {
        switch answer {
        case .http: return .null
        case .stored(let stored, _): return definition.served(stored)
        case .object(let object, _): return object
        case .list(let list):
            return [
                "kind": .string(definition.listKind), "apiVersion": .string(definition.apiVersion),
                "metadata": list.meta, "items": .array(list.objects.map { definition.served($0) }),
            ]
        }
    }

    private func stored(_ stored: StoredObject, _ status: Int) -> HTTPResponse {
        switch representation.shape {
        case .table: return Answers.plain(table([stored], meta: Answers.meta(of: stored)), representation, status)
        case .partialMetadata: return Answers.plain(partial(stored.object), representation, status)
        case .object: break
        }
        if representation.encoding == .json, representation.isPretty {
            return Answers.plain(definition.served(stored), representation, status)
        }
        return HTTPResponse(status: status, contentType: representation.contentType, bytes(stored))
    }

    private static func meta(of stored: StoredObject) -> JSON {
        ["resourceVersion": .string(stored.revision.description)]
    }

    /// One object in the negotiated encoding, made once a revision.
    func bytes(_ stored: StoredObject) -> [UInt8] {
        switch representation.encoding {
        case .json:
            if definition.isServedAsStored(stored) { return stored.bytes }
            return stored.encoding("json " + definition.viewName) { definition.served(stored).encoded() }
        case .yaml: return Array(YAML.write(definition.served(stored)).utf8)
        case .protobuf:
            return stored.encoding("protobuf " + definition.viewName) {
                let object: JSON = definition.served(stored)
                return Answers.codec.encode(object, as: definition.typeName) ?? object.encoded()
            }
        case .cbor:
            return stored.encoding("cbor " + definition.viewName) {
                CBORCodec(schema: BuiltIn.schema, type: definition.typeName).encode(definition.served(stored))
            }
        }
    }

    private func object(_ object: JSON, _ status: Int) -> HTTPResponse {
        if representation.shape != .object, object.kind.text == definition.listKind { return virtualList(object) }
        guard representation.shape != .object, object.kind.text == definition.kind else {
            return Answers.plain(object, representation, status)
        }
        if representation.shape == .partialMetadata { return Answers.plain(partial(object), representation, status) }
        let shown: JSON = definition.columns.table(
            [object], listMeta: ["resourceVersion": object.metadata.resourceVersion], include: include, now: now)
        return Answers.plain(shown, representation, status)
    }

    /// The list of a resource that is not stored.
    private func virtualList(_ list: JSON) -> HTTPResponse {
        let items: [JSON] = list["items"].elements
        if representation.shape == .table {
            let shown: JSON = definition.columns.table(items, listMeta: list.metadata, include: include, now: now)
            return Answers.plain(shown, representation, 200)
        }
        let whole: JSON = [
            "kind": "PartialObjectMetadataList",
            "apiVersion": .string("meta.k8s.io/\(representation.shapeVersion)"), "metadata": list.metadata,
            "items": .array(items.map { partial($0) }),
        ]
        return Answers.plain(whole, representation, 200)
    }

    /// Any object by its own kind and apiVersion.
    static func plain(_ object: JSON, _ representation: Representation, _ status: Int) -> HTTPResponse {
        switch representation.encoding {
        case .protobuf:
            let gvk: GroupVersionKind = GroupVersionKind(of: object)
            if let type = BuiltIn.typeName(gvk), let bytes = codec.encode(object, as: type) {
                return HTTPResponse(status: status, contentType: ProtobufCodec.mediaType, bytes)
            }
            return HTTPResponse(status: status, contentType: "application/json", object.encoded())
        case .cbor:
            let type: String? = BuiltIn.typeName(GroupVersionKind(of: object))
            let bytes: [UInt8] = CBORCodec(schema: BuiltIn.schema, type: type).encode(object)
            return HTTPResponse(status: status, contentType: CBORCodec.mediaType, bytes)
        case .yaml:
            return HTTPResponse(status: status, contentType: "application/yaml", Array(YAML.write(object).utf8))
        case .json:
            let bytes: [UInt8] =
                representation.isPretty ? Array(object.indented(by: 2).utf8) + [10] : object.encoded()
            return HTTPResponse(status: status, contentType: "application/json", bytes)
        }
    }

    // MARK: lists

    private func list(_ list: ListAnswer) -> HTTPResponse {
        switch representation.shape {
        case .table: return Answers.plain(table(list.objects, meta: list.meta), representation, 200)
        case .partialMetadata: return partials(list)
        case .object: break
        }
        if representation.encoding == .json, !representation.isPretty {
            return HTTPResponse(status: 200, contentType: "application/json", spliced(list))
        }
        let whole: JSON = [
            "kind": .string(definition.listKind), "apiVersion": .string(definition.apiVersion),
            "metadata": list.meta, "items": .array(list.objects.map { definition.served($0) }),
        ]
        return Answers.plain(whole, representation, 200)
    }

    /// The objects' own bytes between a head and a tail; without kind and apiVersion, as upstream for built-in kinds.
    private func spliced(_ list: ListAnswer) -> [UInt8] {
        var head: [UInt8] = []
        head += Array(
            "{\"kind\":\"\(definition.listKind)\",\"apiVersion\":\"\(definition.apiVersion)\",\"metadata\":".utf8)
        list.meta.write(into: &head)
        head += Array(",\"items\":[".utf8)
        let common: [UInt8] =
            definition.isCustom
            ? [] : Array("{\"kind\":\"\(definition.kind)\",\"apiVersion\":\"\(definition.apiVersion)\",".utf8)
        var out: [UInt8] = head
        out.reserveCapacity(list.objects.reduce(head.count + 2) { $0 + $1.bytes.count + 1 })
        var isFirst: Bool = true
        for stored in list.objects {
            if !isFirst { out.append(UInt8(ascii: ",")) }
            isFirst = false
            let object: [UInt8] = bytes(stored)
            if !common.isEmpty, object.starts(with: common) {
                out.append(UInt8(ascii: "{"))
                out += object[common.count...]
            } else {
                out += object
            }
        }
        out += Array("]}".utf8)
        return out
    }

    // MARK: Table and PartialObjectMetadata

    private func partials(_ list: ListAnswer) -> HTTPResponse {
        let whole: JSON = [
            "kind": "PartialObjectMetadataList",
            "apiVersion": .string("meta.k8s.io/\(representation.shapeVersion)"), "metadata": list.meta,
            "items": .array(list.objects.map { partial($0.object) }),
        ]
        return Answers.plain(whole, representation, 200)
    }

    func partial(_ object: JSON) -> JSON {
        [
            "kind": "PartialObjectMetadata", "apiVersion": .string("meta.k8s.io/\(representation.shapeVersion)"),
            "metadata": object.metadata,
        ]
    }

    func table(_ objects: ArraySlice<StoredObject>, meta: JSON) -> JSON {
        var table: JSON = definition.columns.table(
            objects.map { definition.served($0) }, listMeta: meta, include: include, now: now)
        if representation.shapeVersion != "v1" {
            table.apiVersion = .string("meta.k8s.io/\(representation.shapeVersion)")
        }
        return table
    }
}

extension StatusError {
    /// The one place where an error becomes a response.
    func response(_ representation: Representation = Representation()) -> HTTPResponse {
        var body: JSON = status
        if body.details["continue"].exists {
            body.metadata["continue"] = body.details["continue"]
            body.details = .null
        }
        var plain: Representation = representation
        plain.shape = .object
        var response: HTTPResponse = Answers.plain(body, plain, code)
        if let seconds = details.retryAfterSeconds.asInt { response.headers["Retry-After"] = String(seconds) }
        return response
    }
}
