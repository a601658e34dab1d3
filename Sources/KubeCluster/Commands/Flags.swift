// Flags of the cluster commands: `--name value`, `--name=value`, `--switch`.

/// Parsed arguments of one command.
struct Flags {
    private(set) var values: [String: String] = [:]
    private(set) var words: [String] = []

    /// `known` maps each flag to whether it takes a value. Unknown flags throw a sentence.
    init(_ arguments: [String], known: [String: Bool], command: String) throws {
        var i: Int = 0
        while i < arguments.count {
            let word: String = arguments[i]
            i += 1
            guard word.hasPrefix("--") else {
                words.append(word)
                continue
            }
            let parts: [Substring] = word.dropFirst(2).split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name: String = String(parts[0])
            guard let takesValue = known[name] else {
                throw ClusterError("unknown flag: --\(name)\nSee 'apus \(command) --help' for usage.")
            }
            if !takesValue {
                values[name] = parts.count == 2 ? String(parts[1]) : "true"
            } else if parts.count == 2 {
                values[name] = String(parts[1])
            } else {
                guard i < arguments.count else { throw ClusterError("flag needs an argument: --\(name)") }
                values[name] = arguments[i]
                i += 1
            }
        }
    }

    subscript(_ name: String) -> String? { values[name] }
    func has(_ name: String) -> Bool { values[name] == "true" }

    func int(_ name: String, _ range: ClosedRange<Int>) throws -> Int? {
        guard let text = values[name] else { return nil }
        guard let n = Int(text), range.contains(n) else {
            throw ClusterError(
                "invalid argument \"\(text)\" for --\(name): must be a number from "
                    + "\(range.lowerBound) to \(range.upperBound)"
            )
        }
        return n
    }
}
