// The cluster's name server on a node: sockets around the zone.

import KubeAPI
package import KubeBase
package import KubeClient
import KubeNet
import KubeModel
import KubeWire
import Logging
import Synchronization

/// Answers on the addresses it is given, by UDP and TCP. A chain decides: the cluster's zone, the forwarder if there is
/// one, REFUSED.
package final class DNSServer: Component {
    /// Forwarded queries under way at once; more are answered SERVFAIL.
    package static let forwardsMax: Int = 512
    /// TCP connections at once; more are closed.
    package static let connectionsMax: Int = 256
    /// A TCP client that says nothing for so long is closed.
    private static let idleMax: Duration = .seconds(10)

    package let name: String = "dns"
    private let informers: InformerSet
    private let runsInformers: Bool
    private let addresses: [String]
    private let port: Int
    private let forwarder: Forwarder
    private let zone: Mutex<ClusterZone>
    private let ready: Atomic<Bool> = Atomic(false)
    private let rotation: Atomic<Int> = Atomic(0)
    private let forwards: Atomic<Int> = Atomic(0)
    private let connections: Atomic<Int> = Atomic(0)
    private let log: Logger = .component("dns")

    /// The server with informers of its own. It reads what a node may read: Services and EndpointSlices.
    package convenience init(
        client: Client, hosts: [String], port: Int = 53, domain: String = "cluster.local", forwarders: [String] = []
    ) {
        self.init(
            informers: InformerSet(client), runsInformers: true, addresses: hosts, port: port, domain: domain,
            forwarders: forwarders)
    }

    /// `addresses` are the node's own. No `forwarders`: names outside the cluster are refused at once.
    package init(
        informers: InformerSet, runsInformers: Bool = false, addresses: [String], port: Int = 53,
        domain: String = "cluster.local", forwarders: [String] = []
    ) {
        self.informers = informers
        self.runsInformers = runsInformers
        self.addresses = addresses
        self.port = port
        forwarder = Forwarder(servers: forwarders)
        zone = Mutex(ClusterZone(domain: domain))
    }

    /// The zone knows the cluster. Before, queries for it are answered SERVFAIL, so that clients ask again.
    package var isReady: Bool { ready.load(ordering: .acquiring) }

    package func run() async throws {
        follow(API.services) { $0.on(service: $1, $2) }
        follow(API.endpointSlices) { $0.on(slice: $1, $2) }
        try await withThrowingDiscardingTaskGroup { group in
            if runsInformers { group.addTask { [informers] in try await informers.run() } }
            for address in addresses {
                let socket: UDPSocket = try await UDPSocket.bind(host: address, port: port)
                let listener: TCPListener = try await TCP.listen(host: address, port: socket.port) { [self] stream in
                    await converse(stream)
                }
                group.addTask { [self] in
                    await withTaskCancellationHandler {
                        await serve(socket)
                    } onCancel: {
                        Task {
                            await socket.close()
                            await listener.close()
                        }
                    }
                }
            }
            for resource in [API.services, API.endpointSlices] { await informers[resource].waitForSync() }
            ready.store(true, ordering: .releasing)
        }
    }

    private func follow(
        _ resource: GroupVersionResource, _ change: @escaping @Sendable (inout ClusterZone, JSON?, JSON?) -> Void
    ) {
        let informer: Informer = informers[resource]
        informer.onChange { [self] old, new in
            guard let key: ObjectKey = (new ?? old).map({ ObjectKey(of: $0) }) else { return }
            // The newest state, whatever the order in which handlers run.
            zone.withLock { change(&$0, old, informer.get(key)) }
        }
    }

    /// What the chain says at once; nil: the forwarder has to be asked.
    private func answerAtOnce(_ query: Query) -> Message? {
        let turn: Int = rotation.wrappingAdd(1, ordering: .relaxed).newValue
        let (mine, inZone): (Message?, Bool) = zone.withLock {
            ($0.answer(query.question, rotation: turn), query.question.name.labels(inside: $0.zone) != nil)
        }
        if inZone, !isReady { return Message(.serverFailure) }
        if var mine {
            mine.canRecurse = !forwarder.servers.isEmpty
            return mine
        }
        if forwarder.servers.isEmpty {
            var m: Message = Message(.refused)
            m.isAuthoritative = false
            return m
        }
        return nil
    }

    private func forwarded(_ query: Query, overUDP: Bool) async -> Message {
        guard forwards.wrappingAdd(1, ordering: .relaxed).newValue <= Self.forwardsMax else {
            forwards.wrappingSubtract(1, ordering: .relaxed)
            return Message(.serverFailure)
        }
        defer { forwards.wrappingSubtract(1, ordering: .relaxed) }
        return await forwarder.answer(query, overUDP: overUDP)
    }

    // MARK: UDP

    private func serve(_ socket: UDPSocket) async {
        await withDiscardingTaskGroup { group in
            for await (bytes, peer) in socket.incoming {
                switch Self.read(bytes) {
                case .ignore: continue
                case .failure(let answer): try? await socket.send(answer, to: peer)
                case .query(let query):
                    if let m: Message = answerAtOnce(query) {
                        try? await socket.send(m.encoded(for: query, overUDP: true), to: peer)
                    } else {
                        group.addTask { [self] in
                            let m: Message = await forwarded(query, overUDP: true)
                            try? await socket.send(m.encoded(for: query, overUDP: true), to: peer)
                        }
                    }
                }
            }
            group.cancelAll()
        }
    }

    private enum Input {
        case ignore
        case failure([UInt8])
        case query(Query)
    }

    private static func read(_ bytes: [UInt8]) -> Input {
        do throws(QueryError) {
            return .query(try Query(parsing: bytes))
        } catch {
            return error.id.map { .failure(Message.failure(id: $0, error.code)) } ?? .ignore
        }
    }

    // MARK: TCP

    private func converse(_ stream: any ByteStream) async {
        defer { connections.wrappingSubtract(1, ordering: .relaxed) }
        guard connections.wrappingAdd(1, ordering: .relaxed).newValue <= Self.connectionsMax else {
            await stream.close()
            return
        }
        await withTaskGroup(of: Void.self) { group in
            let heard: Wakeup = Wakeup()
            group.addTask { [self] in try? await answerAll(stream, heard) }
            group.addTask {
                var isIdle: Bool = false
                while !isIdle, !Task.isCancelled {
                    isIdle = await !Self.hears(heard)
                }
                await stream.close()
            }
            await group.next()
            group.cancelAll()
        }
        await stream.close()
    }

    /// False when nothing was heard for too long.
    private static func hears(_ heard: Wakeup) async -> Bool {
        let time: SystemTime = SystemTime()
        let deadline: Timestamp = time.now() + idleMax
        await heard.wait(until: deadline, time)
        return time.now() < deadline
    }

    private func answerAll(_ stream: any ByteStream, _ heard: Wakeup) async throws {
        var buffer: [UInt8] = []
        while let more: [UInt8] = try await stream.read() {
            heard.raise()
            buffer += more
            while buffer.count >= 2 {
                let length: Int = Int(buffer[0]) << 8 | Int(buffer[1])
                guard buffer.count >= 2 + length else { break }
                let bytes: [UInt8] = Array(buffer[2..<(2 + length)])
                buffer.removeFirst(2 + length)
                var answer: [UInt8] = []
                switch Self.read(bytes) {
                case .ignore: return
                case .failure(let b): answer = b
                case .query(let query):
                    var m: Message? = answerAtOnce(query)
                    if m == nil { m = await forwarded(query, overUDP: false) }
                    answer = m!.encoded(for: query, overUDP: false)
                }
                try await stream.write([UInt8(answer.count >> 8), UInt8(answer.count & 255)] + answer)
            }
        }
    }
}
