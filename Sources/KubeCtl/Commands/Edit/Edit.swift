// `edit`: an object in the user's editor, patched when it was changed.

import Glibc
import KubeAPI
import KubeModel
import KubeOS
import KubeWire

enum Edit {
    static let command: Command = {
        var c: Command = Command("edit", "Edit a resource on the server")
        c.usage = "(RESOURCE/NAME | -f FILENAME)"
        c.flags =
            CommonFlags.files + [
                Flag("output", short: "o", .string, preset: "yaml", "yaml or json."),
                Flag("show-managed-fields", .bool, "Keep managedFields when printing objects."),
                Flag("subresource", .string, "Edit this subresource, such as status or scale."), CommonFlags.fieldManager,
            ]
        c.run = { i in
            for target in try await TargetReader(i).read(missing: TargetReader.noneGiven) {
                guard !target.name.isEmpty else { throw UsageError("resource(s) were provided, but no name was specified") }
                try await edit(i, target)
            }
        }
        return c
    }()

    private static let preamble: String = """
        # Please edit the object below. Lines beginning with a '#' will be ignored,
        # and an empty file will abort the edit. If an error occurs while saving this file will be
        # reopened with the relevant failures.
        #

        """

    private static func edit(_ i: Invocation, _ target: Target) async throws {
        let live: JSON = try await target.fetch(i)
        var shown: JSON = live
        if !i.flags.bool("show-managed-fields") { shown.metadata.managedFields = .null }
        let isJSON: Bool = i.flags.string("output") == "json"
        var text: String = isJSON ? shown.sorted.indented() + "\n" : preamble + YAML.write(shown)
        let file: String = "/tmp/apus-edit-\(getpid()).\(isJSON ? "json" : "yaml")"
        defer { unlink(file) }
        while true {
            try writeFile(text, to: file)
            try openEditor(file)
            let edited: String = String(decoding: try readFile(file), as: UTF8.self)
            let body: String = edited.split(separator: "\n", omittingEmptySubsequences: false).filter { !$0.hasPrefix("#") }.joined(separator: "\n")
            if body.allSatisfy({ $0.isWhitespace }) || edited == text {
                i.console.line("Edit cancelled, no changes made.")
                return
            }
            do {
                let changed: JSON = try (isJSON ? JSON.parse(body) : YAML.parse(body).first ?? .null)
                let patch: JSON = MergeDiff.patch(from: shown, to: changed)
                if patch.fields.isEmpty {
                    i.console.line("Edit cancelled, no changes made.")
                    return
                }
                let result: JSON = try await Outcome(i).patch(
                    target.served, namespace: target.namespace, target.name, .merge, patch,
                    subresource: i.flags.string("subresource"), manager: "kubectl-edit")
                i.console.line("\(target.served.label)/\(result.meta.name) edited")
                return
            } catch let error as StatusError where i.console.isInputTerminal {
                text = preamble + "# \(error.message.replacing("\n", with: "\n# "))\n#\n" + body
            }
        }
    }

    /// KUBE_EDITOR, EDITOR, or vi, run by the shell on our terminal.
    private static func openEditor(_ file: String) throws {
        let environment: [String: String] = ProcessEnvironment.all
        let editor: String = environment["KUBE_EDITOR"] ?? environment["EDITOR"] ?? "vi"
        let status: Int32 = ForegroundProgram.run("/bin/sh", ["-c", "exec \(editor) \(file)"])
        if status != 0 { throw UsageError("there was a problem with the editor \"\(editor)\"") }
    }
}
