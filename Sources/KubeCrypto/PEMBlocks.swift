// The blocks of a PEM text (RFC 7468), each with its own borders.

package enum PEMBlocks {
    package static func all(of text: String) -> [String] {
        var out: [String] = []
        var block: [Substring] = []
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("-----BEGIN ") { block = [] }
            block.append(line)
            if line.hasPrefix("-----END ") {
                out.append(block.joined(separator: "\n") + "\n")
                block = []
            }
        }
        return out
    }
}
