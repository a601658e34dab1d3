// Keeps the `Available` condition of aggregated API services true to what is there.

import KubeAPI
import KubeBase
import KubeModel
import KubeNet
import KubeWire
import Logging

/// Looks when something changes, and every now and then as long as there is an aggregated service at all.
struct AvailabilityChecks: Sendable {
    static let period: Duration = .seconds(30)
    /// After a failure: the next look, doubled until `period`.
    static let firstRetry: Duration = .seconds(1)
    static let askTimeout: Duration = .seconds(5)

    let services: RemoteServices
    let log: Logger = .component("aggregation")

    func run() async {
        services.signal.yield()
        await withTaskGroup(of: Void.self) { group in
            var wait: Duration = Self.firstRetry
            var waiting: Bool = false
            let alarms: (stream: AsyncStream<Void>, continuation: AsyncStream<Void>.Continuation) =
                AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
            for await isAlarm in merged(&group, alarms.stream) {
                if isAlarm { waiting = false }
                let entries: [RemoteServices.Entry] = services.all
                if entries.isEmpty { continue }
                let allPassed: Bool = await check(entries)
                wait = allPassed ? Self.period : min(wait == Self.period ? Self.firstRetry : wait * 2, Self.period)
                if waiting { continue }
                waiting = true
                let pause: Duration = wait
                group.addTask {
                    try? await Task.sleep(for: pause)
                    alarms.continuation.yield()
                }
            }
            group.cancelAll()
        }
    }

    /// Changes (false) and alarms (true) as one stream.
    private func merged(_ group: inout TaskGroup<Void>, _ alarms: AsyncStream<Void>) -> AsyncStream<Bool> {
        let (both, out): (AsyncStream<Bool>, AsyncStream<Bool>.Continuation) = AsyncStream.makeStream(
            bufferingPolicy: .bufferingNewest(2))
        let signals: AsyncStream<Void> = services.signals
        group.addTask {
            for await _ in signals { out.yield(false) }
            out.finish()
        }
        group.addTask { for await _ in alarms { out.yield(true) } }
        return both
    }

    private func check(_ entries: [RemoteServices.Entry]) async -> Bool {
        await withTaskGroup(of: Bool.self) { group in
            for entry in entries { group.addTask { await self.check(entry) } }
            return await group.reduce(true) { $0 && $1 }
        }
    }

    private func check(_ entry: RemoteServices.Entry) async -> Bool {
        let found: Availability = await availability(entry.remote)
        let now: String = services.registry.clock.now().rfc3339
        if found.isAvailable {
            await services.refreshDocuments(entry.remote)
        } else {
            services.markStale(entry.remote)
        }
        do throws(StatusError) {
            try await services.registry.update(API.apiServices, namespace: "", name: entry.remote.name) { object in
                // The object may have become another's since we looked.
                guard RemoteService(object) == entry.remote else { return false }
                return found.write(to: &object, now: now)
            }
        } catch {
            if !error.isNotFound { log.warning("availability of \(entry.remote.name): \(error)") }
        }
        return found.isAvailable
    }

    private func availability(_ remote: RemoteService) async -> Availability {
        if case .none(let why) = services.route(remote) { return why }
        let url: String = "https://\(remote.serverName):\(remote.port)\(remote.path)"
        do {
            let answer = try await services.ask(remote, remote.path, timeout: Self.askTimeout)
            guard (200..<300).contains(answer.status) else {
                return .failed(
                    "FailedDiscoveryCheck",
                    "failing or missing response from \(url): bad status from \(url): \(answer.status)")
            }
            return .passed
        } catch {
            return .failed("FailedDiscoveryCheck", "failing or missing response from \(url): \(error)")
        }
    }
}
