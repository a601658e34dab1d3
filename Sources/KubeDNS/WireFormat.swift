// Messages ↔ bytes.

extension Query {
    private static let headerBytes: Int = 12

    /// Throws without an ID for what deserves no answer (too short, or a response).
    package init(parsing bytes: [UInt8]) throws(QueryError) {
        guard bytes.count >= Self.headerBytes, bytes[2] & 0x80 == 0 else {
            throw QueryError(id: nil, code: .formatError)
        }
        let id: UInt16 = Self.word(bytes, 0)
        guard (bytes[2] >> 3) & 15 == 0 else { throw QueryError(id: id, code: .notImplemented) }
        guard Self.word(bytes, 4) == 1 else { throw QueryError(id: id, code: .formatError) }
        var at: Int = Self.headerBytes
        guard let name: DomainName = Self.name(bytes, &at), at + 4 <= bytes.count else {
            throw QueryError(id: id, code: .formatError)
        }
        self.id = id
        self.bytes = bytes
        wantsRecursion = bytes[2] & 1 != 0
        question = Question(name: name, type: Self.word(bytes, at), recordClass: Self.word(bytes, at + 2))
        at += 4
        bufferBytes = nil
        // The OPT record stands among the additional ones; queries have no others worth reading.
        let records: Int = Int(Self.word(bytes, 6)) + Int(Self.word(bytes, 8)) + Int(Self.word(bytes, 10))
        for _ in 0..<records {
            guard Self.name(bytes, &at) != nil, at + 10 <= bytes.count else {
                throw QueryError(id: id, code: .formatError)
            }
            if Self.word(bytes, at) == RecordType.opt { bufferBytes = Int(Self.word(bytes, at + 2)) }
            at += 10 + Int(Self.word(bytes, at + 8))
            guard at <= bytes.count else { throw QueryError(id: id, code: .formatError) }
        }
    }

    static func word(_ b: [UInt8], _ at: Int) -> UInt16 { UInt16(b[at]) << 8 | UInt16(b[at + 1]) }

    /// Reads a name; pointers may only lead backwards, so this ends.
    static func name(_ bytes: [UInt8], _ at: inout Int) -> DomainName? {
        var labels: [String] = []
        var total: Int = 0
        var here: Int = at
        var end: Int?
        while here < bytes.count {
            let length: Int = Int(bytes[here])
            if length == 0 {
                at = end ?? here + 1
                return DomainName(labels: labels)
            }
            if length & 0xc0 == 0xc0 {
                guard here + 1 < bytes.count else { return nil }
                let target: Int = (length & 0x3f) << 8 | Int(bytes[here + 1])
                guard target < here else { return nil }
                if end == nil { end = here + 2 }
                here = target
                continue
            }
            guard length < 64, here + 1 + length <= bytes.count else { return nil }
            total += length + 1
            guard total < 255 else { return nil }
            labels.append(String(decoding: bytes[(here + 1)...(here + length)], as: UTF8.self))
            here += 1 + length
        }
        return nil
    }
}

extension Message {
    /// What we tell clients that we take by UDP: no IP fragments (DNS flag day 2020).
    static let bufferBytes: Int = 1232

    /// The bytes of the answer to `query`. Over UDP an answer that is too long is cut and marked so (TC).
    package func encoded(for query: Query, overUDP: Bool) -> [UInt8] {
        let limit: Int = overUDP ? max(512, min(query.bufferBytes ?? 512, Self.bufferBytes)) : 65535
        if var raw {
            raw[0] = UInt8(query.id >> 8)
            raw[1] = UInt8(query.id & 255)
            if raw.count > limit { return Message(code).cut.write(query, isCut: true) }
            return raw
        }
        let whole: [UInt8] = write(query, isCut: false)
        if whole.count <= limit { return whole }
        var less: Message = self
        less.additionals = []
        let bare: [UInt8] = less.write(query, isCut: false)
        if bare.count <= limit { return bare }
        while !less.answers.isEmpty {
            less.answers.removeLast(max(1, less.answers.count / 8))
            let bytes: [UInt8] = less.write(query, isCut: true)
            if bytes.count <= limit { return bytes }
        }
        return less.cut.write(query, isCut: true)
    }

    private var cut: Message {
        var m: Message = self
        m.raw = nil
        m.answers = []
        m.authorities = []
        m.additionals = []
        return m
    }

    private func write(_ query: Query, isCut: Bool) -> [UInt8] {
        var w: MessageWriter = MessageWriter()
        w.word(query.id)
        w.bytes.append(0x80 | (isAuthoritative ? 4 : 0) | (isCut ? 2 : 0) | (query.wantsRecursion ? 1 : 0))
        w.bytes.append((canRecurse ? 0x80 : 0) | code.rawValue)
        w.word(1)
        w.word(UInt16(answers.count))
        w.word(UInt16(authorities.count))
        w.word(UInt16(additionals.count + (query.bufferBytes == nil ? 0 : 1)))
        w.name(query.question.name)
        w.word(query.question.type)
        w.word(query.question.recordClass)
        for r in answers + authorities + additionals { w.record(r) }
        if query.bufferBytes != nil {
            w.bytes.append(0)
            w.word(RecordType.opt)
            w.word(UInt16(Self.bufferBytes))
            w.bytes += [0, 0, 0, 0, 0, 0]
        }
        return w.bytes
    }

    /// An answer to what could not be read.
    package static func failure(id: UInt16, _ code: ResponseCode) -> [UInt8] {
        [UInt8(id >> 8), UInt8(id & 255), 0x80, code.rawValue, 0, 0, 0, 0, 0, 0, 0, 0]
    }
}

/// Appends, and shortens names that stand in the message already.
private struct MessageWriter {
    var bytes: [UInt8] = []
    private var offsets: [String: Int] = [:]

    mutating func word(_ n: UInt16) { bytes += [UInt8(n >> 8), UInt8(n & 255)] }
    mutating func long(_ n: UInt32) {
        word(UInt16(n >> 16))
        word(UInt16(n & 0xffff))
    }

    mutating func name(_ name: DomainName, shortens: Bool = true) {
        for i in name.labels.indices {
            let rest: String = name.labels[i...].joined(separator: ".")
            if shortens, let offset: Int = offsets[rest] {
                word(0xc000 | UInt16(offset))
                return
            }
            if bytes.count < 0x4000 { offsets[rest] = bytes.count }
            let label: ArraySlice<UInt8> = Array(name.labels[i].utf8).prefix(63)
            bytes.append(UInt8(label.count))
            bytes += label
        }
        bytes.append(0)
    }

    mutating func record(_ r: Record) {
        name(r.name)
        word(r.type)
        word(1)
        long(r.ttl)
        let lengthAt: Int = bytes.count
        word(0)
        switch r.content {
        case .address(let b): bytes += b
        case .name(_, let n): name(n)
        case .service(let priority, let weight, let port, let target):
            word(priority)
            word(weight)
            word(port)
            // RFC 2782: no compression of the target.
            name(target, shortens: false)
        case .text(let t):
            let b: ArraySlice<UInt8> = Array(t.utf8).prefix(255)
            bytes.append(UInt8(b.count))
            bytes += b
        case .authority(let server, let mailbox, let serial, let minimum):
            name(server)
            name(mailbox)
            long(serial)
            for n: UInt32 in [7200, 1800, 86400, minimum] { long(n) }
        }
        let length: Int = bytes.count - lengthAt - 2
        bytes[lengthAt] = UInt8(length >> 8)
        bytes[lengthAt + 1] = UInt8(length & 255)
    }
}
