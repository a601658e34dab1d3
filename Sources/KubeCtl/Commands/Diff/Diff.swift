// `diff`: what `apply` would change, shown by the `diff` program (or KUBECTL_EXTERNAL_DIFF) over the live and the merged objects.

import Glibc
import KubeModel
import KubeWire

enum Diff {
    static let command: Command = {
        var c: Command = Command("diff", "Diff the live version against a would-be applied version")
        c.usage = "-f FILENAME"
        c.examples = "      apus diff -f web.yaml\n      cat web.yaml | apus diff -f -"
        c.flags =
            CommonFlags.files + [
                CommonFlags.selector, CommonFlags.fieldManager,
                Flag("server-side", .bool, "Run apply in the server instead of the client."),
                Flag("force-conflicts", .bool, "With --server-side, take over fields of other managers."),
                Flag("show-managed-fields", .bool, "Keep managedFields when printing objects."),
            ]
        c.run = { i in
            do { try await run(i) } catch let error as UsageError {
                i.console.note(error.prefix + "\(error)")
                throw ExitStatus(faultStatus)
            } catch let error as StatusError {
                i.console.note(KubeCtl.message(of: error))
                throw ExitStatus(faultStatus)
            }
        }
        return c
    }()

    /// 1 means that there are differences.
    private static let faultStatus: Int32 = 2

    private static func run(_ i: Invocation) async throws {
        guard i.flags.has("filename") else { throw UsageError("must specify one of -f and -k") }
        let live: String = try folder("LIVE")
        defer { remove(live) }
        let merged: String = try folder("MERGED")
        defer { remove(merged) }
        for object in try Manifests.read(i) {
            let served: ServedResource = try await i.session.discovery().find(GroupVersionKind(of: object))
            let namespace: String = try Manifests.namespace(of: object, served, i)
            let (before, after): (JSON, JSON) = try await Apply.preview(i, served, namespace, object)
            let group: String = served.resource.group.isEmpty ? "" : served.resource.group + "."
            let name: String = "\(group)\(served.resource.version).\(served.kind).\(namespace).\(object.meta.name)"
            let shown: (JSON, JSON) = masked(before, after, keepsManagers: i.flags.bool("show-managed-fields"))
            if before.exists { try writeFile(YAML.write(shown.0), to: "\(live)/\(name)") }
            try writeFile(YAML.write(shown.1), to: "\(merged)/\(name)")
        }
        let environment: [String: String] = ProcessEnvironment.all
        let program: String = environment["KUBECTL_EXTERNAL_DIFF"] ?? "diff -u -N"
        let status: Int32 = ForegroundProgram.run("/bin/sh", ["-c", "\(program) \(live) \(merged)"])
        if status != 0 { throw ExitStatus(status) }
    }

    /// Secrets' values are not shown: equal ones as `***`, changed ones as before and after.
    private static func masked(_ before: JSON, _ after: JSON, keepsManagers: Bool) -> (JSON, JSON) {
        var (a, b): (JSON, JSON) = (before, after)
        if !keepsManagers {
            if a.exists { a.metadata.managedFields = .null }
            b.metadata.managedFields = .null
        }
        guard after.kind.text == "Secret" else { return (a, b) }
        for key in Set(before.data.stringMap.keys).union(after.data.stringMap.keys) {
            let isSame: Bool = before.data[key] == after.data[key]
            let isBoth: Bool = before.data[key].exists && after.data[key].exists
            if before.data[key].exists { a.data[key] = .string(isSame || !isBoth ? "***" : "*** (before)") }
            if after.data[key].exists { b.data[key] = .string(isSame || !isBoth ? "***" : "*** (after)") }
        }
        return (a, b)
    }

    private static func folder(_ name: String) throws(UsageError) -> String {
        let parent: String = ProcessEnvironment.all["TMPDIR"] ?? "/tmp"
        var template: [CChar] = Array("\(parent)/\(name)-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw UsageError("cannot make a folder in \(parent): \(String(cString: strerror(errno)))") }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func remove(_ folder: String) {
        guard let listing = opendir(folder) else { return }
        while let entry = readdir(listing) {
            let name: String = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { unlink("\(folder)/\(name)") }
        }
        closedir(listing)
        rmdir(folder)
    }
}
