// Writes a Swift file with the commit that is being built, before each build; it is touched only when it changes.
// (A `-D` flag would recompile everything, and the manifest's gitInformation is cached.)
import PackagePlugin

@main
struct BuildStamp: BuildToolPlugin {
    func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
        let out: String = context.pluginWorkDirectoryURL.path
        let script: String = """
            cd "$1" || exit 0
            commit=$(git rev-parse HEAD 2>/dev/null || true)
            state=clean; [ -z "$(git --no-optional-locks status --porcelain --untracked-files=no 2>/dev/null | head -n 1)" ] || state=dirty
            when=$(git log -1 --format=%cI 2>/dev/null || true)
            text=$(printf 'package enum GeneratedStamp {\\n    package static let commit: String = "%s"\\n    package static let state: String = "%s"\\n    package static let when: String = "%s"\\n}\\n' "$commit" "$state" "$when")
            [ "$text" = "$(cat "$2/Stamp.swift" 2>/dev/null)" ] || printf '%s\\n' "$text" > "$2/Stamp.swift"
            """
        return [
            .prebuildCommand(
                displayName: "BuildStamp", executable: .init(fileURLWithPath: "/bin/sh"),
                arguments: ["-c", script, "sh", context.package.directoryURL.path, out],
                outputFilesDirectory: context.pluginWorkDirectoryURL)
        ]
    }
}
