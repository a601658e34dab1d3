// Doubles with a number of digits, as C's printf writes them.

import Glibc

enum CELNumberText {
    static func fixed(_ d: Double, _ digits: Int) -> String { written(d, digits, "%.*f") }
    static func scientific(_ d: Double, _ digits: Int) -> String { written(d, digits, "%.*e") }

    private static func written(_ d: Double, _ digits: Int, _ form: String) -> String {
        let size: Int = 400 + digits
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: size) { buffer in
            let n: Int32 = withVaList([Int32(digits), d]) { vsnprintf(buffer.baseAddress, size, form, $0) }
            return String(decoding: buffer.prefix(Int(max(n, 0))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }
}
