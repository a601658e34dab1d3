// Namespaces that outlive their makers: bind-mounted onto files.

import CKubeOS
import Glibc
import Synchronization

package enum NetworkNamespaces {
    /// Makes a network namespace that lives as long as the file `path`; its `lo` is up.
    package static func create(_ path: String) async throws {
        try await OwnThread.run {
            try Files.write(path, "")
            guard kube_unshare(Int32(KUBE_CLONE_NEWNET)) == 0 else { throw OSError("unshare network namespace") }
            try Mounts.bind("/proc/thread-self/ns/net", at: path)
        }
        try await Links.run(["link set lo up"], namespaces: Namespaces(network: path))
    }

    /// The namespace ends when the last process in it has ended.
    package static func delete(_ path: String) throws(OSError) {
        try Mounts.unmount(path, detach: true)
        try Files.remove(path)
    }

    /// Writes a file of /proc/sys as seen from inside.
    package static func setSysctl(_ path: String, _ name: String, _ value: String) async throws {
        try await OwnThread.run(in: Namespaces(network: path)) {
            try Files.write("/proc/sys/" + name, value)
        }
    }
}

package enum MountNamespaces {
    /// Makes a mount namespace that lives as long as the file `path`. It gets a copy of our mounts, with no propagation
    /// to or from ours; `prepare` then runs in it. Its mounts are shared among the mount namespaces made from it
    /// (containers).
    package static func create(_ path: String, network: String, prepare: @escaping @Sendable () throws -> Void)
        async throws
    {
        try Files.write(path, "")
        let (made, makeDone):
            (AsyncStream<Result<Int32, any Error>>, AsyncStream<Result<Int32, any Error>>.Continuation) =
                AsyncStream.makeStream()
        // The thread has to stay until its namespace is bound: a namespace may only be bound from outside.
        let gate: Gate = Gate()
        OwnThread.start {
            do {
                try Namespaces(network: network).enter()
                guard kube_unshare(Int32(KUBE_CLONE_NEWNS | KUBE_CLONE_FS)) == 0 else {
                    throw OSError("unshare mount namespace")
                }
                try Mounts.setPropagation("/", .private)
                try prepare()
                try Mounts.setPropagation("/", .shared)
                makeDone.yield(.success(kube_gettid()))
                gate.wait()
            } catch {
                makeDone.yield(.failure(error))
            }
        }
        defer { gate.open() }
        var answers: AsyncStream<Result<Int32, any Error>>.Iterator = made.makeAsyncIterator()
        guard let answer = await answers.next() else { throw CancellationError() }
        let thread: Int32 = try answer.get()
        try Mounts.bind("/proc/self/task/\(thread)/ns/mnt", at: path)
    }

    package static func delete(_ path: String) throws(OSError) { try NetworkNamespaces.delete(path) }
}

/// Holds one thread until another lets it go.
private final class Gate: Sendable {
    private let pipe: (read: Int32, write: Int32)
    init() {
        var pair: [Int32] = [0, 0]
        precondition(kube_pipe(&pair) == 0)
        pipe = (pair[0], pair[1])
    }
    func wait() {
        var byte: UInt8 = 0
        while read(pipe.read, &byte, 1) < 0, errno == EINTR {}
        close(pipe.read)
    }
    func open() { close(pipe.write) }
}
