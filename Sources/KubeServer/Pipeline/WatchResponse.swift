// A watch over HTTP: a cursor into the event log, written in frames as fast as the client reads.

import KubeAPI
import KubeBase
import KubeModel
import KubeNet
import KubeStore
import KubeWire

/// One watcher. It ends when its time is over, when its client goes, or when the log has moved past its cursor.
struct WatchResponse: Sendable {
    static let bookmarkSeconds: Int = 60
    /// Events taken from the log at a time.
    static let batchMax: Int = 512

    let registry: Registry
    let cache: ResourceCache
    let selection: Selection
    let answers: Answers
    let timeoutSeconds: Int
    let sendsBookmarks: Bool
    let sendsInitial: Bool
    /// nil: from the present state.
    let after: Revision?
    let clock: any TimeSource
    /// Called once, when what there was has been sent or there is nothing of it: the request's seats come free.
    var initialised: @Sendable () -> Void = {}
    /// Told of each batch: its events and bytes.
    var sent: @Sendable (_ events: Int, _ bytes: Int) -> Void = { _, _ in }

    /// Whether the watch begins with the objects that are there.
    static func startsWithPresent(_ query: Query) -> Bool {
        let version: String = query.text("resourceVersion") ?? ""
        if query["sendInitialEvents"] != nil { return query.flag("sendInitialEvents") }
        return version.isEmpty || version == "0"
    }

    init(
        _ request: RegistryRequest, registry: Registry, answers: Answers, clock: any TimeSource
    ) throws(StatusError) {
        let query: Query = request.query
        let cache: ResourceCache = registry.cache(request.definition)
        self.registry = registry
        self.cache = cache
        self.answers = answers
        self.clock = clock
        var selection: Selection = try Selection(
            request.definition, namespace: request.context.namespace, labelSelector: query.text("labelSelector"),
            fieldSelector: query.text("fieldSelector"))
        // `watch/…/NAME`: one object.
        if !request.context.name.isEmpty, selection.requiredName == nil { selection.name = request.context.name }
        self.selection = selection
        // Upstream closes between half an hour and an hour, at random, so that clients spread.
        let asked: Int = Int(try query.integer("timeoutSeconds") ?? 0)
        timeoutSeconds = asked > 0 ? asked : Int.random(in: 1800...3600)
        sendsBookmarks = query["allowWatchBookmarks"] != nil && query.flag("allowWatchBookmarks")
        sendsInitial = query["sendInitialEvents"] != nil && query.flag("sendInitialEvents")
        try WatchResponse.check(query)
        let version: String = query.text("resourceVersion") ?? ""
        if version.isEmpty || version == "0" || sendsInitial {
            let isPresent: Bool = version.isEmpty && query["sendInitialEvents"] == "false"
            after = isPresent ? cache.hub.published : nil
        } else {
            guard let revision = Revision(version) else {
                throw .badRequest(
                    "Invalid value: \"\(version)\": strconv.ParseUint: parsing \"\(version)\": invalid syntax")
            }
            after = revision
        }
    }

    private static func check(_ query: Query) throws(StatusError) {
        let kind: GroupKind = GroupKind(group: "meta.k8s.io", kind: "ListOptions")
        let match: String = query.text("resourceVersionMatch") ?? ""
        if query["sendInitialEvents"] != nil {
            if match != "NotOlderThan" {
                throw .invalid(
                    kind: kind, name: "",
                    [
                        .forbidden(
                            "resourceVersionMatch",
                            "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan")
                    ])
            }
        } else if !match.isEmpty {
            throw .invalid(
                kind: kind, name: "",
                [
                    .forbidden(
                        "resourceVersionMatch",
                        "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")
                ])
        }
    }

    /// Headers at once, then frames. A revision that is too old is an ERROR event in a 200 stream, as upstream.
    func response() -> HTTPResponse {
        let type: String =
            answers.representation.encoding == .protobuf
            ? ProtobufCodec.mediaType + ";stream=watch" : "application/json"
        return HTTPResponse(
            status: 200, headers: ["Content-Type": type, "Cache-Control": "no-cache, private"],
            body: .stream { writer in try await run(writer) })
    }

