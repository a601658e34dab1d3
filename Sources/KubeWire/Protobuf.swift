// The protobuf wire format: a reader of fields and two writers.

package struct ProtobufError: Error, Sendable, Equatable, CustomStringConvertible {
    package var message: String
    package init(_ message: String) { self.message = message }
    package var description: String { message }
}

/// Walks the fields of one message. Messages inside are read by a reader of their bytes.
package struct ProtobufReader {
    package enum Value {
        case varint(UInt64)
        case fixed64(UInt64)
        case bytes(UnsafeBufferPointer<UInt8>)
        case fixed32(UInt32)
    }

    private let bytes: UnsafeBufferPointer<UInt8>
    private var at: Int = 0

    /// The bytes must outlive the reader.
    package init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    /// `nil` at the end of the message.
    package mutating func next() throws(ProtobufError) -> (number: Int, value: Value)? {
        guard at < bytes.count else { return nil }
        let key: UInt64 = try varint()
        let number: Int = Int(key >> 3)
        guard number > 0, key >> 3 < 1 << 29 else { throw ProtobufError("proto: illegal tag \(number)") }
        switch key & 7 {
        case 0: return (number, .varint(try varint()))
        case 1: return (number, .fixed64(try fixed(8)))
        case 2:
            let count: UInt64 = try varint()
            guard count <= UInt64(bytes.count - at) else { throw ProtobufError("unexpected EOF") }
            defer { at += Int(count) }
            return (number, .bytes(UnsafeBufferPointer(rebasing: bytes[at..<(at + Int(count))])))
        case 5: return (number, .fixed32(UInt32(try fixed(4))))
        default: throw ProtobufError("proto: illegal wireType \(key & 7)")
        }
    }

    private mutating func varint() throws(ProtobufError) -> UInt64 {
        var out: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            guard at < bytes.count else { throw ProtobufError("unexpected EOF") }
            guard shift < 64 else { throw ProtobufError("proto: integer overflow") }
            let c: UInt8 = bytes[at]
            at += 1
            out |= UInt64(c & 127) << shift
            if c < 128 { return out }
            shift += 7
        }
    }

    private mutating func fixed(_ width: Int) throws(ProtobufError) -> UInt64 {
        guard at + width <= bytes.count else { throw ProtobufError("unexpected EOF") }
        var out: UInt64 = 0
        for i in 0..<width { out |= UInt64(bytes[at + i]) << UInt64(8 * i) }
        at += width
        return out
    }
}

/// Appends fields in order; messages inside are written first and passed as bytes.
package struct ProtobufWriter: Sendable {
    package private(set) var bytes: [UInt8] = []
    package init() {}

    private mutating func raw(_ value: UInt64) {
        var v: UInt64 = value
        while v > 127 {
            bytes.append(UInt8(truncatingIfNeeded: v) | 128)
            v >>= 7
        }
        bytes.append(UInt8(v))
    }

    package mutating func varint(_ number: Int, _ value: UInt64) {
        raw(UInt64(number) << 3)
        raw(value)
    }
    package mutating func bool(_ number: Int, _ value: Bool) { varint(number, value ? 1 : 0) }
    package mutating func string(_ number: Int, _ value: String) { message(number, Array(value.utf8)) }
    package mutating func message(_ number: Int, _ value: [UInt8]) {
        raw(UInt64(number) << 3 | 2)
        raw(UInt64(value.count))
        bytes.append(contentsOf: value)
    }
    package mutating func double(_ number: Int, _ value: Double) {
        raw(UInt64(number) << 3 | 1)
        for i in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> UInt64(8 * i))) }
    }
}

/// Writes a message from its end to its start, so that lengths are known when they are written and nothing moves.
package final class ProtobufReverseWriter {
    private var storage: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private var start: Int

    package init(capacity: Int = 4096) {
        self.capacity = capacity
        storage = .allocate(capacity: capacity)
        start = capacity
    }

    deinit { storage.deallocate() }

    package var count: Int { capacity - start }
    package var bytes: [UInt8] { Array(UnsafeBufferPointer(start: storage + start, count: count)) }

    @inline(__always) private func reserve(_ n: Int) {
        if start < n { grow(n) }
    }

    private func grow(_ n: Int) {
        let wider: Int = max(capacity * 2, capacity + n)
        let fresh: UnsafeMutablePointer<UInt8> = .allocate(capacity: wider)
        let used: Int = count
        (fresh + (wider - used)).update(from: storage + start, count: used)
        storage.deallocate()
        storage = fresh
        capacity = wider
        start = wider - used
    }

    @inline(__always) package func put(_ c: UInt8) {
        reserve(1)
        start -= 1
        storage[start] = c
    }

    package func put(_ b: UnsafeBufferPointer<UInt8>) {
        guard let base = b.baseAddress else { return }
        reserve(b.count)
        start -= b.count
        (storage + start).update(from: base, count: b.count)
    }

    package func put(_ b: [UInt8]) { b.withUnsafeBufferPointer { put($0) } }

    @inline(__always) package func varint(_ value: UInt64) {
        if value < 128 { return put(UInt8(value)) }
        reserve(10)
        let width: Int = (63 - value.leadingZeroBitCount) / 7 + 1
        start -= width
        var v: UInt64 = value
        for i in 0..<width {
            storage[start + i] = UInt8(truncatingIfNeeded: v) & 127 | (i == width - 1 ? 0 : 128)
            v >>= 7
        }
    }

    /// The tag and length of a field whose content has been written since `mark` (an earlier `count`).
    @inline(__always) package func close(_ number: Int, since mark: Int) {
        varint(UInt64(count - mark))
        varint(UInt64(number) << 3 | 2)
    }

    package func field(_ number: Int, varint value: UInt64) {
        varint(value)
        varint(UInt64(number) << 3)
    }

    package func field(_ number: Int, double value: Double) {
        for i in (0..<8).reversed() { put(UInt8(truncatingIfNeeded: value.bitPattern >> UInt64(8 * i))) }
        varint(UInt64(number) << 3 | 1)
    }

    package func field(_ number: Int, string value: String) {
        let mark: Int = count
        var copy: String = value
        copy.withUTF8 { put($0) }
        close(number, since: mark)
    }

    package func field(_ number: Int, bytes value: [UInt8]) {
        let mark: Int = count
        put(value)
        close(number, since: mark)
    }
}
