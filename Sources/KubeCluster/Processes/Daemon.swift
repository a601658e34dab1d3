// A background process of ours, remembered in a file.

import Glibc
import KubeBase
import KubeOS
import KubeWire

/// The record names one process for ever: pid, its start time and the machine's boot.
struct Daemon: Sendable {
    var pid: Int32
    var startTicks: UInt64
    var bootID: String

    init?(pid: Int32) {
        guard let info = ProcessInfo(pid) else { return nil }
        self.pid = pid
        startTicks = info.startTicks
        bootID = Machine.bootID
    }

    /// nil when there is no record or the process has ended.
    init?(record: String) {
        guard let bytes = try? Files.read(record), let json = try? JSON.parse(bytes),
            let pid = json.pid.asInt, let ticks = json.startTicks.asInt64, json.bootID.text == Machine.bootID,
            let info = ProcessInfo(Int32(pid)), info.startTicks == UInt64(ticks), info.state != "Z"
        else { return nil }
        self.pid = Int32(pid)
        startTicks = UInt64(ticks)
        bootID = Machine.bootID
    }

    /// Returns when the recorded process has let go of all it had, if it is a dead one whose threads are still going:
    /// its ports are not free before. At most ten seconds.
    static func waitForLastThread(record: String) async {
        guard let bytes = try? Files.read(record), let json = try? JSON.parse(bytes), let pid = json.pid.asInt,
            let info = ProcessInfo(Int32(pid)), info.state == "Z", json.startTicks.asInt64 == Int64(info.startTicks)
        else { return }
        _ = await ProcessEnd.wait(Int32(pid), timeout: .seconds(10))
    }

    func save(_ record: String) throws {
        let json: JSON = [
            "pid": JSON(Int(pid)), "startTicks": JSON(Int64(startTicks)), "bootID": JSON(bootID),
        ]
        try Files.writeAtomically(record, json.encoded())
    }

    var isAlive: Bool {
        guard let info = ProcessInfo(pid) else { return false }
        return info.startTicks == startTicks && info.state != "Z"
    }

    func signal(_ number: Int32) { if isAlive { _ = kill(pid, number) } }

    /// Sends `number` and answers whether the process ended within `timeout`.
    func stop(_ number: Int32, timeout: Duration) async -> Bool {
        let pid: Int32 = self.pid
        guard isAlive else { return true }
        return await ProcessEnd.wait(pid, timeout: timeout) { _ = kill(pid, number) }
    }

    /// SIGTERM, then SIGKILL.
    func end(grace: Duration) async {
        if await stop(SIGTERM, timeout: grace) { return }
        _ = await stop(SIGKILL, timeout: .seconds(5))
    }
}
