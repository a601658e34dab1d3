// Seeded writes, lists by pages, watches that resume, and restarts, against a model: answers are exact or say 410.
//
// APUS_SEEDS=0..<5000 runs other seeds than those of every day.

import Glibc
import KubeAPI
import KubeBase
import KubeModel
import KubeNet
import KubeServer
import KubeStore
import KubeWire
import Synchronization
import Testing

@Suite struct CacheModelCheck {
    static let seeds: Range<UInt64> = {
        let asked: [UInt64] = (getenv("APUS_SEEDS").map { String(cString: $0) } ?? "").split(separator: ".").compactMap {
            UInt64($0.filter { $0.isNumber })
        }
        return asked.count == 2 ? asked[0]..<asked[1] : 0..<60
    }()

    @Test func answersAreExactOrExpired() async throws {
        for seed in Self.seeds {
            var run: CacheRun = CacheRun(seed: seed)
            if let fault = try await run.go() {
                Issue.record("seed \(seed): \(fault)")
                return
            }
        }
    }
}

/// SplitMix64: the same numbers for the same seed on every machine.
struct Chance: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed &* 0x2545_f491_4f6c_dd1d &+ 1 }
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z: UInt64 = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
    /// True in `percent` of 100 cases.
    mutating func happens(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}

private final class Flag: Sendable {
    let value: Atomic<Bool> = Atomic(false)
}

/// A watch that goes on in a task of its own.
private final class RunningWatch: Sendable {
    let selection: ModelSelection
    /// It has seen everything up to it.
    let after: Int64
    let collector: Collector = Collector()
    let task: Task<Void, Never>
    /// The server has ended it.
    let hasEnded: Flag = Flag()

    init(_ server: APIServer, _ selection: ModelSelection, after: Int64, query: String) {
        self.selection = selection
        self.after = after
        let collector: Collector = self.collector
        let flag: Flag = hasEnded
        let request: HTTPRequest = HTTPRequest(
            method: "GET", path: selection.path, rawQuery: "watch=1" + query + selection.query, headers: ["User-Agent": "t/1"],
            body: [], peer: Fixture.admin)
        task = Task {
            if case .stream(let run) = await server.respond(to: request).body { try? await run(collector) }
            flag.value.store(true, ordering: .releasing)
        }
    }

    var events: [JSON] { collector.text.split(separator: "\n").compactMap { try? JSON.parse(String($0)) } }

    /// Waits, for long at most, until it has as many events.
    func settle(_ count: Int) async {
        let end: ContinuousClock.Instant = .now + .seconds(20)
        while events.count < count, !hasEnded.value.load(ordering: .acquiring), ContinuousClock.now < end {
            try? await Task.sleep(for: .milliseconds(1))
        }
    }
}

private struct CacheRun {
    let seed: UInt64
    var chance: Chance
    var model: CacheModel = CacheModel()
    var server: APIServer!
    var store: LogStore = .memory()
    var limits: StoreLimits = StoreLimits()
    var log: EventLogLimits = EventLogLimits()
    let path: String
    private var watches: [RunningWatch] = []
    /// Lists in pages that are not at their end.
    private var pages: [(selection: ModelSelection, token: String, revision: Int64, next: Int)] = []
    /// Revisions before it may be unknown since the server was opened anew.
    var openedAt: Int64 = 0

    init(seed: UInt64) {
        self.seed = seed
        chance = Chance(seed: seed)
        path = "/dev/shm/apus-cache-\(getpid())-\(seed)"
        limits.historyRowsMax = Int.random(in: 0...20, using: &chance)
        log.countMax = Int.random(in: 3...25, using: &chance)
    }

    private func unlinkFiles() { for suffix in ["", "-wal"] { unlink(path + suffix) } }

    private mutating func open() async throws {
        store = .sqlite(path: path, limits: limits)
        var options: APIServerOptions = APIServerOptions(
            store: store, definitions: Fixture.definitions().filter { $0.gvr == API.configMaps },
            authorizer: { _ in MastersOnly() })
        options.eventLog = log
        server = try await APIServer.open(options)
        server.markReady()
    }

    mutating func go() async throws -> String? {
        unlinkFiles()
        try await open()
        for _ in 0..<Int.random(in: 15...45, using: &chance) {
            let fault: String? =
                switch Int.random(in: 0..<100, using: &chance) {
                case 0..<60: await write()
                case 60..<72: await list()
                case 72..<82: await nextPage()
                case 82..<92: await beginWatch()
                case 92..<97: await endWatch()
                default: try await restart()
                }
            if let fault { return fault }
        }
        while !watches.isEmpty { if let fault = await endWatch() { return fault } }
        await server.close()
        unlinkFiles()
        return nil
    }

