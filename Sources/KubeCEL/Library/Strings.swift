// The strings library (cel-go ext.Strings version 2). Positions count code points.

enum CELStrings {
    static func add(to l: inout CELLibrary) {
        addTests(to: &l)
        addPositions(to: &l)
        addChanges(to: &l)
        addLists(to: &l)
    }

    static func text(_ v: CELValue) throws(CELError) -> String {
        guard case .string(let s) = v else { throw .noSuchOverload }
        return s
    }
    static func int(_ v: CELValue) throws(CELError) -> Int {
        guard case .int(let i) = v else { throw .noSuchOverload }
        return Int(i)
    }
    static func scalars(_ v: CELValue) throws(CELError) -> [Unicode.Scalar] { Array(try text(v).unicodeScalars) }
    static func string(_ s: some Sequence<Unicode.Scalar>) -> String {
        var u: String.UnicodeScalarView = String.UnicodeScalarView()
        u.append(contentsOf: s)
        return String(u)
    }

    private static func addTests(to l: inout CELLibrary) {
        l.add("contains", "string.(string) bool", cost: .contains) { (a, _) throws(CELError) in
            .bool(find(Array(try text(a[1]).utf8), in: Array(try text(a[0]).utf8), from: 0) != nil)
        }
        l.add("startsWith", "string.(string) bool", cost: .traverse(0.1)) { (a, _) throws(CELError) in
            .bool(try text(a[0]).utf8.starts(with: try text(a[1]).utf8))
        }
        l.add("endsWith", "string.(string) bool", cost: .traverse(0.1)) { (a, _) throws(CELError) in
            .bool(try text(a[0]).utf8.reversed().starts(with: try text(a[1]).utf8.reversed()))
        }
    }

    /// The first place at or after `from`.
    static func find<T: Equatable>(_ what: [T], in all: [T], from: Int) -> Int? {
        if what.isEmpty { return from <= all.count ? from : nil }
        guard all.count >= what.count else { return nil }
        var i: Int = from
        while i + what.count <= all.count {
            if all[i] == what[0], all[i..<(i + what.count)].elementsEqual(what) { return i }
            i += 1
        }
        return nil
    }

    private static func addPositions(to l: inout CELLibrary) {
        l.add("charAt", "string.(int) string") { (a, _) throws(CELError) in
            let s: [Unicode.Scalar] = try scalars(a[0])
            let i: Int = try int(a[1])
            guard i >= 0, i <= s.count else { throw .runtime("index out of range: \(i)") }
            return .string(i == s.count ? "" : String(s[i]))
        }
        let index: CELCall = { (a, _) throws(CELError) in
            let from: Int = a.count > 2 ? try int(a[2]) : 0
            let all: [Unicode.Scalar] = try scalars(a[0])
            if from < 0 || from > all.count { throw .runtime("index out of range: \(from)") }
            return .int(Int64(find(try scalars(a[1]), in: all, from: from) ?? -1))
        }
        l.add("indexOf", "string.(string) int", cost: .traverse(0.1), index)
        l.add("indexOf", "string.(string, int) int", cost: .traverse(0.1), index)
        let last: CELCall = { (a, _) throws(CELError) in
            let all: [Unicode.Scalar] = try scalars(a[0])
            let what: [Unicode.Scalar] = try scalars(a[1])
            let from: Int = a.count > 2 ? try int(a[2]) : all.count
            if from < 0 || (a.count > 2 && from >= max(all.count, 1)) { throw .runtime("index out of range: \(from)") }
            var i: Int = min(from, all.count - what.count)
            while i >= 0 {
                if all[i..<(i + what.count)].elementsEqual(what) { return .int(Int64(i)) }
                i -= 1
            }
            return .int(-1)
        }
        l.add("lastIndexOf", "string.(string) int", cost: .traverse(0.1), last)
        l.add("lastIndexOf", "string.(string, int) int", cost: .traverse(0.1), last)
        let part: CELCall = { (a, _) throws(CELError) in
            let s: [Unicode.Scalar] = try scalars(a[0])
            let from: Int = try int(a[1])
            let to: Int = a.count > 2 ? try int(a[2]) : s.count
            guard from >= 0, from <= s.count else { throw .runtime("index out of range: \(from)") }
            guard to >= 0, to <= s.count else { throw .runtime("index out of range: \(to)") }
            guard from <= to else { throw .runtime("invalid substring range. start: \(from), end: \(to)") }
            return .string(string(s[from..<to]))
        }
        l.add("substring", "string.(int) string", cost: .traverse(0.1), part)
        l.add("substring", "string.(int, int) string", cost: .traverse(0.1), part)
    }

