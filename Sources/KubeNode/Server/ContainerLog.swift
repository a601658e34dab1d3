// The log file of a container in CRI's format: `2006-01-02T15:04:05.000000000Z stdout F text`.

import KubeBase
import KubeOS

/// One line of the file; `isPartial` ones are continued by the next of the same stream.
struct LogLine: Sendable {
    var time: ArraySlice<UInt8>
    var stream: ArraySlice<UInt8>
    var isPartial: Bool
    var text: ArraySlice<UInt8>

    /// nil when the line is not in CRI's format. Without its newline.
    init?(_ line: ArraySlice<UInt8>) {
        func cut(_ from: Int) -> Int? { line[from...].firstIndex(of: 32) }
        guard let a = cut(line.startIndex), let b = cut(a + 1), let c = cut(b + 1) else { return nil }
        time = line[..<a]
        stream = line[(a + 1)..<b]
        guard stream.elementsEqual("stdout".utf8) || stream.elementsEqual("stderr".utf8) else { return nil }
        isPartial = line[(b + 1)..<c].first == UInt8(ascii: "P")
        text = line[(c + 1)...]
    }

    var timestamp: Timestamp? { Timestamp(rfc3339: String(decoding: time, as: UTF8.self)) }
}

enum ContainerLog {
    /// The text of the last lines, at most `bytesMax` bytes from the end.
    static func tail(_ path: String, lines: Int, bytesMax: Int) -> String {
        guard let size = Files.status(path)?.sizeBytes else { return "" }
        let file: LogFile? = LogFile(path)
        guard let file, let bytes = file.read(at: max(0, size - Int64(bytesMax * 4)), count: bytesMax * 4) else {
            return ""
        }
        var out: [UInt8] = []
        for line in bytes.split(separator: 10).suffix(lines) {
            guard let l = LogLine(line) else { continue }
            out += l.text
            if !l.isPartial { out.append(10) }
        }
        return String(decoding: out.suffix(bytesMax), as: UTF8.self)
    }
}
