// Why an expression could not be compiled or has no value, in the words of cel-go.

package struct CELError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Kind: Sendable {
        /// The text is no expression, or its types don't fit.
        case compile
        /// The value could not be computed; `&&` and `||` may absorb this.
        case runtime
        /// The run-time cost limit of the call or the budget of the object is used up, or a memory limit.
        case exhausted
        /// An authorization check has no answer yet: find it (`CELAuthorizationMemo`) and evaluate again.
        case pending
    }
    package var kind: Kind
    package var message: String

    package var description: String { message }

    package init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }

    static func runtime(_ message: String) -> CELError { CELError(.runtime, message) }
    static let noSuchOverload: CELError = CELError(.runtime, "no such overload")
    static let integerOverflow: CELError = CELError(.runtime, "integer overflow")
    static let unsignedOverflow: CELError = CELError(.runtime, "unsigned integer overflow")
    static let durationOverflow: CELError = CELError(.runtime, "duration overflow")
    static let timestampOverflow: CELError = CELError(.runtime, "timestamp overflow")
    static func noSuchKey(_ key: String) -> CELError { CELError(.runtime, "no such key: \(key)") }

    /// The message of upstream when the run-time cost limit is exceeded.
    package static let costExceeded: CELError = CELError(
        .exhausted, "operation cancelled: actual cost limit exceeded")
    static let memoryExceeded: CELError = CELError(.exhausted, "operation cancelled: memory limit exceeded")
    static let regexExceeded: CELError = CELError(.exhausted, "operation cancelled: regular expression takes too long")
    package static let pending: CELError = CELError(.pending, "an authorization check is pending")
}

/// One fault of an expression with its place, until all are shown together.
struct CELFault {
    /// Byte offset in the text.
    var offset: Int
    var message: String

    /// `ERROR: <input>:1:5: message`, the line and a caret below the place.
    static func shown(_ faults: [CELFault], in text: String) -> String {
        let bytes: [UInt8] = Array(text.utf8)
        var parts: [String] = []
        for fault in faults.sorted(by: { $0.offset < $1.offset }) {
            let at: Int = min(max(fault.offset, 0), bytes.count)
            var start: Int = at
            while start > 0, bytes[start - 1] != 10 { start -= 1 }
            var end: Int = at
            while end < bytes.count, bytes[end] != 10 { end += 1 }
            let line: Int = bytes[..<start].count { $0 == 10 } + 1
            let column: Int = String(decoding: bytes[start..<at], as: UTF8.self).unicodeScalars.count
            let shown: String = String(decoding: bytes[start..<end].map { $0 == 9 ? 32 : $0 }, as: UTF8.self)
            let dots: String = String(repeating: ".", count: column)
            parts.append("ERROR: <input>:\(line):\(column + 1): \(fault.message)\n | \(shown)\n | \(dots)^")
        }
        return parts.joined(separator: "\n")
    }
}
