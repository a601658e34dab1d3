// WebSocket frames (RFC 6455 section 5) as values: bytes in, events out, and the other way.

/// A whole message, its fragments joined.
package enum WebSocketMessage: Sendable, Hashable {
    case binary([UInt8])
    case text([UInt8])
    package var bytes: [UInt8] {
        switch self {
        case .binary(let bytes), .text(let bytes): bytes
        }
    }
}

enum WebSocketEvent: Sendable, Hashable {
    case message(WebSocketMessage)
    case ping([UInt8])
    case close(code: Int, reason: String)
}

/// What the peer did against the protocol, with the close code to answer.
struct WebSocketViolation: Error, Hashable {
    let code: Int
    let reason: String
}

/// The decoder of one direction. Events stand in the order of the frames.
struct WebSocketCodec: Sendable {
    enum Opcode: UInt8 {
        case more = 0
        case text = 1
        case binary = 2
        case close = 8
        case ping = 9
        case pong = 10
    }
    static let messageBytesMax: Int = 16 << 20

    private let isServer: Bool
    private var buffer: [UInt8] = []
    private var at: Int = 0
    private var message: (opcode: Opcode, bytes: [UInt8])?

    init(isServer: Bool) { self.isServer = isServer }

    mutating func receive(_ bytes: [UInt8]) throws(WebSocketViolation) -> [WebSocketEvent] {
        if at == buffer.count {
            buffer = bytes
            at = 0
        } else {
            buffer.removeFirst(at)
            at = 0
            buffer += bytes
        }
        var events: [WebSocketEvent] = []
        while let event = try next() { if let event = event { events.append(event) } }
        return events
    }

    /// nil: more bytes are needed; `.some(nil)`: a frame that is no event of its own.
    private mutating func next() throws(WebSocketViolation) -> WebSocketEvent?? {
        let have: Int = buffer.count - at
        guard have >= 2 else { return nil }
        let (first, second): (UInt8, UInt8) = (buffer[at], buffer[at + 1])
        let isMasked: Bool = second & 0x80 != 0
        var length: Int = Int(second & 0x7f)
        let extra: Int = length == 126 ? 2 : length == 127 ? 8 : 0
        let head: Int = 2 + extra + (isMasked ? 4 : 0)
        guard have >= head else { return nil }
        if extra > 0 {
            var wide: UInt64 = 0
            for i in 0..<extra { wide = wide << 8 | UInt64(buffer[at + 2 + i]) }
            guard wide <= UInt64(Self.messageBytesMax) else { throw WebSocketViolation(code: 1009, reason: "too big") }
            length = Int(wide)
        }
        guard first & 0x70 == 0, let opcode = Opcode(rawValue: first & 0x0f) else {
            throw WebSocketViolation(code: 1002, reason: "unknown frame")
        }
        guard isMasked == isServer else { throw WebSocketViolation(code: 1002, reason: "wrong masking") }
        let isFinal: Bool = first & 0x80 != 0
        if opcode.rawValue >= 8, !isFinal || length > 125 {
            throw WebSocketViolation(code: 1002, reason: "bad control frame")
        }
        guard have >= head + length else { return nil }
        var payload: [UInt8] = Array(buffer[(at + head)..<(at + head + length)])
        if isMasked { Self.mask(&payload, Array(buffer[(at + head - 4)..<(at + head)])) }
        at += head + length
        return try .some(frame(opcode, isFinal, payload))
    }

    private mutating func frame(
        _ opcode: Opcode, _ isFinal: Bool, _ payload: [UInt8]
    ) throws(WebSocketViolation) -> WebSocketEvent? {
        switch opcode {
        case .ping: return .ping(payload)
        case .pong: return nil
        case .close:
            let code: Int = payload.count >= 2 ? Int(payload[0]) << 8 | Int(payload[1]) : 1005
            return .close(code: code, reason: String(decoding: payload.dropFirst(2), as: UTF8.self))
        case .text, .binary:
            guard message == nil else { throw WebSocketViolation(code: 1002, reason: "message inside a message") }
            if isFinal { return .message(opcode == .text ? .text(payload) : .binary(payload)) }
            message = (opcode, payload)
            return nil
        case .more:
            guard var whole = message else { throw WebSocketViolation(code: 1002, reason: "nothing to continue") }
            message = nil
            whole.bytes += payload
            guard whole.bytes.count <= Self.messageBytesMax else {
                throw WebSocketViolation(code: 1009, reason: "too big")
            }
            if isFinal { return .message(whole.opcode == .text ? .text(whole.bytes) : .binary(whole.bytes)) }
            message = whole
            return nil
        }
    }

    /// One final frame; `mask` is four random bytes, given by clients only.
    static func encode(_ opcode: Opcode, _ payload: [UInt8], mask: [UInt8]?) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(payload.count + 14)
        out.append(0x80 | opcode.rawValue)
        let masked: UInt8 = mask == nil ? 0 : 0x80
        switch payload.count {
        case 0...125: out.append(masked | UInt8(payload.count))
        case 126...0xffff: out += [masked | 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
        default:
            out.append(masked | 127)
            for shift in stride(from: 56, through: 0, by: -8) {
                out.append(UInt8(truncatingIfNeeded: payload.count >> shift))
            }
        }
        guard let mask else { return out + payload }
        var payload: [UInt8] = payload
        Self.mask(&payload, mask)
        return out + mask + payload
    }

    static func closePayload(_ code: Int, _ reason: String) -> [UInt8] {
        [UInt8(truncatingIfNeeded: code >> 8), UInt8(truncatingIfNeeded: code)] + Array(reason.utf8.prefix(123))
    }

    private static func mask(_ bytes: inout [UInt8], _ mask: [UInt8]) {
        bytes.withUnsafeMutableBufferPointer { p in
            for i in p.indices { p[i] ^= mask[i & 3] }
        }
    }
}
