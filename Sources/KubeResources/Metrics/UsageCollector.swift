// Asks all node agents what is used, when somebody wants to know and the last answer is old; never else.

import KubeAPI
import KubeBase
import KubeModel
import KubeNet
import KubeServer
import KubeWire
import Logging
import Synchronization

/// One for the server. fresh answer → it; nobody asks the agents → ask; somebody does → wait for that answer.
final class UsageCollector: Sendable {
    /// How long an answer is good.
    static let freshness: Duration = .seconds(10)
    /// For one answer of one agent; an agent that is slower is left out.
    static let agentTimeout: Duration = .seconds(3)
    static let answerBytesMax: Int = 16 << 20

    private struct State {
        var windows: [String: UsageWindow] = [:]
        var askedAt: Timestamp?
        var isAsking: Bool = false
        var nextWaiter: Int = 0
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
    }
    private enum Step {
        case answer([String: UsageWindow])
        case ask(previous: [String: UsageWindow])
        case wait(Int)
    }
    private let state: Mutex<State> = Mutex(State())
    private let time: any TimeSource
    private let log: Logger = .component("metrics")

    init(time: any TimeSource) { self.time = time }

    /// By node. Nodes that do not answer are absent.
    func windows(_ registry: any ObjectRegistry) async throws(StatusError) -> [String: UsageWindow] {
        while true {
            guard !Task.isCancelled else { throw .timeout("the client went away while node agents were asked") }
            switch step() {
            case .answer(let windows): return windows
            case .wait(let waiter): await wait(waiter)
            case .ask(let previous):
                let windows: [String: UsageWindow] = await ask(registry, previous)
                finish(Task.isCancelled ? nil : windows)
            }
        }
    }

    private func step() -> Step {
        let now: Timestamp = time.now()
        return state.withLock { s in
            if let at = s.askedAt, now - at < Self.freshness, now >= at { return .answer(s.windows) }
            if s.isAsking {
                s.nextWaiter += 1
                return .wait(s.nextWaiter)
            }
            s.isAsking = true
            return .ask(previous: s.windows)
        }
    }

    /// nil: the asker gave up; one of those who wait will ask.
    private func finish(_ windows: [String: UsageWindow]?) {
        let now: Timestamp = time.now()
        let waiters: [CheckedContinuation<Void, Never>] = state.withLock { s in
            s.isAsking = false
            if let windows { (s.windows, s.askedAt) = (windows, now) }
            defer { s.waiters = [:] }
            return Array(s.waiters.values)
        }
        for waiter in waiters { waiter.resume() }
    }

    private func wait(_ id: Int) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { (c: CheckedContinuation<Void, Never>) in
                let isOver: Bool = state.withLock { s in
                    if !s.isAsking || Task.isCancelled { return true }
                    s.waiters[id] = c
                    return false
                }
                if isOver { c.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
        }
    }

    // MARK: asking

    private func ask(
        _ registry: any ObjectRegistry, _ previous: [String: UsageWindow]
    ) async -> [String: UsageWindow] {
        guard let agents = registry.nodeAgents else { return [:] }
        return await withTaskGroup(of: (String, UsageWindow?).self) { group in
            for node in registry.list(API.nodes, namespace: "") {
                let name: String = node.metadata.name.text
                group.addTask { (name, await self.window(agents, node, previous[name])) }
            }
            var out: [String: UsageWindow] = [:]
            for await (name, window) in group { out[name] = window }
            return out
        }
    }

    /// From the last sample to now; when that is too old, a short window is measured.
    private func window(
        _ agents: any NodeAgentDialer, _ node: JSON, _ previous: UsageWindow?
    ) async -> UsageWindow? {
        do {
            let now: NodeSample = try await sample(agents, node)
            if let last = previous?.newer, let end = now.node.cpuTakenAt, UsageWindow.canStart(last, end: end) {
                return UsageWindow(older: last, newer: now)
            }
            // Agents write times in milliseconds: a little more than the least window.
            try await time.sleep(for: UsageWindow.windowMin + .milliseconds(50))
            return UsageWindow(older: now, newer: try await sample(agents, node))
        } catch {
            log.info("node \(node.metadata.name.text) does not tell its usage: \(error)")
            return nil
        }
    }

    private func sample(_ agents: any NodeAgentDialer, _ node: JSON) async throws -> NodeSample {
        try await withThrowingTaskGroup(of: NodeSample.self) { group in
            group.addTask {
                let response: HTTPResponse = try await agents.forward(
                    HTTPRequest(method: "GET", path: "/metrics/resource"), node: node,
                    headWithin: Self.agentTimeout)
                let body: [UInt8] = try await Self.bytes(of: response)
                guard response.status == 200 else {
                    let said: String = String(decoding: body.prefix(200), as: UTF8.self)
                    throw StatusError.internalError("request failed, status: \(response.status) \(said)")
                }
                return NodeSample(prometheus: String(decoding: body, as: UTF8.self))
            }
            group.addTask {
                try await self.time.sleep(for: Self.agentTimeout)
                throw StatusError.timeout("no answer within \(Self.agentTimeout)")
            }
            defer { group.cancelAll() }
            return try await group.next()!
        }
    }

    private static func bytes(of response: HTTPResponse) async throws -> [UInt8] {
        switch response.body {
        case .bytes(let bytes): return bytes
        case .upgrade: throw StatusError.internalError("an agent upgraded the connection unasked")
        case .stream(let write):
            let body: CollectedBody = CollectedBody(maxBytes: answerBytesMax)
            try await write(body)
            return body.bytes.withLock { $0 }
        }
    }
}

/// Takes a streamed answer whole.
private final class CollectedBody: BodyWriter {
    let bytes: Mutex<[UInt8]> = Mutex([])
    let maxBytes: Int
    init(maxBytes: Int) { self.maxBytes = maxBytes }

    func write(_ more: [UInt8]) async throws {
        let isTooLarge: Bool = bytes.withLock { b in
            b += more
            return b.count > maxBytes
        }
        if isTooLarge { throw StatusError.tooLarge("an agent's metrics exceed \(maxBytes) bytes") }
    }
}
