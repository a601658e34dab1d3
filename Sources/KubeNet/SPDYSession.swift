// SPDY/3.1 frames as values: what bytes mean, and the bytes of what is said.

/// What a peer said.
enum SPDYEvent: Sendable {
    case opened(stream: UInt32, headers: Headers, isFinal: Bool)
    case replied(stream: UInt32, headers: Headers, isFinal: Bool)
    case headers(stream: UInt32, headers: Headers, isFinal: Bool)
    case data(stream: UInt32, bytes: [UInt8], isFinal: Bool)
    case reset(stream: UInt32, status: UInt32)
    case window(stream: UInt32, delta: UInt32)
    /// A new initial window of streams.
    case initialWindow(UInt32)
    case ping(UInt32)
    case goAway
}

/// The framing of one connection, both directions. Its owner keeps it under a lock, and sends frames in the order they
/// were made, since header blocks share one compressor.
struct SPDYSession {
    enum Kind: UInt16 {
        case synStream = 1
        case synReply = 2
        case rstStream = 3
        case settings = 4
        case ping = 6
        case goAway = 7
        case headers = 8
        case window = 9
    }
    /// Bytes of one frame that are accepted; of one data frame that are made.
    static let frameBytesMax: Int = (1 << 24) - 1
    static let dataBytesMax: Int = 32 << 10

    private let blocks: SPDYHeaderBlocks = SPDYHeaderBlocks()
    private var buffer: [UInt8] = []
    private var at: Int = 0

    // MARK: receiving

    mutating func receive(_ bytes: [UInt8]) throws -> [SPDYEvent] {
        if at > 0 {
            buffer.removeFirst(at)
            at = 0
        }
        buffer += bytes
        var events: [SPDYEvent] = []
        while buffer.count - at >= 8 {
            let length: Int = Int(number(at + 4) & 0xff_ffff)
            guard buffer.count - at >= 8 + length else { break }
            let (first, flags): (UInt32, UInt8) = (number(at), buffer[at + 4])
            let start: Int = at + 8
            at += 8 + length
            if first >> 31 == 0 {
                let body: [UInt8] = Array(buffer[start..<(start + length)])
                events.append(.data(stream: first, bytes: body, isFinal: flags & 1 != 0))
            } else {
                guard first >> 16 & 0x7fff == 3 else { throw NetError(.malformed, "spdy: not version 3") }
                events += try control(UInt16(first & 0xffff), flags, start, length)
            }
        }
        return events
    }

    private func number(_ at: Int) -> UInt32 {
        UInt32(buffer[at]) << 24 | UInt32(buffer[at + 1]) << 16 | UInt32(buffer[at + 2]) << 8 | UInt32(buffer[at + 3])
    }

    private mutating func control(_ kind: UInt16, _ flags: UInt8, _ start: Int, _ length: Int) throws -> [SPDYEvent] {
        guard let kind = Kind(rawValue: kind) else { return [] }
        let least: Int = kind == .synStream ? 10 : kind == .rstStream || kind == .goAway || kind == .window ? 8 : 4
        guard length >= least else { throw NetError(.malformed, "spdy: short frame") }
        let id: UInt32 = number(start) & 0x7fff_ffff
        let isFinal: Bool = flags & 1 != 0
        func block(_ skip: Int) throws -> Headers {
            try blocks.decompress(Array(buffer[(start + skip)..<(start + length)]))
        }
        switch kind {
        case .synStream: return [.opened(stream: id, headers: try block(10), isFinal: isFinal)]
        case .synReply: return [.replied(stream: id, headers: try block(4), isFinal: isFinal)]
        case .headers: return [.headers(stream: id, headers: try block(4), isFinal: isFinal)]
        case .rstStream: return [.reset(stream: id, status: number(start + 4))]
        case .ping: return [.ping(number(start))]
        case .goAway: return [.goAway]
        case .window: return [.window(stream: id, delta: number(start + 4) & 0x7fff_ffff)]
        case .settings:
            var events: [SPDYEvent] = []
            for entry in stride(from: start + 4, to: start + length - 7, by: 8)
            where number(entry) & 0xff_ffff == 7 {
                events.append(.initialWindow(number(entry + 4) & 0x7fff_ffff))
            }
            return events
        }
    }

    // MARK: sending

    func open(stream: UInt32, headers: Headers, isFinal: Bool = false) -> [UInt8] {
        control(.synStream, isFinal, bigEndian(stream) + [0, 0, 0, 0, 0, 0] + blocks.compress(headers))
    }
    func reply(stream: UInt32, headers: Headers, isFinal: Bool = false) -> [UInt8] {
        control(.synReply, isFinal, bigEndian(stream) + blocks.compress(headers))
    }
    func reset(stream: UInt32, status: UInt32) -> [UInt8] {
        control(.rstStream, false, bigEndian(stream) + bigEndian(status))
    }
    func ping(_ id: UInt32) -> [UInt8] { control(.ping, false, bigEndian(id)) }
    func goAway(lastStream: UInt32) -> [UInt8] {
        control(.goAway, false, bigEndian(lastStream) + bigEndian(0))
    }
    func window(stream: UInt32, delta: UInt32) -> [UInt8] {
        control(.window, false, bigEndian(stream) + bigEndian(delta))
    }
    func data(stream: UInt32, _ bytes: ArraySlice<UInt8>, isFinal: Bool) -> [UInt8] {
        bigEndian(stream) + bigEndian((isFinal ? 1 << 24 : 0) | UInt32(bytes.count)) + bytes
    }

    private func control(_ kind: Kind, _ isFinal: Bool, _ body: [UInt8]) -> [UInt8] {
        bigEndian(0x8003_0000 | UInt32(kind.rawValue)) + bigEndian((isFinal ? 1 << 24 : 0) | UInt32(body.count)) + body
    }
}
