// Changes of files as they happen: inotify(7) on a thread that ends with the watch.

import CKubeOS
import Glibc
import Synchronization

/// Add paths, read `events`; `close` (or the end of the reader) ends it.
package final class FileWatch: Sendable {
    package struct Event: Sendable {
        /// The path given to `add`.
        package var path: String
        /// The entry's name when a directory is watched, else empty.
        package var name: String
        package var isCreated: Bool
        package var isModified: Bool
        package var isDeleted: Bool
        package var isMoved: Bool
        /// The watched path itself is gone, or the queue overflowed: look again.
        package var isLost: Bool
    }

    package let events: AsyncStream<Event>
    private let fd: Int32
    private let stop: Int32
    private let paths: Mutex<[Int32: String]> = Mutex([:])

    /// `buffer`: events kept for a slow reader; older ones are dropped (a reader looks at the state, not at the event).
    package init(buffer: Int = 1024) throws(OSError) {
        fd = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
        guard fd >= 0 else { throw OSError("inotify_init") }
        stop = kube_eventfd()
        let continuation: AsyncStream<Event>.Continuation
        (events, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(buffer))
        let stop: Int32 = self.stop
        continuation.onTermination = { _ in FileWatch.wake(stop) }
        OwnThread.start { [weak self, fd, stop] in
            FileWatch.pump(fd: fd, stop: stop) { descriptor, name, mask in
                guard let self else { return }
                let path: String = self.paths.withLock { $0[descriptor] ?? "" }
                continuation.yield(FileWatch.event(path, name, mask))
            }
            continuation.finish()
            Glibc.close(fd)
            Glibc.close(stop)
        }
    }

    /// Watches a file or the entries of a directory for creation, change, removal and renaming. Without `contents` writing to
    /// entries is no event: for directories whose files are written often.
    package func add(_ path: String, contents: Bool = true) throws(OSError) {
        var mask: UInt32 =
            UInt32(IN_CREATE) | UInt32(IN_DELETE) | UInt32(IN_MOVED_FROM) | UInt32(IN_MOVED_TO) | UInt32(IN_DELETE_SELF)
            | UInt32(IN_MOVE_SELF)
        if contents { mask |= UInt32(IN_MODIFY) | UInt32(IN_ATTRIB) }
        let failed: Int32? = paths.withLock { paths in
            let descriptor: Int32 = inotify_add_watch(fd, path, mask)
            if descriptor < 0 { return errno }
            paths[descriptor] = path
            return nil
        }
        if let failed { throw OSError("inotify_add_watch", path: path, code: failed) }
    }

    package func remove(_ path: String) {
        paths.withLock { paths in
            for (descriptor, p) in paths where p == path {
                inotify_rm_watch(fd, descriptor)
                paths[descriptor] = nil
            }
        }
    }

    package func close() { FileWatch.wake(stop) }

    deinit { FileWatch.wake(stop) }

    private static func wake(_ fd: Int32) {
        var one: UInt64 = 1
        _ = write(fd, &one, 8)
    }

    private static func event(_ path: String, _ name: String, _ mask: UInt32) -> Event {
        func has(_ bits: UInt32) -> Bool { mask & bits != 0 }
        return Event(
            path: path, name: name, isCreated: has(UInt32(IN_CREATE) | UInt32(IN_MOVED_TO)),
            isModified: has(UInt32(IN_MODIFY) | UInt32(IN_ATTRIB)),
            isDeleted: has(UInt32(IN_DELETE) | UInt32(IN_DELETE_SELF)),
            isMoved: has(UInt32(IN_MOVED_FROM) | UInt32(IN_MOVED_TO) | UInt32(IN_MOVE_SELF)),
            isLost: has(UInt32(IN_DELETE_SELF) | UInt32(IN_MOVE_SELF) | UInt32(IN_Q_OVERFLOW) | UInt32(IN_IGNORED)))
    }

    private static func pump(fd: Int32, stop: Int32, each: (Int32, String, UInt32) -> Void) {
        var buffer: [UInt8] = [UInt8](repeating: 0, count: 65536)
        while true {
            var polls: [pollfd] = [
                pollfd(fd: fd, events: Int16(POLLIN), revents: 0), pollfd(fd: stop, events: Int16(POLLIN), revents: 0),
            ]
            if poll(&polls, 2, -1) < 0, errno != EINTR { return }
            if polls[1].revents != 0 { return }
            let n: Int = read(fd, &buffer, buffer.count)
            if n <= 0 { continue }
            buffer.withUnsafeBytes { bytes in
                var at: Int = 0
                while at + 16 <= n {
                    let descriptor: Int32 = bytes.loadUnaligned(fromByteOffset: at, as: Int32.self)
                    let mask: UInt32 = bytes.loadUnaligned(fromByteOffset: at + 4, as: UInt32.self)
                    let length: Int = Int(bytes.loadUnaligned(fromByteOffset: at + 12, as: UInt32.self))
                    let name: ArraySlice<UInt8> = ArraySlice(bytes[(at + 16)..<(at + 16 + length)]).prefix { $0 != 0 }
                    each(descriptor, String(decoding: name, as: UTF8.self), mask)
                    at += 16 + length
                }
            }
        }
    }
}
