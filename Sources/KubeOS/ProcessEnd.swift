// Waiting for the end of processes that are not our children.

import CKubeOS
import Glibc
import Synchronization

package enum ProcessEnd {
    /// A descriptor that becomes readable when the process ends; negative when there is no such process.
    package static func descriptor(_ pid: Int32) -> Int32 { kube_pidfd_open(pid) }

    /// Runs `act` (a signal, say) and answers whether the process ended within `timeout`; false at once when cancelled.
    package static func wait(_ pid: Int32, timeout: Duration, act: @escaping @Sendable () -> Void = {}) async -> Bool {
        let alarm: Alarm = Alarm()
        let result: Bool? = try? await withTaskCancellationHandler {
            try await OwnThread.run {
                let fd: Int32 = kube_pidfd_open(pid)
                guard fd >= 0 else { return true }
                defer { close(fd) }
                act()
                let parts: (seconds: Int64, attoseconds: Int64) = timeout.components
                let milliseconds: Int64 = parts.seconds * 1000 + parts.attoseconds / 1_000_000_000_000_000
                var polls: [pollfd] = [
                    pollfd(fd: fd, events: Int16(POLLIN), revents: 0),
                    pollfd(fd: alarm.descriptor, events: Int16(POLLIN), revents: 0),
                ]
                return poll(&polls, 2, Int32(clamping: milliseconds)) > 0 && polls[0].revents != 0
            }
        } onCancel: {
            alarm.ring()
        }
        return result ?? true
    }
}

/// Wakes a thread that polls `descriptor`; it lives as long as anybody holds it.
final class Alarm: Sendable {
    let descriptor: Int32
    init() { descriptor = kube_eventfd() }
    func ring() {
        var one: UInt64 = 1
        _ = write(descriptor, &one, 8)
    }
    deinit { close(descriptor) }
}
