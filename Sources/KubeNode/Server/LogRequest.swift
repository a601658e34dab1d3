// GET /containerLogs/{namespace}/{pod}/{container}: the log file, filtered, and followed by inotify.

import KubeAPI
import KubeBase
import KubeModel
import KubeNet
import KubeOS
import KubeWire
import Synchronization

/// core/v1 PodLogOptions.
struct LogOptions: Sendable {
    var follow: Bool
    var timestamps: Bool
    var tailLines: Int?
    var limitBytes: Int?
    var since: Timestamp?
    var stream: String?

    init(_ q: QueryValues, now: Timestamp) {
        follow = q.isTrue("follow")
        timestamps = q.isTrue("timestamps")
        tailLines = q["tailLines"].flatMap { Int($0) }
        limitBytes = q["limitBytes"].flatMap { Int($0) }
        since = q["sinceTime"].flatMap { Timestamp(rfc3339: $0) }
        if let seconds = q["sinceSeconds"].flatMap({ Int($0) }) { since = now - .seconds(seconds) }
        stream = q["stream"].flatMap { $0 == "All" ? nil : $0.lowercased() }
    }
}

enum LogRequest {
    static func respond(
        _ node: NodeContext, _ namespace: String, _ pod: String, _ container: String, _ query: QueryValues
    ) async -> HTTPResponse {
        guard let host = node.pod(namespace: namespace, name: pod) else {
            return NodeAPI.status(.notFound(API.pods.groupResource, pod))
        }
        guard let record = host.record(container) else {
            return NodeAPI.status(
                .badRequest("container \"\(container)\" not found in pod \"\(pod)\""))
        }
        let options: LogOptions = LogOptions(query, now: node.options.time.now())
        guard let attempt = attempt(record, previous: query.isTrue("previous")) else {
            if query.isTrue("previous") {
                return NodeAPI.status(
                    .badRequest("previous terminated container \"\(container)\" in pod \"\(pod)\" not found"))
            }
            let reason: String = host.state.withLock { $0.worker.waitingReason(container) }
            return NodeAPI.status(
                .badRequest("container \"\(container)\" in pod \"\(pod)\" is waiting to start: \(reason)"))
        }
        let path: String = host.paths.logFile(container, attempt: attempt)
        let reader: LogReader = LogReader(
            host: host, container: container, attempt: attempt, path: path, options: options)
        return HTTPResponse(
            status: 200, headers: ["Content-Type": "text/plain"], body: .stream { try await reader.copy(to: $0) })
    }

    /// Which instance's log is meant; nil when there is none.
    private static func attempt(_ c: ContainerRecord, previous: Bool) -> Int? {
        guard c.wasCreated else { return nil }
        if previous { return c.restartCount > 0 ? c.restartCount - 1 : nil }
        return c.restartCount
    }
}

extension PodWorker {
    func waitingReason(_ container: String) -> String {
        for list in [status.containerStatuses, status.initContainerStatuses, status.ephemeralContainerStatuses] {
            if let s = list.elements.first(where: { $0.name.text == container }) {
                return s.state.waiting.reason.asString ?? "ContainerCreating"
            }
        }
        return "ContainerCreating"
    }
}

struct LogReader: Sendable {
    let host: PodHost
    let container: String
    let attempt: Int
    let path: String
    let options: LogOptions

    func copy(to writer: any BodyWriter) async throws {
        var log: OpenLog = OpenLog(options)
        guard options.follow else {
            guard let file = LogFile(path) else { return }
            log.offset = options.tailLines.map { file.offset(ofLast: $0) } ?? 0
            _ = try await drain(file, &log, writer)
            return
        }
        // The watch comes first: what is written between the first read and the watch is not missed.
        let watch: FileWatch = try FileWatch()
        let (bell, ring): (AsyncStream<Void>, AsyncStream<Void>.Continuation) = AsyncStream.makeStream(
            bufferingPolicy: .bufferingNewest(1))
        let number: Int = host.addLogBell(ring)
        defer {
            host.removeLogBell(number)
            watch.close()
        }
        try watch.add(path)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in watch.events { ring.yield() } }
            defer { group.cancelAll() }
            try await follow(&log, bell, watch, writer)
        }
    }

    private func follow(
        _ log: inout OpenLog, _ bell: AsyncStream<Void>, _ watch: FileWatch, _ writer: any BodyWriter
    ) async throws {
        guard var file = LogFile(path) else { return }
        log.offset = options.tailLines.map { file.offset(ofLast: $0) } ?? 0
        var news: AsyncStream<Void>.AsyncIterator = bell.makeAsyncIterator()
        while true {
            // Asked before the read: what was written until then is read.
            let isOpen: Bool = host.isLogOpen(container, attempt: attempt)
            guard try await drain(file, &log, writer), isOpen else { return }
            guard await news.next() != nil else { return }
            if let fresh = LogFile(path), fresh.inode != file.inode {
                guard try await drain(file, &log, writer) else { return }
                file = fresh
                log.offset = 0
                try watch.add(path)
            }
        }
    }

    /// Sends whole lines up to the file's end; false when the limit is reached.
    private func drain(
        _ file: LogFile, _ log: inout OpenLog, _ writer: any BodyWriter
    ) async throws -> Bool {
        while let bytes = file.read(at: log.offset, count: 1 << 18), !bytes.isEmpty {
            guard let end = bytes.lastIndex(of: 10) else { return true }
            log.offset += Int64(end + 1)
            let out: [UInt8] = log.filter.apply(bytes[...end])
            if !out.isEmpty { try await writer.write(out) }
            if log.filter.isDone { return false }
        }
        return true
    }
}

/// How far a log has been read.
struct OpenLog: Sendable {
    var offset: Int64 = 0
    var filter: LogFilter
    init(_ options: LogOptions) { filter = LogFilter(options) }
}

/// The brain of a log request: lines in, text out.
struct LogFilter: Sendable {
    private let options: LogOptions
    private var left: Int?
    private var isContinued: Bool = false
    var isDone: Bool { left == 0 }

    init(_ options: LogOptions) {
        self.options = options
        left = options.limitBytes
    }

    mutating func apply(_ lines: ArraySlice<UInt8>) -> [UInt8] {
        var out: [UInt8] = []
        for raw in lines.split(separator: 10, omittingEmptySubsequences: true) {
            guard let line = LogLine(raw) else { continue }
            if let stream = options.stream, String(decoding: line.stream, as: UTF8.self) != stream { continue }
            if let since = options.since, let at = line.timestamp, at < since { continue }
            if options.timestamps, !isContinued {
                out += line.time
                out.append(32)
            }
            out += line.text
            if !line.isPartial { out.append(10) }
            isContinued = line.isPartial
        }
        if let limit = left {
            out = Array(out.prefix(limit))
            left = limit - out.count
        }
        return out
    }
}
