// A watch over HTTP: a cursor into the event log, written in frames as fast as the client reads.

import KubeAPI
import KubeBase
import KubeModel
import KubeNet
import KubeStore
import KubeWire

/// One watcher. It ends when its time is over, when its client goes, or when the log has moved past its cursor: a client
/// that does not read is given up as soon as the log (`EventLogLimits`) is full of what it has not taken.
struct WatchResponse: Sendable {
    /// Between two bookmarks; another comes `lastBookmarkSeconds` before the end, as upstream.
    static let bookmarkSeconds: Int = 60
    static let lastBookmarkSeconds: Int = 2
    /// Events taken from the log at a time, and bytes written at a time.
    static let batchMax: Int = 512
    static let pieceBytes: Int = 128 << 10

    let registry: Registry
    let cache: ResourceCache
    let selection: Selection
    let answers: Answers
    let options: WatchOptions
    let clock: any TimeSource
    /// Called once, when what there was has been sent or there is nothing of it: the request's seats come free.
    var initialised: @Sendable () -> Void = {}
    /// Told of each batch: its events and bytes.
    var sent: @Sendable (_ events: Int, _ bytes: Int) -> Void = { _, _ in }

    /// Whether the watch begins with the objects that are there.
    static func startsWithPresent(_ query: Query) -> Bool { WatchOptions.startsWithPresent(query) }

    init(
        _ request: RegistryRequest, registry: Registry, answers: Answers, clock: any TimeSource
    ) throws(StatusError) {
        self.registry = registry
        self.cache = registry.cache(request.definition)
        self.answers = answers
        self.clock = clock
        var selection: Selection = try Selection(
            request.definition, namespace: request.context.namespace, labelSelector: request.query.text("labelSelector"),
            fieldSelector: request.query.text("fieldSelector"))
        // `watch/…/NAME`: one object.
        if !request.context.name.isEmpty, selection.requiredName == nil { selection.name = request.context.name }
        self.selection = selection
        options = try WatchOptions(request.query)
    }

    /// Headers at once, then frames. A revision that is too old is an ERROR event in a 200 stream, as upstream.
    func response() -> HTTPResponse {
        let type: String = answers.representation.watchType
        return HTTPResponse(
            status: 200, headers: ["Content-Type": type, "Cache-Control": "no-cache, private"],
            body: .stream { writer in try await run(writer) })
    }

    private func run(_ writer: any BodyWriter) async throws {
        let id: UInt64 = cache.addWatcher { writer.abort() }
        defer { cache.removeWatcher(id) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await pump(id, writer) }
            group.addTask { try await tick(id) }
            try await group.next()
            group.cancelAll()
        }
    }

    /// Wakes the pump when a bookmark or the end is due; returns at the end.
    private func tick(_ id: UInt64) async throws {
        var left: Int = options.timeoutSeconds
        while left > 0 {
            var step: Int = left
            if options.sendsBookmarks {
                step = min(left, WatchResponse.bookmarkSeconds)
                let last: Int = left - WatchResponse.lastBookmarkSeconds
                if last > 0 { step = min(step, last) }
            }
            try await clock.sleep(for: .seconds(step))
            left -= step
            if left > 0 { cache.poke(id) }
        }
    }

    private func pump(_ id: UInt64, _ writer: any BodyWriter) async throws {
        var frames: WatchFrames = WatchFrames(answers)
        var cursor: Int
        var after: Revision = .zero
        do throws(StatusError) {
            switch options.beginning {
            case .present(let revision):
                try await registry.waitUntilReached(revision)
                cursor = try await initial(&frames, writer)
            case .changes(let revision):
                after = revision ?? cache.hub.published
                cursor = try cache.cursor(after: after)
            }
        } catch {
            try await writer.write(frames.error(error))
            return
        }
        initialised()
        while !Task.isCancelled {
            // Read before the log: everything up to it has then been seen.
            let seen: Revision = cache.hub.published
            guard let events = cache.read(id, from: cursor, count: WatchResponse.batchMax) else { return }
            if events.isEmpty {
                if await cache.waitOrPoke(id, cursor: cursor), options.sendsBookmarks, seen >= after {
                    if cache.read(id, from: cursor, count: 1)?.isEmpty == true {
                        try await writer.write(frames.bookmark(seen, endsInitial: false))
                    }
                }
                continue
            }
            let first: Int = cursor
            cursor += events.count
            try await send(events, at: first, after: after, &frames, writer)
        }
    }

    private func send(
        _ events: [CacheEvent], at cursor: Int, after: Revision, _ frames: inout WatchFrames, _ writer: any BodyWriter
    ) async throws {
        // Custom objects of another version go through the conversion webhook, a batch at a time.
        if selection.isConverted {
            try await registry.prepare(
                events.flatMap { [$0.old, $0.new, $0.gone].compactMap { $0 } }, answers.definition)
        }
        frames.now = clock.now()
        if let form = sharedForm, events[0].revision > after, events.reduce(0, { $0 + $1.weight }) < WatchResponse.pieceBytes
        {
            let (bytes, shown): ([UInt8], Int) = cache.frames.run(cursor: cursor, count: events.count, form: form) {
                var bytes: [UInt8] = []
                var shown: Int = 0
                for event in events {
                    guard let (kind, object) = selection.view(event) else { continue }
                    frames.append(kind, object, to: &bytes)
                    shown += 1
                }
                return (bytes, shown)
            }
            guard shown > 0 else { return }
            sent(shown, bytes.count)
            return try await writer.write(bytes)
        }
        var bytes: [UInt8] = []
        var count: Int = 0
        for event in events where event.revision > after {
            guard let (kind, object) = selection.view(event) else { continue }
            frames.append(kind, object, to: &bytes)
            count += 1
            guard bytes.count > WatchResponse.pieceBytes else { continue }
            sent(count, bytes.count)
            try await writer.write(bytes)
            bytes = []
            count = 0
        }
        guard !bytes.isEmpty else { return }
        sent(count, bytes.count)
        try await writer.write(bytes)
    }

    /// The name of what every watcher with the same kind of request is sent; nil: this one has wishes of its own.
    private var sharedForm: String? {
        guard selection.isEverything, selection.name.isEmpty, !selection.isConverted,
            answers.representation.shape == .object
        else { return nil }
        switch answers.representation.encoding {
        case .json: return "json \(answers.definition.viewName) \(selection.namespace)"
        case .protobuf: return "protobuf \(answers.definition.viewName) \(selection.namespace)"
        default: return nil
        }
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
            if bytes.count > WatchResponse.pieceBytes {
                try await flush(bytes, writer)
                bytes = []
            }
        }
        if options.marksInitialEnd { bytes += frames.bookmark(revision, endsInitial: true) }
        try await flush(bytes, writer)
        return cursor
    }
}
