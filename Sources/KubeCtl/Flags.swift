// kubectl's flag habits (spf13/pflag) as a table and one parser.

import KubeModel

/// One flag of a command.
package struct Flag: Sendable {
    package enum Kind: Sendable {
        /// `--all`, `--all=false`
        case bool
        /// `-n x`, `-nx`, `--namespace x`, `--namespace=x`; the last one wins.
        case string
        /// May be repeated; `commas` splits each value.
        case list(commas: Bool)
        /// `--dry-run` alone means `whenBare`; a value needs `=`.
        case optional(whenBare: String)
    }
    package var name: String
    package var short: Character?
    package var kind: Kind
    package var preset: String
    package var help: String

    package init(_ name: String, short: Character? = nil, _ kind: Kind, preset: String = "", _ help: String) {
        self.name = name
        self.short = short
        self.kind = kind
        self.preset = preset
        self.help = help
    }
}

/// A command line that cannot be used: printed as `error: …` with exit status 1.
package struct UsageError: Error, Sendable, CustomStringConvertible {
    package var description: String
    /// What is printed before the text: `error: `, or nothing for texts that stand alone.
    package var prefix: String
    package init(_ text: String, prefix: String = "error: ") {
        description = text
        self.prefix = prefix
    }
}

/// The values given, by flag name.
package struct FlagValues: Sendable {
    private var values: [String: [String]] = [:]
    private var presets: [String: String] = [:]

    init(flags: [Flag]) {
        for flag in flags where !flag.preset.isEmpty { presets[flag.name] = flag.preset }
    }

    /// Without those flags of a command that share a global one's name (`create rolebinding --user`).
    func hiding(_ own: [Flag]) -> FlagValues {
        var out: FlagValues = self
        for flag in own { out.values[flag.name] = nil }
        return out
    }

    /// Given on the command line, whatever its value.
    package func has(_ name: String) -> Bool { values[name] != nil }
    /// The last value, the preset, or `""`.
    package func string(_ name: String) -> String { values[name]?.last ?? presets[name] ?? "" }
    package func list(_ name: String) -> [String] { values[name] ?? [] }
    package func bool(_ name: String) -> Bool { ["true", "1", "t", "T", "TRUE", "True"].contains(string(name)) }
    package func int(_ name: String) throws(UsageError) -> Int? {
        let text: String = string(name)
        if text.isEmpty { return nil }
        guard let n = Int(text) else {
            throw UsageError(
                "invalid argument \"\(text)\" for \"--\(name)\" flag: strconv.ParseInt: parsing \"\(text)\": invalid syntax")
        }
        return n
    }
    /// A Go duration (`1m30s`, `500ms`) or bare seconds.
    package func duration(_ name: String) throws(UsageError) -> Duration? {
        let text: String = string(name)
        if text.isEmpty { return nil }
        guard let d = GoDuration.orSeconds(text) else {
            throw UsageError("invalid argument \"\(text)\" for \"--\(name)\" flag: time: invalid duration \"\(text)\"")
        }
        return d
    }

    mutating func add(_ value: String, to flag: Flag) throws(UsageError) {
        switch flag.kind {
        case .list(let commas):
            let parts: [String] = commas ? value.split(separator: ",").map { String($0) } : [value]
            values[flag.name, default: []] += parts
        case .bool:
            guard ["true", "false", "1", "0", "t", "f", "T", "F", "TRUE", "FALSE", "True", "False"].contains(value) else {
                throw UsageError(
                    "invalid argument \"\(value)\" for \"--\(flag.name)\" flag: strconv.ParseBool: parsing \"\(value)\": invalid syntax"
                )
            }
            values[flag.name] = [value]
        default: values[flag.name] = [value]
        }
    }
}

/// A parsed command line: flags, arguments before `--`, and what followed `--`.
package struct ParsedArguments: Sendable {
    package var flags: FlagValues
    package var arguments: [String]
    /// nil when there was no `--`.
    package var afterDash: [String]?
}

enum FlagParser {
    /// Flags may stand anywhere, except after `--`. With `stopsAtArgument` parsing ends at the first argument.
    static func parse(_ words: [String], flags: [Flag], command: String) throws(UsageError) -> ParsedArguments {
        var parsed: ParsedArguments = ParsedArguments(flags: FlagValues(flags: flags), arguments: [], afterDash: nil)
        var i: Int = 0
        while i < words.count {
            let word: String = words[i]
            i += 1
            if word == "--" {
                parsed.afterDash = Array(words[i...])
                return parsed
            } else if word.hasPrefix("--") {
                try long(String(word.dropFirst(2)), words, &i, flags, &parsed.flags, command)
            } else if word.hasPrefix("-"), word != "-" {
                try short(String(word.dropFirst()), words, &i, flags, &parsed.flags, command)
            } else {
                parsed.arguments.append(word)
            }
        }
        return parsed
    }

    private static func long(
        _ body: String, _ words: [String], _ i: inout Int, _ flags: [Flag], _ values: inout FlagValues, _ command: String
    ) throws(UsageError) {
        let parts: [Substring] = body.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name: String = String(parts[0])
        guard let flag = flags.first(where: { $0.name == name }) else {
            throw UsageError("unknown flag: --\(name)\nSee '\(command) --help' for usage.", prefix: "Error: ")
        }
        if parts.count == 2 {
            try values.add(String(parts[1]), to: flag)
            return
        }
        switch flag.kind {
        case .bool: try values.add("true", to: flag)
        case .optional(let bare): try values.add(bare, to: flag)
        default:
            guard i < words.count else { throw UsageError("flag needs an argument: --\(name)") }
            try values.add(words[i], to: flag)
            i += 1
        }
    }

    private static func short(
        _ body: String, _ words: [String], _ i: inout Int, _ flags: [Flag], _ values: inout FlagValues, _ command: String
    ) throws(UsageError) {
        var rest: Substring = Substring(body)
        while let letter = rest.first {
            rest = rest.dropFirst()
            guard let flag = flags.first(where: { $0.short == letter }) else {
                throw UsageError(
                    "unknown shorthand flag: '\(letter)' in -\(body)\nSee '\(command) --help' for usage.", prefix: "Error: ")
            }
            switch flag.kind {
            case .bool:
                if rest.first == "=" {
                    try values.add(String(rest.dropFirst()), to: flag)
                    return
                }
                try values.add("true", to: flag)
            case .optional(let bare):
                try values.add(bare, to: flag)
            default:
                if rest.first == "=" { rest = rest.dropFirst() }
                if !rest.isEmpty {
                    try values.add(String(rest), to: flag)
                } else {
                    guard i < words.count else {
                        throw UsageError("flag needs an argument: '\(letter)' in -\(body)")
                    }
                    try values.add(words[i], to: flag)
                    i += 1
                }
                return
            }
        }
    }
}

extension GoDuration {
    /// A Go duration, or a bare number of seconds.
    static func orSeconds(_ text: String) -> Duration? {
        Int64(text).map { .seconds($0) } ?? GoDuration.parse(text).map { .nanoseconds($0) }
    }
}
