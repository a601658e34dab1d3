// `matches`, and the API server's `find` and `findAll`.

enum CELRegexes {
    static func add(to l: inout CELLibrary) {
        let matches: CELCall = { (a, frame) throws(CELError) in
            .bool(try compiled(a[1], &frame).isMatch(try CELStrings.text(a[0]), &frame.regexWork))
        }
        l.add("matches", "string.(string) bool", cost: .regex, matches)
        l.add("matches", "(string, string) bool", cost: .regex, matches)
        l.add("find", "string.(string) string", cost: .regex) { (a, frame) throws(CELError) in
            let regex: CELRegex = try compiled(a[1], &frame)
            return .string(try regex.matches(try CELStrings.text(a[0]), limit: 1, &frame.regexWork).first ?? "")
        }
        let all: CELCall = { (a, frame) throws(CELError) in
            let limit: Int = a.count > 2 ? try CELStrings.int(a[2]) : -1
            let regex: CELRegex = try compiled(a[1], &frame)
            let found: [String] = try regex.matches(try CELStrings.text(a[0]), limit: limit, &frame.regexWork)
            try frame.take(elements: found.count)
            return .list(CELList(found.map { .string($0) }))
        }
        l.add("findAll", "string.(string) list(string)", cost: .regex, all)
        l.add("findAll", "string.(string, int) list(string)", cost: .regex, all)
    }

    private static func compiled(_ pattern: CELValue, _ frame: inout CELFrame) throws(CELError) -> CELRegex {
        let regex: CELRegex = try CELRegex(try CELStrings.text(pattern))
        try frame.charge(regex.compileCost)
        return regex
    }
}