    private static func addChanges(to l: inout CELLibrary) {
        func ascii(_ name: String, _ range: ClosedRange<UInt8>) {
            l.add(name, "string.() string", cost: .traverse(0.1)) { (a, _) throws(CELError) in
                .string(String(decoding: try text(a[0]).utf8.map { range ~= $0 ? $0 ^ 32 : $0 }, as: UTF8.self))
            }
        }
        ascii("lowerAscii", 65...90)
        ascii("upperAscii", 97...122)
        l.add("trim", "string.() string", cost: .traverse(0.1)) { (a, _) throws(CELError) in
            let s: [Unicode.Scalar] = try scalars(a[0])
            let kept = s.drop { $0.properties.isWhitespace }.reversed().drop { $0.properties.isWhitespace }.reversed()
            return .string(string(kept))
        }
        l.add("reverse", "string.() string", cost: .traverse(0.1)) { (a, _) throws(CELError) in
            .string(string(try scalars(a[0]).reversed()))
        }
        l.add("strings.quote", "(string) string", cost: .traverse(0.1)) { (a, _) throws(CELError) in
            .string(quoted(try text(a[0])))
        }
        let replace: CELCall = { (a, frame) throws(CELError) in
            let count: Int = a.count > 3 ? try int(a[3]) : -1
            return .string(try replaced(try scalars(a[0]), try scalars(a[1]), try scalars(a[2]), count, &frame))
        }
        l.add("replace", "string.(string, string) string", cost: .traverse(0.2), replace)
        l.add("replace", "string.(string, string, int) string", cost: .traverse(0.2), replace)
    }

    private static func replaced(
        _ all: [Unicode.Scalar], _ old: [Unicode.Scalar], _ new: [Unicode.Scalar], _ count: Int, _ frame: inout CELFrame
    ) throws(CELError) -> String {
        var out: [Unicode.Scalar] = []
        var left: Int = count < 0 ? .max : count
        var i: Int = 0
        if old.isEmpty {
            for scalar in all {
                if left > 0 {
                    try frame.take(bytes: new.count * 4)
                    out += new
                    left -= 1
                }
                out.append(scalar)
            }
            if left > 0 { out += new }
            return string(out)
        }
        while i < all.count {
            if left > 0, all[i] == old[0], i + old.count <= all.count, all[i..<(i + old.count)].elementsEqual(old) {
                try frame.take(bytes: new.count * 4)
                out += new
                i += old.count
                left -= 1
            } else {
                out.append(all[i])
                i += 1
            }
        }
        return string(out)
    }

    static func quoted(_ s: String) -> String {
        var out: String = "\""
        for scalar in s.unicodeScalars {
            switch scalar {
            case "\u{07}": out += "\\a"
            case "\u{08}": out += "\\b"
            case "\u{0C}": out += "\\f"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            case "\u{0B}": out += "\\v"
            case "\\": out += "\\\\"
            case "\"": out += "\\\""
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }

    private static func addLists(to l: inout CELLibrary) {
        let split: CELCall = { (a, frame) throws(CELError) in
            let limit: Int = a.count > 2 ? try int(a[2]) : -1
            return .list(try parts(try scalars(a[0]), try scalars(a[1]), limit, &frame))
        }
        l.add("split", "string.(string) list(string)", cost: .traverse(0.2), split)
        l.add("split", "string.(string, int) list(string)", cost: .traverse(0.2), split)
        let join: CELCall = { (a, frame) throws(CELError) in
            guard case .list(let list) = a[0] else { throw .noSuchOverload }
            let separator: String = a.count > 1 ? try text(a[1]) : ""
            var out: String = ""
            for i in 0..<list.count {
                let s: String = try text(list[i])
                try frame.take(bytes: s.utf8.count + separator.utf8.count)
                if i > 0 { out += separator }
                out += s
            }
            return .string(out)
        }
        l.add("join", "list(string).() string", cost: .result(0.2), join)
        l.add("join", "list(string).(string) string", cost: .result(0.2), join)
    }

    private static func parts(
        _ all: [Unicode.Scalar], _ separator: [Unicode.Scalar], _ limit: Int, _ frame: inout CELFrame
    ) throws(CELError) -> CELList {
        if limit == 0 { return CELList([]) }
        if limit == 1 { return CELList([.string(string(all))]) }
        var out: [CELValue] = []
        var from: Int = 0
        if separator.isEmpty {
            while from < all.count, limit < 0 || out.count + 1 < limit {
                try frame.take(elements: 1)
                out.append(.string(String(all[from])))
                from += 1
            }
            if from < all.count { out.append(.string(string(all[from...]))) }
            return CELList(out)
        }
        while limit < 0 || out.count + 1 < limit, let i = find(separator, in: all, from: from) {
            try frame.take(elements: 1)
            out.append(.string(string(all[from..<i])))
            from = i + separator.count
        }
        out.append(.string(string(all[from...])))
        return CELList(out)
    }
}
