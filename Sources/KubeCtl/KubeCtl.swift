// The command line: finds the command, parses its flags, runs it, and turns errors into kubectl's words.

import KubeBase
import KubeModel
import KubeWire

package enum KubeCtl {
    /// Runs `arguments` (without the program's name); answers the exit status.
    package static func run(
        arguments: [String], program: String, console given: Console? = nil
    ) async -> Int32 {
        let console: Console = given ?? Console(program: program)
        var path: [String] = [program]
        var candidates: [Command] = Catalogue.commands
        var found: Command?
        var words: [String] = arguments
        while let i = firstArgument(of: words), let command = candidates.first(where: { $0.answers(to: words[i]) }) {
            path.append(command.name)
            words.remove(at: i)
            found = command
            candidates = command.subcommands
            if candidates.isEmpty { break }
        }
        guard let command = found else { return rootHelp(words, console, program) }
        do {
            try await run(command, words, path: path, console)
            return 0
        } catch let exit as ExitStatus {
            return exit.code
        } catch let error as UsageError {
            console.note(error.prefix + "\(error)")
        } catch let error as StatusError {
            console.note(message(of: error))
        } catch is CancellationError {
            return 130
        } catch {
            console.note("error: \(error)")
        }
        return 1
    }

    /// Index of the first word that is no flag (nor the value of a global flag before it).
    private static func firstArgument(of words: [String]) -> Int? {
        var i: Int = 0
        while i < words.count {
            let word: String = words[i]
            if word == "--" { return nil }
            if !word.hasPrefix("-") { return i }
            if let flag = CommonFlags.global.first(where: { word == "--\($0.name)" || $0.short.map { word == "-\($0)" } == true }),
                case .string = flag.kind
            {
                i += 1
            }
            i += 1
        }
        return nil
    }

    private static func run(_ command: Command, _ words: [String], path: [String], _ console: Console) async throws {
        let name: String = path.joined(separator: " ")
        let flags: [Flag] = command.flags + CommonFlags.global
        if words.contains("--help") || (words.contains("-h") && !words.contains("--")) || command.run == nil {
            if command.run == nil, let stray = words.first(where: { !$0.hasPrefix("-") }) {
                throw UsageError("unknown command \"\(stray)\"\nSee '\(name) -h' for help and examples")
            }
            console.line(Help.text(command, path: name))
            return
        }
        let parsed: ParsedArguments = try FlagParser.parse(words, flags: flags, command: name)
        let session: Session = Session(flags: parsed.flags.hiding(command.flags), console: console)
        let invocation: Invocation = Invocation(
            command: command, flags: parsed.flags, arguments: parsed.arguments, afterDash: parsed.afterDash,
            console: console, session: session)
        do {
            try await command.run?(invocation)
            await session.close()
        } catch {
            await session.close()
            throw error
        }
    }

    private static func rootHelp(_ words: [String], _ console: Console, _ program: String) -> Int32 {
        if let stray = words.first(where: { !$0.hasPrefix("-") }), stray != "help" {
            console.note("Error: unknown command \"\(stray)\" for \"\(program)\"")
            return 1
        }
        console.line(Help.root(program))
        return 0
    }

    /// kubectl prefixes server errors by their kind.
    static func message(of error: StatusError) -> String {
        switch error.reason {
        case "Invalid": error.message.hasPrefix("The ") ? error.message : "The " + error.message
        case "Unauthorized": "error: You must be logged in to the server (\(error.message))"
        case "ServerUnreachable": error.message
        case "": "error: \(error.message)"
        default: "Error from server (\(error.reason)): \(error.message)"
        }
    }
}

/// Help texts, derived from the commands' tables.
enum Help {
    static func root(_ program: String) -> String {
        var text: String = "\(program) runs and controls Kubernetes clusters.\n\nCommands:\n"
        let width: Int = (Catalogue.commands.map { $0.name.count }.max() ?? 0) + 2
        for command in Catalogue.commands {
            text += "  " + command.name + String(repeating: " ", count: width - command.name.count) + command.summary + "\n"
        }
        return text + "\nUsage:\n  \(program) [flags] [options]\n\nUse \"\(program) <command> --help\" for more about a command."
    }

    static func text(_ command: Command, path: String) -> String {
        var text: String = command.summary + ".\n"
        if !command.examples.isEmpty { text += "\nExamples:\n" + command.examples + "\n" }
        if !command.subcommands.isEmpty {
            text += "\nAvailable Commands:\n"
            let width: Int = (command.subcommands.map { $0.name.count }.max() ?? 0) + 2
            for sub in command.subcommands {
                text += "  " + sub.name + String(repeating: " ", count: width - sub.name.count) + sub.summary + "\n"
            }
        }
        if !command.flags.isEmpty {
            text += "\nOptions:\n"
            for flag in command.flags {
                let short: String = flag.short.map { "-\($0), " } ?? "    "
                var preset: String = flag.preset.isEmpty ? "''" : "'\(flag.preset)'"
                if case .bool = flag.kind { preset = flag.preset.isEmpty ? "false" : flag.preset }
                if case .list = flag.kind { preset = "[]" }
                text += "    \(short)--\(flag.name)=\(preset):\n\t\(flag.help)\n\n"
            }
        }
        return text + "\nUsage:\n  \(path) \(command.usage.isEmpty ? "[flags]" : command.usage) [options]"
    }
}
