// containerd's own event stream: starts, ends and out-of-memory kills of tasks as they happen.

import KubeBase
import KubeNet

/// What became of the process of a container or sandbox.
enum TaskEvent: Sendable, Equatable {
    case started(id: String)
    /// Only of the first process, not of an exec.
    case exited(id: String, exitCode: Int, at: Timestamp)
    case outOfMemory(id: String)
    /// The task is gone and its output is completely written.
    case deleted(id: String, exitCode: Int, at: Timestamp)
}

/// `containerd.services.events.v1.Events/Subscribe`, decoded by hand: four fields of four messages.
enum ContainerdEvents {
    static func subscribe(_ channel: GRPCChannel) async throws -> AsyncThrowingStream<[UInt8], any Error> {
        var request: [UInt8] = []
        let filter: [UInt8] = Array("namespace==k8s.io,topic~=\"^/tasks/(exit|start|oom|delete)$\"".utf8)
        request.append(0x0a)
        request.append(UInt8(filter.count))
        request += filter
        return try await channel.serverStream("/containerd.services.events.v1.Events/Subscribe", request)
    }

    /// nil for topics that do not concern us.
    static func decode(_ envelope: [UInt8]) -> TaskEvent? {
        var topic: String = ""
        var value: [UInt8] = []
        ProtoFields.each(envelope[...]) { number, _, bytes in
            if number == 3 { topic = String(decoding: bytes, as: UTF8.self) }
            if number == 4 { ProtoFields.each(bytes) { n, _, b in if n == 2 { value = Array(b) } } }
        }
        var container: String = ""
        var process: String = ""
        var code: UInt64 = 0
        var seconds: UInt64 = 0
        var nanoseconds: UInt64 = 0
        let isDelete: Bool = topic == "/tasks/delete"
        ProtoFields.each(value[...]) { number, varint, bytes in
            switch number {
            case 1: container = String(decoding: bytes, as: UTF8.self)
            case 2 where !isDelete, 5 where isDelete: process = String(decoding: bytes, as: UTF8.self)
            case 4 where !isDelete, 3 where isDelete: code = varint
            case 5 where !isDelete, 4 where isDelete:
                ProtoFields.each(bytes) { n, v, _ in
                    if n == 1 { seconds = v }
                    if n == 2 { nanoseconds = v }
                }
            default: break
            }
        }
        let at: Timestamp = Timestamp(
            nanoseconds: Int64(truncatingIfNeeded: seconds) * 1_000_000_000 + Int64(truncatingIfNeeded: nanoseconds))
        let exitCode: Int = Int(UInt32(truncatingIfNeeded: code))
        switch topic {
        case "/tasks/start": return .started(id: container)
        case "/tasks/oom": return .outOfMemory(id: container)
        case "/tasks/exit":
            return process == container ? .exited(id: container, exitCode: exitCode, at: at) : nil
        case "/tasks/delete":
            return process.isEmpty || process == container ? .deleted(id: container, exitCode: exitCode, at: at) : nil
        default: return nil
        }
    }
}

/// The fields of a protobuf message in wire order.
enum ProtoFields {
    /// Calls `body` with the number, the value of a varint field, and the bytes of a length-delimited one.
    /// Stops at the first malformed byte.
    static func each(_ message: ArraySlice<UInt8>, _ body: (Int, UInt64, ArraySlice<UInt8>) -> Void) {
        var at: Int = message.startIndex
        func varint() -> UInt64? {
            var value: UInt64 = 0
            var shift: UInt64 = 0
            while at < message.endIndex, shift < 64 {
                let byte: UInt8 = message[at]
                at += 1
                value |= UInt64(byte & 0x7f) << shift
                if byte < 0x80 { return value }
                shift += 7
            }
            return nil
        }
        while at < message.endIndex {
            guard let key = varint() else { return }
            let number: Int = Int(key >> 3)
            switch key & 7 {
            case 0:
                guard let value = varint() else { return }
                body(number, value, [])
            case 2:
                guard let count = varint(), count <= UInt64(message.endIndex - at) else { return }
                body(number, 0, message[at..<(at + Int(count))])
                at += Int(count)
            case 1: at += 8
            case 5: at += 4
            default: return
            }
        }
    }
}
