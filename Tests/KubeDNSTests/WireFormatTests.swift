// Bytes in, bytes out; bad bytes.

import KubeDNS
import Testing

@Suite struct WireFormatTests {
    /// A query for `name`, with an OPT record when `buffer` is given.
    static func query(_ name: String, type: UInt16 = 1, buffer: Int? = nil) -> [UInt8] {
        var b: [UInt8] = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, buffer == nil ? 0 : 1]
        for label in name.split(separator: ".") { b += [UInt8(label.utf8.count)] + Array(label.utf8) }
        b += [0, UInt8(type >> 8), UInt8(type & 255), 0, 1]
        if let buffer { b += [0, 0, 41, UInt8(buffer >> 8), UInt8(buffer & 255), 0, 0, 0, 0, 0, 0] }
        return b
    }

    static func many(_ count: Int) -> Message {
        let name: DomainName = DomainName("web.default.svc.cluster.local")
        var m: Message = Message()
        for i in 0..<count {
            m.answers.append(Record(name: name, ttl: 5, content: .address([10, 244, UInt8(i >> 8), UInt8(i & 255)])))
        }
        return m
    }

    @Test func plainAnswer() throws {
        let q: Query = try Query(parsing: Self.query("web.default.svc.cluster.local"))
        #expect(q.id == 0x1234 && q.wantsRecursion && q.bufferBytes == nil)
        let b: [UInt8] = Self.many(1).encoded(for: q, overUDP: true)
        #expect(Array(b[0..<12]) == [0x12, 0x34, 0x85, 0, 0, 1, 0, 1, 0, 0, 0, 0])
        // The answer's name is a pointer to the question's.
        #expect(Array(b.suffix(16)) == [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 10, 244, 0, 0])
    }

    @Test(arguments: [(nil, 512), (400, 512), (1000, 1000), (4096, 1232)] as [(Int?, Int)])
    func longAnswersAreCut(_ buffer: Int?, _ limit: Int) throws {
        let q: Query = try Query(parsing: Self.query("web.default.svc.cluster.local", buffer: buffer))
        let cut: [UInt8] = Self.many(200).encoded(for: q, overUDP: true)
        #expect(cut.count <= limit && cut[2] & 2 != 0)
        let whole: [UInt8] = Self.many(200).encoded(for: q, overUDP: false)
        #expect(whole.count > 3200 && whole[2] & 2 == 0)
        let fits: [UInt8] = Self.many(10).encoded(for: q, overUDP: true)
        #expect(fits[2] & 2 == 0)
    }

    @Test(
        arguments: [
            [], [0, 1, 0x80, 0], Array(query("a").dropLast()), query("a").dropLast(5) + [63],
            [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1],
            [0x12, 0x34, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0], [0x12, 0x34, 0x28, 0, 0, 1, 0, 0, 0, 0, 0, 0],
            query(String(repeating: "abcdefghi.", count: 26)),
        ] as [[UInt8]]) func badBytes(_ bytes: [UInt8])
    {
        #expect(throws: QueryError.self) { try Query(parsing: bytes) }
    }

    @Test func anyBytesAreRead() {
        var random: UInt64 = 88172645463325252
        for _ in 0..<20000 {
            var bytes: [UInt8] = Self.query("web.default.svc.cluster.local", buffer: 1232)
            for _ in 0..<3 {
                random ^= random << 13
                random ^= random >> 7
                random ^= random << 17
                bytes[Int(random % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random >> 32)
            }
            if let q: Query = try? Query(parsing: bytes) { _ = Self.many(1).encoded(for: q, overUDP: true) }
        }
    }

    @Test func resolvConf() {
        #expect(
            Forwarder.servers(resolvConf: "# x\nnameserver 127.0.0.53\nnameserver\t10.0.0.1\nsearch a") == ["10.0.0.1"])
    }
}
