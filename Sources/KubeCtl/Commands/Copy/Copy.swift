// `cp`: files to and from a container, as a tar stream through exec. The image must have `tar`, as with kubectl.

import Glibc
import KubeModel
import KubeOS
import KubeWire
import Synchronization

enum Copy {
    static let command: Command = {
        var c: Command = Command("cp", "Copy files and directories to and from containers")
        c.usage = "<file-spec-src> <file-spec-dest>"
        c.examples = "      apus cp /tmp/foo web:/tmp/bar -c web\n      apus cp my-namespace/web:/tmp/foo /tmp/bar"
        c.flags = [
            Flag("container", short: "c", .string, "Container name."),
            Flag("no-preserve", .bool, "The copied file's ownership and permissions will not be preserved."),
            Flag("retries", .string, preset: "0", "Accepted for kubectl's sake; a copy is not retried."),
        ]
        c.run = { i in
            guard i.arguments.count == 2 else { throw UsageError("source and destination are required") }
            let source: Place = Place(i.arguments[0])
            let destination: Place = Place(i.arguments[1])
            switch (source.pod, destination.pod) {
            case (nil, nil): throw UsageError("one of src or dest must be a remote file specification")
            case (.some, .some): throw UsageError("one of src or dest must be a local file specification")
            case (nil, .some(let pod)): try await upload(i, source.path, to: destination, pod: pod)
            case (.some(let pod), nil): try await download(i, source, pod: pod, to: destination.path)
            }
        }
        return c
    }()

    /// `[[namespace/]pod:]path`
    private struct Place {
        var namespace: String = ""
        var pod: String?
        var path: String

        init(_ spec: String) {
            guard let colon = spec.firstIndex(of: ":"), !spec.hasPrefix("/"), !spec.hasPrefix(".") else {
                path = spec
                return
            }
            path = String(spec[spec.index(after: colon)...])
            let parts: [Substring] = spec[..<colon].split(separator: "/")
            pod = parts.last.map { String($0) } ?? ""
            if parts.count == 2 { namespace = String(parts[0]) }
        }
    }

    private static func remote(_ i: Invocation, _ place: Place, _ pod: String) async throws -> (RemoteCommand, String) {
        let served: ServedResource = try await i.session.discovery().find("pods")
        let target: Target = Target(served: served, namespace: place.namespace.isEmpty ? try i.namespace() : place.namespace, name: pod)
        let object: JSON = try await target.fetch(i)
        let container: String = i.flags.has("container") ? i.flags.string("container") : object.spec.containers[0].name.text
        return (RemoteCommand(i, target), container)
    }

    private static func split(_ path: String) -> (folder: String, name: String) {
        var trimmed: Substring = path[...]
        while trimmed.count > 1, trimmed.hasSuffix("/") { trimmed.removeLast() }
        guard let slash = trimmed.lastIndex(of: "/") else { return (".", String(trimmed)) }
        let folder: Substring = trimmed[..<slash]
        return (folder.isEmpty ? "/" : String(folder), String(trimmed[trimmed.index(after: slash)...]))
    }

    private static func isFolder(_ path: String) -> Bool { Files.status(path)?.isDirectory ?? false }

    private static func tar(_ arguments: [String], stdin: [UInt8] = []) async throws -> [UInt8] {
        let result: CommandResult = try await KubeOS.Command.run("/bin/tar", arguments, stdin: stdin, timeout: .seconds(3600))
        guard result.status == 0 else { throw UsageError("tar: \(String(decoding: result.stderr, as: UTF8.self))") }
        return result.stdout
    }

    private static func upload(_ i: Invocation, _ local: String, to place: Place, pod: String) async throws {
        guard access(local, R_OK) == 0 else { throw UsageError("\(local) doesn't exist in local filesystem") }
        let (remote, container): (RemoteCommand, String) = try await remote(i, place, pod)
        let from: (folder: String, name: String) = split(local)
        var target: (folder: String, name: String) = split(place.path)
        var isFolder: Bool = place.path.hasSuffix("/")
        if !isFolder { isFolder = try await isRemoteFolder(remote, container, place.path) }
        if isFolder {
            target = (place.path, from.name)
        }
        // The archive's only top entry bears the name it shall have there.
        let rename: String = "s,^\(from.name.replacing(",", with: "\\,")),\(target.name.replacing(",", with: "\\,")),"
        let archive: [UInt8] = try await tar(["-C", from.folder, "--transform", rename, "-cf", "-", from.name])
        var command: [String] = ["tar", "-xmf", "-", "-C", target.folder]
        if i.flags.bool("no-preserve") { command = ["tar", "--no-same-permissions", "--no-same-owner", "-xmf", "-", "-C", target.folder] }
        let input: MemoryInput = MemoryInput(archive)
        try await remote.exec(container: container, command: command, input: { input.next() }) { i.console.write($0) }
    }

    private static func isRemoteFolder(_ remote: RemoteCommand, _ container: String, _ path: String) async throws -> Bool {
        do {
            try await remote.exec(container: container, command: ["test", "-d", path], input: nil, isQuiet: true) { _ in }
            return true
        } catch is ExitStatus {
            return false
        }
    }

    private static func download(_ i: Invocation, _ place: Place, pod: String, to local: String) async throws {
        let (remote, container): (RemoteCommand, String) = try await remote(i, place, pod)
        let from: (folder: String, name: String) = split(place.path)
        let bytes: Mutex<[UInt8]> = Mutex([])
        try await remote.exec(container: container, command: ["tar", "-C", from.folder, "-cf", "-", from.name], input: nil) { chunk in
            bytes.withLock { $0 += chunk }
        }
        var target: (folder: String, name: String) = split(local)
        if isFolder(local) { target = (local, from.name) }
        let rename: String = "s,^\(from.name.replacing(",", with: "\\,")),\(target.name.replacing(",", with: "\\,")),"
        // Entries that would leave the folder are refused by tar itself.
        _ = try await tar(["-C", target.folder, "--no-same-owner", "--transform", rename, "-xf", "-"], stdin: bytes.withLock { $0 })
    }
}

/// Bytes at hand as input, in pieces of 32 KiB.
final class MemoryInput: Sendable {
    private let rest: Mutex<ArraySlice<UInt8>>
    init(_ bytes: [UInt8]) { rest = Mutex(bytes[...]) }

    func next() -> [UInt8]? {
        rest.withLock { rest in
            if rest.isEmpty { return nil }
            let piece: [UInt8] = Array(rest.prefix(32768))
            rest = rest.dropFirst(piece.count)
            return piece
        }
    }
}
