// A thread for one piece of blocking work: it starts, works, answers and ends.

import CKubeOS
import Glibc

private final class Work {
    let body: () -> Void
    init(_ body: @escaping () -> Void) { self.body = body }
}

/// Namespaces are entered here and nowhere else: a thread that called `setns` must never go back to a pool.
package enum OwnThread {
    /// Starts `body` on a new thread and does not wait.
    package static func start(_ body: @escaping @Sendable () -> Void) {
        let work: UnsafeMutableRawPointer = Unmanaged.passRetained(Work(body)).toOpaque()
        let rc: Int32 = kube_start_thread(
            { argument in
                Unmanaged<Work>.fromOpaque(argument!).takeRetainedValue().body()
                return nil
            }, work, 1 << 20)
        precondition(rc == 0, "pthread_create: \(String(cString: strerror(rc)))")
    }

    /// Runs `body` on a new thread, in the given namespaces, and answers its result.
    package static func run<T: Sendable>(
        in namespaces: Namespaces = Namespaces(), _ body: @escaping @Sendable () throws -> T
    ) async throws -> T {
        try await withCheckedThrowingContinuation { (done: CheckedContinuation<T, any Error>) in
            start {
                done.resume(
                    with: Result {
                        try namespaces.enter()
                        return try body()
                    })
            }
        }
    }
}

/// Files that stand for namespaces (bind mounts or `/proc/PID/ns/…`); empty: stay in the process's own.
package struct Namespaces: Sendable, Hashable {
    package var network: String
    package var mount: String

    package init(network: String = "", mount: String = "") {
        self.network = network
        self.mount = mount
    }

    package var isEmpty: Bool { network.isEmpty && mount.isEmpty }

    /// Moves the calling thread for good.
    package func enter() throws {
        // Both files are opened before the root moves.
        let net: Int32 = network.isEmpty ? -1 : open(network, O_RDONLY | O_CLOEXEC)
        if !network.isEmpty, net < 0 { throw OSError("open", path: network) }
        defer { if net >= 0 { close(net) } }
        if !mount.isEmpty {
            let mnt: Int32 = open(mount, O_RDONLY | O_CLOEXEC)
            guard mnt >= 0 else { throw OSError("open", path: mount) }
            defer { close(mnt) }
            guard kube_unshare(Int32(KUBE_CLONE_FS)) == 0 else { throw OSError("unshare") }
            guard kube_setns(mnt, Int32(KUBE_CLONE_NEWNS)) == 0 else { throw OSError("setns", path: mount) }
        }
        if net >= 0 {
            guard kube_setns(net, Int32(KUBE_CLONE_NEWNET)) == 0 else { throw OSError("setns", path: network) }
        }
    }
}