    private func call(_ method: String, _ path: String, _ body: JSON = .null) async -> (status: Int, json: JSON) {
        let type: String = method == "PATCH" ? "application/merge-patch+json" : "application/json"
        let answer = await Wire(server: server)(
            method, path, body.exists ? body.description : "", headers: ["Content-Type": type])
        return (answer.status, (try? JSON.parse(answer.text)) ?? .null)
    }

    private mutating func write() async -> String? {
        let namespace: String = ["x", "y"].randomElement(using: &chance)!
        let name: String = ["a", "b", "c", "d", "e"].randomElement(using: &chance)!
        let label: String = ["1", "2"].randomElement(using: &chance)!
        let path: String = "\(namespace)/\(name)"
        let collection: String = "/api/v1/namespaces/\(namespace)/configmaps"
        let metadata: JSON = ["name": .string(name), "labels": ["k": .string(label)]]
        switch Int.random(in: 0...3, using: &chance) {
        case 0:
            let (status, json) = await call("DELETE", "\(collection)/\(name)")
            if status != (model.now[path] == nil ? 404 : 200) { return "DELETE \(path): \(status)" }
            // The revision of the end is in no answer: lists have it.
            if status == 200 { return await note(path, nil, json) }
        case 1 where model.now[path] != nil:
            let (status, json) = await call(
                "PATCH", "\(collection)/\(name)",
                ["metadata": metadata, "data": ["n": .string(String(chance.next()))]])
            if status != 200 { return "PATCH \(path): \(status)" }
            return await note(path, label, json)
        default:
            let (status, json) = await call("POST", collection, ["metadata": metadata])
            if status != (model.now[path] == nil ? 201 : 409) { return "POST \(path): \(status)" }
            if status == 201 { return await note(path, label, json) }
        }
        return nil
    }

    private mutating func note(_ path: String, _ label: String?, _ json: JSON) async -> String? {
        let last: Int64 = max(model.changes.last?.revision ?? 0, openedAt)
        let revision: Int64 =
            label == nil ? store.revision.value : Int64(json.metadata.resourceVersion.text) ?? 0
        if revision <= last { return "\(path) was written at \(revision), after \(last)" }
        model.add(revision, path, label.map { ModelObject(path: path, label: $0, revision: revision) })
        return nil
    }

    private mutating func selection() -> ModelSelection {
        ModelSelection(
            namespace: chance.happens(50) ? "" : ["x", "y"].randomElement(using: &chance)!,
            label: chance.happens(60) ? "" : ["1", "2"].randomElement(using: &chance)!)
    }

    private static func objects(_ list: JSON) -> [ModelObject] {
        list["items"].elements.map {
            ModelObject(
                path: "\($0.metadata.namespace.text)/\($0.metadata.name.text)", label: $0.metadata.labels.k.text,
                revision: Int64($0.metadata.resourceVersion.text) ?? 0)
        }
    }

    /// Whether the server must still know what came after `revision`.
    private func mustKnow(_ revision: Int64) -> Bool {
        revision >= openedAt && model.changes.filter { $0.revision > revision }.count < log.countMax
    }

    private mutating func someRevision() -> Int64 {
        let known: [Int64] = model.changes.map { $0.revision }
        return known.isEmpty || chance.happens(20) ? store.revision.value : known.randomElement(using: &chance)!
    }

    private mutating func list() async -> String? {
        let selection: ModelSelection = selection()
        var query: String = selection.query
        var exact: Int64?
        if chance.happens(30), case let r = someRevision(), r > 0 {
            exact = r
            query += "&resourceVersion=\(r)&resourceVersionMatch=Exact"
        }
        let limit: Int = chance.happens(50) ? 0 : Int.random(in: 1...4, using: &chance)
        if limit > 0 { query += "&limit=\(limit)" }
        let (status, json) = await call("GET", "\(selection.path)?\(query.dropFirst())")
        if status == 410, let exact { return mustKnow(exact) ? "410 for a list at \(exact)" : nil }
        if status != 200 { return "list: \(status) \(json.message.text)" }
        let at: Int64 = Int64(json.metadata.resourceVersion.text) ?? 0
        if let exact, at != exact { return "asked for \(exact), got \(at)" }
        if exact == nil, at < model.changes.last?.revision ?? 0 { return "a stale list at \(at)" }
        return check(page: json, selection, at, from: 0)
    }

    private mutating func nextPage() async -> String? {
        guard let i = pages.indices.randomElement(using: &chance) else { return nil }
        let page = pages.remove(at: i)
        let token: String = PercentCoding.encode(page.token)
        let (status, json) = await call("GET", "\(page.selection.path)?limit=2&continue=\(token)\(page.selection.query)")
        if status == 410 {
            if mustKnow(page.revision) { return "410 for a page at \(page.revision)" }
            return json.metadata["continue"].text.isEmpty ? "a 410 without a token to go on" : nil
        }
        if status != 200 { return "page: \(status) \(json.message.text)" }
        if json.metadata.resourceVersion.text != String(page.revision) { return "a page of another revision" }
        return check(page: json, page.selection, page.revision, from: page.next)
    }