    private func run(_ writer: any BodyWriter) async throws {
        let id: UInt64 = cache.newWatcherID()
        defer { cache.forget(id) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await pump(id, writer) }
            group.addTask { try await tick(id) }
            try await group.next()
            group.cancelAll()
        }
    }

    /// Wakes the pump when a bookmark or the end is due; returns at the end.
    private func tick(_ id: UInt64) async throws {
        var left: Int = timeoutSeconds
        while left > 0 {
            let step: Int = sendsBookmarks ? min(left, WatchResponse.bookmarkSeconds) : left
            try await clock.sleep(for: .seconds(step))
            left -= step
            if left > 0 { cache.poke(id) }
        }
    }

    private func pump(_ id: UInt64, _ writer: any BodyWriter) async throws {
        var frames: WatchFrames = WatchFrames(answers)
        var cursor: Int
        do throws(StatusError) {
            if let after {
                cursor = try cache.cursor(after: after)
                // Headers reach the client before the first event.
                try await flush([], writer)
            } else {
                cursor = try await initial(&frames, writer)
            }
        } catch {
            try await writer.write(frames.error(error))
            return
        }
        initialised()
        while !Task.isCancelled {
            // Read before the log: everything up to it has then been seen.
            let seen: Revision = cache.hub.published
            guard let events = cache.read(from: cursor, count: WatchResponse.batchMax) else { return }
            if events.isEmpty {
                if await cache.waitOrPoke(id, cursor: cursor), sendsBookmarks {
                    if cache.read(from: cursor, count: 1)?.isEmpty == true {
                        try await writer.write(frames.bookmark(seen, endsInitial: false))
                    }
                }
                continue
            }
            cursor += events.count
            try await convert(events)
            var bytes: [UInt8] = []
            var count: Int = 0
            for event in events {
                if let (kind, object) = selection.view(event) {
                    frames.append(kind, object, to: &bytes)
                    count += 1
                }
            }
            if !bytes.isEmpty {
                sent(count, bytes.count)
                try await writer.write(bytes)
            }
        }
    }

    /// Custom objects of another version go through the conversion webhook, a batch at a time.
    private func convert(_ events: [CacheEvent]) async throws(StatusError) {
        guard selection.isConverted else { return }
        try await registry.prepare(events.flatMap { [$0.old, $0.new, $0.gone].compactMap { $0 } }, answers.definition)
    }

    private func flush(_ bytes: [UInt8], _ writer: any BodyWriter) async throws(StatusError) {
        do {
            try await writer.write(bytes)
        } catch {
            throw .serviceUnavailable("the client has gone")
        }
    }

    private func initial(_ frames: inout WatchFrames, _ writer: any BodyWriter) async throws(StatusError) -> Int {
        let (objects, revision, cursor): (ObjectSlice, Revision, Int) = cache.snapshotAndCursor(
            folder: selection.folder)
        if selection.isConverted { try await registry.prepare(objects, answers.definition) }
        var bytes: [UInt8] = []
        for object in objects where selection.matches(object) {
            frames.append(.added, object, to: &bytes)
            if bytes.count > 256 << 10 {
                try await flush(bytes, writer)
                bytes = []
            }
        }
        if sendsInitial, sendsBookmarks { bytes += frames.bookmark(revision, endsInitial: true) }
        try await flush(bytes, writer)
        return cursor
    }
}

/// Events in the negotiated encoding and shape.
struct WatchFrames {
    private let answers: Answers
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
            frame(kind, table.encoded(), to: &out)
        case .partialMetadata: write(kind, answers.partial(stored.object), to: &out)
        case .object:
            if answers.representation.encoding == .protobuf {
                out += protobuf(kind, answers.definition.served(stored), answers.definition.typeName)
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
        } else {
            frame(kind, object.encoded(), to: &out)
        }
    }

    private func protobuf(_ kind: WatchEvent.Kind, _ object: JSON, _ type: String) -> [UInt8] {
        WatchFrames.codec.watchFrame(kind, object, as: type) ?? []
    }

    private func frame(_ kind: WatchEvent.Kind, _ object: [UInt8], to out: inout [UInt8]) {
        out.reserveCapacity(out.count + object.count + 40)
        out += Array("{\"type\":\"".utf8)
        out += Array(kind.rawValue.utf8)
        out += Array("\",\"object\":".utf8)
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
