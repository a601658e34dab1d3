// `matches`, and the API server's `find` and `findAll`.

enum CELRegexes {
    static func add(to l: inout CELLibrary) {
        let matches: CELCall = { (a, _) throws(CELError) in
            .bool(try CELRegex(try CELStrings.text(a[1])).isMatch(try CELStrings.text(a[0])))
        }
        l.add("matches", "string.(string) bool", cost: .regex, matches)
        l.add("matches", "(string, string) bool", cost: .regex, matches)
        l.add("find", "string.(string) string", cost: .regex) { (a, _) throws(CELError) in
            .string(try CELRegex(try CELStrings.text(a[1])).matches(try CELStrings.text(a[0]), limit: 1).first ?? "")
        }
        let all: CELCall = { (a, frame) throws(CELError) in
            let limit: Int = a.count > 2 ? try CELStrings.int(a[2]) : -1
            let found: [String] = try CELRegex(try CELStrings.text(a[1])).matches(
                try CELStrings.text(a[0]), limit: limit)
            try frame.take(elements: found.count)
            return .list(CELList(found.map { .string($0) }))
        }
        l.add("findAll", "string.(string) list(string)", cost: .regex, all)
        l.add("findAll", "string.(string, int) list(string)", cost: .regex, all)
    }
}
