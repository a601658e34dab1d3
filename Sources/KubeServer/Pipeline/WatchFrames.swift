// Watch events in the encoding and shape that was negotiated.

import KubeAPI
import KubeBase
import KubeModel
import KubeStore
import KubeWire

/// Events in the negotiated encoding and shape.
struct WatchFrames {
    private var answers: Answers
    /// Ages in tables are counted from it.
    var now: Timestamp {
        get { answers.now }
        set { answers.now = newValue }
    }
    /// A Table's columns stand in the first event only.
    private var needsColumns: Bool = true
    private static let codec: ProtobufCodec = ProtobufCodec(schema: BuiltIn.schema)

    init(_ answers: Answers) { self.answers = answers }

    mutating func append(_ kind: WatchEvent.Kind, _ stored: StoredObject, to out: inout [UInt8]) {
        switch answers.representation.shape {
        case .table:
            var table: JSON = answers.table([stored], meta: ["resourceVersion": .string(stored.revision.description)])
            if !needsColumns { table.columnDefinitions = .array([]) }
            needsColumns = false
            write(kind, table, to: &out)
        case .partialMetadata: write(kind, answers.partial(stored.object), to: &out)
        case .object:
            if answers.representation.encoding == .protobuf {
                out += protobuf(kind, answers.definition.served(stored), answers.definition.typeName)
            } else if answers.representation.encoding == .cbor {
                out += CBORCodec().watchFrame(kind, answers.bytes(stored))
            } else if answers.representation.encoding == .yaml {
                frame(kind, answers.definition.served(stored).encoded(), to: &out)
            } else {
                frame(kind, answers.bytes(stored), to: &out)
            }
        }
    }

    private func write(_ kind: WatchEvent.Kind, _ object: JSON, to out: inout [UInt8]) {
        if answers.representation.encoding == .protobuf,
            let type = BuiltIn.typeName(GroupVersionKind(of: object))
        {
            out += protobuf(kind, object, type)
        } else if answers.representation.encoding == .cbor {
            let type: String? = BuiltIn.typeName(GroupVersionKind(of: object))
            out += CBORCodec().watchFrame(kind, CBORCodec(schema: BuiltIn.schema, type: type).encode(object))
        } else {
            frame(kind, object.encoded(), to: &out)
        }
    }

    private func protobuf(_ kind: WatchEvent.Kind, _ object: JSON, _ type: String) -> [UInt8] {
        WatchFrames.codec.watchFrame(kind, object, as: type) ?? []
    }

    private func frame(_ kind: WatchEvent.Kind, _ object: [UInt8], to out: inout [UInt8]) {
        out.append(contentsOf: "{\"type\":\"".utf8)
        out.append(contentsOf: kind.rawValue.utf8)
        out.append(contentsOf: "\",\"object\":".utf8)
        out += object
        out.append(UInt8(ascii: "}"))
        out.append(10)
    }

    func bookmark(_ revision: Revision, endsInitial: Bool) -> [UInt8] {
        var object: JSON = Bookmark.object(answers.definition, revision, endsInitial: endsInitial)
        if answers.representation.shape == .partialMetadata { object = answers.partial(object) }
        var out: [UInt8] = []
        write(.bookmark, object, to: &out)
        return out
    }

    func error(_ error: StatusError) -> [UInt8] {
        var out: [UInt8] = []
        write(.error, error.status, to: &out)
        return out
    }
}
