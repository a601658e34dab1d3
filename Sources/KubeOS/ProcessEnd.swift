// Waiting for the end of processes that are not our children.

import CKubeOS
import Glibc

package enum ProcessEnd {
    /// A descriptor that becomes readable when the process ends; negative when there is no such process.
    package static func descriptor(_ pid: Int32) -> Int32 { kube_pidfd_open(pid) }

    /// Runs `act` (a signal, say) and answers whether the process ended within `timeout`.
    package static func wait(_ pid: Int32, timeout: Duration, act: @escaping @Sendable () -> Void = {}) async -> Bool {
        let result: Bool? = try? await OwnThread.run {
            let fd: Int32 = kube_pidfd_open(pid)
            guard fd >= 0 else { return true }
            defer { close(fd) }
            act()
            let milliseconds: Int64 = timeout.components.seconds * 1000 + timeout.components.attoseconds / 1_000_000_000_000_000
            var polls: [pollfd] = [pollfd(fd: fd, events: Int16(POLLIN), revents: 0)]
            return poll(&polls, 1, Int32(clamping: milliseconds)) > 0
        }
        return result ?? true
    }
}
