// `$(NAME)` in commands, arguments and values of environment variables: third_party/forked/golang/expansion.

enum Expansion {
    /// `$$` stands for `$`; a name that is not known stays as written.
    static func expand(_ text: String, _ value: (String) -> String?) -> String {
        guard text.utf8.contains(UInt8(ascii: "$")) else { return text }
        let b: [UInt8] = Array(text.utf8)
        var out: [UInt8] = []
        var i: Int = 0
        while i < b.count {
            guard b[i] == UInt8(ascii: "$"), i + 1 < b.count else {
                out.append(b[i])
                i += 1
                continue
            }
            if b[i + 1] == UInt8(ascii: "$") {
                out.append(UInt8(ascii: "$"))
                i += 2
            } else if b[i + 1] == UInt8(ascii: "("), let close = b[(i + 2)...].firstIndex(of: UInt8(ascii: ")")) {
                let name: String = String(decoding: b[(i + 2)..<close], as: UTF8.self)
                out += Array((value(name) ?? "$(\(name))").utf8)
                i = close + 1
            } else {
                out.append(b[i])
                i += 1
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
