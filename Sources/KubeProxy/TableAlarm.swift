// Tells when somebody else changes our nftables table, by the kernel's own notifications (no polling).

import Glibc
import Synchronization

/// Subscribes to NFNLGRP_NFTABLES in the network namespace of the thread that creates it. The kernel does not say who
/// made a transaction, so our own are announced with `expect` and counted off.
package final class TableAlarm: Sendable {
    package let table: String
    /// One element for each burst of foreign changes.
    package let alarms: AsyncStream<Void>
    private let counter: Counter
    /// Closed to end the reading thread.
    private let ending: Int32

    private final class Counter: Sendable {
        let expected: Mutex<Int> = Mutex(0)
        let continuation: AsyncStream<Void>.Continuation
        init(_ continuation: AsyncStream<Void>.Continuation) { self.continuation = continuation }

        func saw(_ transactions: Int) {
            let isForeign: Bool = expected.withLock { count in
                let left: Int = count - transactions
                count = max(left, 0)
                return left < 0
            }
            if isForeign { continuation.yield() }
        }
        /// Notifications were lost: anything may have happened.
        func lost() {
            expected.withLock { $0 = 0 }
            continuation.yield()
        }
    }

    /// Nil when the kernel gives no such socket (no CAP_NET_ADMIN).
    package init?(table: String) {
        // AF_NETLINK 16, NETLINK_NETFILTER 12, NFNLGRP_NFTABLES 7: linux/netlink.h, linux/netfilter/nfnetlink.h.
        let fd: Int32 = Glibc.socket(16, Int32(SOCK_RAW.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 12)
        guard fd >= 0 else { return nil }
        var address: [UInt32] = [16, 0, 1 << (7 - 1)]
        let bound: Int32 = address.withUnsafeMutableBytes { raw in
            Glibc.bind(fd, raw.baseAddress!.assumingMemoryBound(to: sockaddr.self), 12)
        }
        var end: [Int32] = [-1, -1]
        guard bound == 0, pipe(&end) == 0 else {
            close(fd)
            return nil
        }
        self.table = table
        for e in end { _ = fcntl(e, F_SETFD, FD_CLOEXEC) }
        ending = end[1]
        let (stream, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        alarms = stream
        counter = Counter(continuation)
        Self.startThread(Listener(socket: fd, ending: end[0], table: table, counter: counter))
    }

    deinit { close(ending) }

    /// Our next transaction on the table is none to cry about.
    package func expect() { counter.expected.withLock { $0 += 1 } }
    /// It failed: the kernel tells of none.
    package func unexpect() { counter.expected.withLock { $0 = max($0 - 1, 0) } }

    /// A thread of its own: it blocks for as long as nothing happens.
    private static func startThread(_ listener: Listener) {
        var thread: pthread_t = pthread_t()
        let raw: Unmanaged<Listener> = .passRetained(listener)
        let failed: Int32 = pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<Listener>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            }, raw.toOpaque())
        if failed == 0 { pthread_detach(thread) } else { raw.release() }
    }

    private final class Listener: Sendable {
        let socket: Int32
        let ending: Int32
        let table: String
        let counter: Counter

        init(socket: Int32, ending: Int32, table: String, counter: Counter) {
            self.socket = socket
            self.ending = ending
            self.table = table
            self.counter = counter
        }

        func run() {
            var buffer: [UInt8] = [UInt8](repeating: 0, count: 65536)
            var notice: TransactionNotice = TransactionNotice(table: table)
            var polls: [pollfd] = [
                pollfd(fd: socket, events: Int16(POLLIN), revents: 0),
                pollfd(fd: ending, events: Int16(POLLIN), revents: 0),
            ]
            while poll(&polls, 2, -1) > 0 || errno == EINTR {
                if polls[1].revents != 0 { break }
                let count: Int = recv(socket, &buffer, buffer.count, Int32(MSG_DONTWAIT))
                if count > 0 {
                    let transactions: Int = notice.read(buffer[0..<count])
                    if transactions > 0 { counter.saw(transactions) }
                } else if count < 0, errno == ENOBUFS {
                    counter.lost()
                } else if count == 0 || (errno != EINTR && errno != EAGAIN) {
                    break
                }
            }
            close(socket)
            close(ending)
            counter.continuation.finish()
        }
    }
}

/// Reads nf_tables notifications: messages that name tables, then NEWGEN, which ends the transaction.
package struct TransactionNotice: Sendable {
    private let table: [UInt8]
    private var touchesTable: Bool = false

    package init(table: String) { self.table = Array(table.utf8) + [0] }

    /// How many transactions that touch the table end in these messages. Elements that packets add are none.
    package mutating func read(_ bytes: ArraySlice<UInt8>) -> Int {
        var ended: Int = 0
        var at: Int = bytes.startIndex
        while at + 20 <= bytes.endIndex {
            let length: Int = Int(Self.word(bytes, at))
            guard length >= 20, at + length <= bytes.endIndex else { break }
            // nlmsg_type: NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_…
            if bytes[at + 5] == 10 {
                if bytes[at + 4] == 15 {
                    if touchesTable { ended += 1 }
                    touchesTable = false
                } else if Self.tableName(bytes[(at + 20)..<(at + length)]) == table {
                    touchesTable = true
                }
            }
            at += (length + 3) & ~3
        }
        return ended
    }

    /// Attribute 1 of each nf_tables message, with its closing zero.
    private static func tableName(_ message: ArraySlice<UInt8>) -> [UInt8]? {
        var at: Int = message.startIndex
        while at + 4 <= message.endIndex {
            let length: Int = Int(message[at]) | Int(message[at + 1]) << 8
            guard length >= 4, at + length <= message.endIndex else { return nil }
            let kind: UInt16 = (UInt16(message[at + 2]) | UInt16(message[at + 3]) << 8) & 0x3fff
            if kind == 1 { return Array(message[(at + 4)..<(at + length)]) }
            at += (length + 3) & ~3
        }
        return nil
    }

    private static func word(_ bytes: ArraySlice<UInt8>, _ at: Int) -> UInt32 {
        UInt32(bytes[at]) | UInt32(bytes[at + 1]) << 8 | UInt32(bytes[at + 2]) << 16 | UInt32(bytes[at + 3]) << 24
    }
}
