// How far a named time zone is from UTC, from the machine's time zone database (TZif, RFC 8536).

import Glibc

enum ZoneOffset {
    /// Files of this size at most; the largest zone has about 4 KB.
    private static let bytesMax: Int = 65536

    /// Nil: no such zone.
    static func seconds(_ name: String, at time: Int64) -> Int64? {
        guard name.utf8.count < 64, !name.contains(".."), !name.hasPrefix("/"),
            name.utf8.allSatisfy({ $0 > 32 && $0 < 127 }),
            let file = read("/usr/share/zoneinfo/" + name)
        else { return nil }
        return offset(file, at: time)
    }

    private static func read(_ path: String) -> [UInt8]? {
        let fd: Int32 = open(path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { return nil }
        defer { close(fd) }
        var bytes: [UInt8] = Array(repeating: 0, count: bytesMax)
        let n: Int = Glibc.read(fd, &bytes, bytesMax)
        return n > 44 ? Array(bytes[..<n]) : nil
    }

    /// Looks the time up in the second, 64-bit block. After the last transition its rule stays.
    private static func offset(_ b: [UInt8], at time: Int64) -> Int64? {
        func number(_ at: Int, _ count: Int) -> Int64? {
            guard at >= 0, at + count <= b.count else { return nil }
            var n: UInt64 = 0
            for i in 0..<count { n = n << 8 | UInt64(b[at + i]) }
            return count == 4 ? Int64(Int32(truncatingIfNeeded: n)) : Int64(bitPattern: n)
        }
        func counts(_ at: Int) -> [Int]? {
            guard b.count >= at + 44, b[at..<(at + 4)].elementsEqual("TZif".utf8) else { return nil }
            return (0..<6).map { Int(number(at + 20 + $0 * 4, 4) ?? 0) }
        }
        guard b[4] >= 50, let first = counts(0) else { return nil }
        let second: Int = 44 + first[3] * 5 + first[4] * 6 + first[5] + first[2] * 8 + first[1] + first[0]
        guard let c = counts(second) else { return nil }
        let times: Int = second + 44
        let kinds: Int = times + c[3] * 8
        let types: Int = kinds + c[3]
        var kind: Int = 0
        for i in 0..<c[3] {
            guard let t = number(times + i * 8, 8), t <= time, kinds + i < b.count else { break }
            kind = Int(b[kinds + i])
        }
        return number(types + kind * 6, 4)
    }
}
