// Links, addresses and routes through one `ip` process for many changes.

package import KubeWire

package enum Links {
    /// Runs lines such as `link add br0 type bridge` in order; stops at the first that fails.
    package static func run(_ lines: [String], namespaces: Namespaces = Namespaces()) async throws {
        guard !lines.isEmpty else { return }
        let input: [UInt8] = Array((lines.joined(separator: "\n") + "\n").utf8)
        let result: CommandResult = try await Command.run(
            "ip", ["-batch", "-"], stdin: input, namespaces: namespaces, timeout: .seconds(30))
        guard result.isSuccess else {
            throw CommandError(command: "ip -batch (\(lines.joined(separator: "; ")))", result: result)
        }
    }

    /// `run` that goes on after failures, for removal.
    package static func runAll(_ lines: [String], namespaces: Namespaces = Namespaces()) async {
        guard !lines.isEmpty else { return }
        let input: [UInt8] = Array((lines.joined(separator: "\n") + "\n").utf8)
        _ = try? await Command.run(
            "ip", ["-force", "-batch", "-"], stdin: input, namespaces: namespaces, timeout: .seconds(30))
    }

    /// The JSON answer of `ip -j …`, such as `["addr", "show"]` or `["route", "show", "table", "all"]`.
    package static func show(_ arguments: [String], namespaces: Namespaces = Namespaces()) async throws -> JSON {
        let result: CommandResult = try await Command.check("ip", ["-j"] + arguments, namespaces: namespaces)
        return result.stdout.isEmpty ? .array([]) : try JSON.parse(result.stdout)
    }
}
