// The words of an expression.

struct Token {
    enum Kind: Equatable {
        case identifier, int, uint, double, string, bytes
        /// Operators and brackets, and the words `in`, `true`, `false`, `null`.
        case sign
        case end
    }
    var kind: Kind
    /// As written; of strings the value.
    var text: String
    var bytes: [UInt8] = []
    /// Byte offset.
    var offset: Int
}