    private mutating func check(page json: JSON, _ s: ModelSelection, _ at: Int64, from: Int) -> String? {
        let all: [ModelObject] = model.state(at: at, s)
        let got: [ModelObject] = CacheRun.objects(json)
        let token: String = json.metadata["continue"].text
        let expected: [ModelObject] = Array(token.isEmpty ? all.dropFirst(from) : all.dropFirst(from).prefix(got.count))
        if got != expected { return "list at \(at) from \(from): \(got.map(\.path)), expected \(expected.map(\.path))" }
        if s.label.isEmpty, let left = json.metadata.remainingItemCount.asInt, left != all.count - from - got.count {
            return "remainingItemCount \(left) of \(all.count)"
        }
        if !token.isEmpty { pages.append((s, token, at, from + got.count)) }
        return nil
    }

    private mutating func beginWatch() async -> String? {
        let selection: ModelSelection = selection()
        if chance.happens(50) {
            let watch: RunningWatch = RunningWatch(
                server, selection, after: -1,
                query: "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true")
            let there: [ModelObject] = model.state(at: .max, selection)
            await watch.settle(there.count + 1)
            let events: [JSON] = watch.events
            if events.map({ ModelEvent($0) }).prefix(there.count) != there.map({ ModelEvent("ADDED", $0.path, $0.revision) })[...] {
                return "initial events \(events.map { ModelEvent($0) })"
            }
            if events.last?.object.metadata.annotations["k8s.io/initial-events-end"] != "true" { return "no end of initial events" }
            watches.append(watch)
        } else {
            let revision: Int64 = max(someRevision(), 1)
            watches.append(RunningWatch(server, selection, after: revision, query: "&resourceVersion=\(revision)"))
            await Task.yield()
        }
        return nil
    }

    /// Everything that the watch should have seen is there, and nothing else.
    private mutating func endWatch() async -> String? {
        guard let i = watches.indices.randomElement(using: &chance) else { return nil }
        return await end(watches.remove(at: i))
    }

    private mutating func end(_ watch: RunningWatch) async -> String? {
        var events: [JSON] = []
        let expected: [ModelEvent]
        if watch.after < 0 {
            let bookmark: JSON = watch.events.first { $0.type == "BOOKMARK" } ?? .null
            let start: Int64 = Int64(bookmark.object.metadata.resourceVersion.text) ?? 0
            expected = model.events(after: start, watch.selection)
            let initial: Int = model.state(at: start, watch.selection).count + 1
            await watch.settle(initial + expected.count)
            events = Array(watch.events.dropFirst(initial))
        } else {
            expected = model.events(after: watch.after, watch.selection)
            await watch.settle(expected.count)
            events = watch.events
            if events.first?.type == "ERROR" {
                if events.first?.object.code != 410 { return "a watch failed: \(events)" }
                return mustKnow(watch.after) ? "410 for a watch after \(watch.after)" : nil
            }
        }
        let isOvertaken: Bool = watch.hasEnded.value.load(ordering: .acquiring)
        watch.task.cancel()
        await watch.task.value
        let got: [ModelEvent] = events.map { ModelEvent($0) }
        if isOvertaken, got.count < expected.count, got == Array(expected.prefix(got.count)) {
            // It was too slow for the log. Its client resumes where it ended.
            let seen: Int64 = got.last?.revision ?? max(watch.after, 1)
            return await end(RunningWatch(server, watch.selection, after: seen, query: "&resourceVersion=\(seen)"))
        }
        return got == expected ? nil : "watch after \(watch.after) \(watch.selection): got \(got), expected \(expected)"
    }

    /// Half of the time without a goodbye: what a crash leaves.
    private mutating func restart() async throws -> String? {
        while !watches.isEmpty { if let fault = await endWatch() { return fault } }
        if chance.happens(50) {
            try await store.tidy()
            let copy: [(String, [UInt8])] = ["", "-wal"].map { ($0, Bytes.read(path + $0)) }
            await server.close()
            unlinkFiles()
            for (suffix, bytes) in copy { Bytes.write(bytes, path + suffix) }
        } else {
            await server.close()
        }
        try await open()
        openedAt = store.revision.value
        return nil
    }
}

private enum Bytes {
    static func read(_ path: String) -> [UInt8] {
        guard let file = fopen(path, "r") else { return [] }
        defer { fclose(file) }
        fseek(file, 0, SEEK_END)
        let count: Int = ftell(file)
        rewind(file)
        return [UInt8](unsafeUninitializedCapacity: count) { out, filled in
            filled = fread(out.baseAddress, 1, count, file)
        }
    }

    static func write(_ bytes: [UInt8], _ path: String) {
        guard let file = fopen(path, "w") else { return }
        defer { fclose(file) }
        _ = fwrite(bytes, 1, bytes.count, file)
    }
}
