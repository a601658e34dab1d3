// Running programs: output, status, input, time limits, namespaces.

import Glibc
import KubeOS
import Testing

@Suite struct CommandTests {
    @Test func outputAndStatus() async throws {
        let r: CommandResult = try await Command.run(
            "sh", ["-c", "cat; echo err >&2; exit 3"], stdin: Array("in".utf8))
        #expect(r.status == 3)
        #expect(r.output == "in")
        #expect(r.message == "err")
    }

    @Test func largeInputAndOutputDoNotBlockEachOther() async throws {
        let bytes: [UInt8] = [UInt8](repeating: 97, count: 1 << 20)
        let r: CommandResult = try await Command.run("cat", [], stdin: bytes)
        #expect(r.stdout.count == bytes.count)
    }

    @Test func timeoutKills() async throws {
        let r: CommandResult = try await Command.run("sleep", ["30"], timeout: .milliseconds(50))
        #expect(r.isTimedOut)
        #expect(r.status == 128 + SIGKILL)
    }

    @Test func aGrandchildThatHoldsThePipeDoesNotHoldUs() async throws {
        // Held, we would get its word too.
        let r: CommandResult = try await Command.run("sh", ["-c", "(sleep 20; echo late) & echo done"])
        #expect(r.output == "done\n")
    }

    @Test func cancellingKills() async throws {
        let task: Task<CommandResult, any Error> = Task { try await Command.run("sleep", ["30"]) }
        try await Task.sleep(for: .milliseconds(50))
        task.cancel()
        #expect(try await task.value.status == 128 + SIGKILL)
    }

    @Test func absentProgram() async {
        await #expect(throws: OSError.self) { try await Command.run("no-such-program-here", []) }
    }

    @Test func childrenGetThreeDescriptors() async throws {
        let r: CommandResult = try await Command.run("ls", ["/proc/self/fd"])
        // 0, 1, 2 and the one that lists.
        #expect(r.output.split(separator: "\n").count == 4)
    }

    @Test func spawnedChildIsWaitedFor() async throws {
        let child: Child = try await Command.spawn("sh", ["-c", "exit 7"])
        #expect(try await child.wait() == 7)
    }
}

@Suite struct FilesTests {
    let folder: String

    init() throws {
        folder = "/tmp/kubeos-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        try Files.makeDirectories(folder)
    }

    @Test func atomicWriteReplacesAndSetsTheMode() throws {
        defer { try? Files.removeTree(folder) }
        let path: String = "\(folder)/f"
        try Files.writeAtomically(path, "one", mode: 0o600)
        try Files.writeAtomically(path, "two", mode: 0o640)
        #expect(try Files.text(path) == "two")
        #expect(Files.status(path)!.mode & 0o777 == 0o640)
        #expect(try Files.list(folder) == ["f"])
    }

    @Test func removeTreeDoesNotFollowLinks() throws {
        defer { try? Files.removeTree(folder) }
        try Files.makeDirectories("\(folder)/a/b/c")
        try Files.makeDirectories("\(folder)/keep")
        try Files.write("\(folder)/keep/file", "x")
        try Files.symlink("\(folder)/keep", at: "\(folder)/a/link")
        try Files.removeTree("\(folder)/a")
        #expect(try Files.list(folder) == ["keep"])
        #expect(try Files.text("\(folder)/keep/file") == "x")
    }

    @Test func lockIsExclusive() throws {
        defer { try? Files.removeTree(folder) }
        let first: FileLock? = try FileLock("\(folder)/lock")
        #expect(first != nil)
        let second: FileLock? = try FileLock("\(folder)/lock")
        #expect(second == nil)
        first?.release()
    }

    @Test func watchTellsOfNewFiles() async throws {
        defer { try? Files.removeTree(folder) }
        let watch: FileWatch = try FileWatch()
        try watch.add(folder)
        try Files.write("\(folder)/new", "x")
        var names: Set<String> = []
        for await event in watch.events {
            names.insert(event.name)
            if event.isModified { break }
        }
        watch.close()
        #expect(names == ["new"])
    }

    @Test func mountinfoLines() {
        let text: String = "36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n"
        let m: MountPoint = Mounts.parse(text)[0]
        #expect(m.path == "/mnt 2" && m.root == "/mnt1" && m.fileSystem == "ext3" && m.source == "/dev/root")
    }

    @Test func ownProcessIsAlive() throws {
        let me: ProcessInfo = try #require(ProcessInfo(getpid()))
        #expect(me.rssBytes > 0 && me.startTicks > 0)
        #expect(ProcessInfo.isAlive(getpid()))
    }
}
