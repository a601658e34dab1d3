// Asks other servers about names outside the cluster.

import KubeNet

/// Sends the client's query as it came, first by UDP, by TCP when the answer was cut or the client came by TCP.
package struct Forwarder: Sendable {
    /// `10.0.0.53`: addresses of servers, asked in this order.
    package let servers: [String]
    /// For each server.
    private static let timeout: Duration = .seconds(2)

    package init(servers: [String]) { self.servers = servers }

    /// The `nameserver` lines of a resolv.conf; loopback ones are left out, for they are not reachable from a node's
    /// own network namespace.
    package static func servers(resolvConf: String) -> [String] {
        resolvConf.split(separator: "\n").compactMap { line in
            let words: [Substring] = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
            guard words.count >= 2, words[0] == "nameserver", !words[1].hasPrefix("127."), words[1] != "::1" else {
                return nil
            }
            return String(words[1])
        }
    }

    package func answer(_ query: Query, overUDP: Bool) async -> Message {
        for server in servers {
            do {
                var bytes: [UInt8] = try await overUDP ? datagram(query, server) : stream(query, server)
                if overUDP, bytes[2] & 2 != 0, query.bufferBytes ?? 512 > 512 {
                    bytes = try await stream(query, server)
                }
                var m: Message = Message()
                m.raw = bytes
                return m
            } catch {
                continue
            }
        }
        return Message(.serverFailure)
    }

    private struct NoAnswer: Error {}

    private func datagram(_ query: Query, _ server: String) async throws -> [UInt8] {
        let isIPv6: Bool = server.contains(":")
        let socket: UDPSocket = try await UDPSocket.bind(host: isIPv6 ? "::" : "0.0.0.0", port: 0)
        defer { Task { await socket.close() } }
        var bytes: [UInt8] = query.bytes
        // A number of our own: an off-path forger must guess it and the port.
        let id: UInt16 = UInt16.random(in: 0...UInt16.max)
        bytes[0] = UInt8(id >> 8)
        bytes[1] = UInt8(id & 255)
        let request: [UInt8] = bytes
        return try await limited {
            try await socket.send(request, to: UDPPeer(host: server, port: 53))
            while let (answer, from): ([UInt8], UDPPeer) = await socket.receive() {
                if from.host == server, answer.count >= 12, answer[0] == request[0], answer[1] == request[1] {
                    return answer
                }
            }
            throw NoAnswer()
        }
    }

    private func stream(_ query: Query, _ server: String) async throws -> [UInt8] {
        try await limited {
            let connection: any ByteStream = try await TCP.connect(
                to: .tcp(host: server, port: 53), timeout: Self.timeout)
            try await connection.write([UInt8(query.bytes.count >> 8), UInt8(query.bytes.count & 255)] + query.bytes)
            var got: [UInt8] = []
            while let more: [UInt8] = try await connection.read() {
                got += more
                guard got.count >= 2 else { continue }
                let length: Int = Int(got[0]) << 8 | Int(got[1])
                guard length >= 12, got.count >= 2 + length else { continue }
                await connection.close()
                return Array(got[2..<(2 + length)])
            }
            throw NoAnswer()
        }
    }

    private func limited(_ body: @escaping @Sendable () async throws -> [UInt8]) async throws -> [UInt8] {
        try await withThrowingTaskGroup(of: [UInt8].self) { group in
            group.addTask { try await body() }
            group.addTask {
                try await Task.sleep(for: Self.timeout)
                throw NoAnswer()
            }
            defer { group.cancelAll() }
            guard let first: [UInt8] = try await group.next() else { throw NoAnswer() }
            return first
        }
    }
}
