// RFC 1952 over whole bodies, by zlib.

import CZlib

package enum Gzip {
    /// Level 1: large lists shrink tenfold at a few milliseconds a megabyte.
    package static let level: Int32 = 1

    package static func compress(_ bytes: [UInt8], level: Int32 = Gzip.level) -> [UInt8] {
        var stream: z_stream = z_stream()
        precondition(apus_gzip_init(&stream, level) == Z_OK, "zlib has no memory")
        defer { deflateEnd(&stream) }
        let most: Int = Int(deflateBound(&stream, UInt(bytes.count)))
        return bytes.withUnsafeBufferPointer { input in
            [UInt8](unsafeUninitializedCapacity: most) { output, count in
                stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
                stream.avail_in = UInt32(input.count)
                stream.next_out = output.baseAddress
                stream.avail_out = UInt32(most)
                let result: Int32 = deflate(&stream, Z_FINISH)
                precondition(result == Z_STREAM_END, "deflateBound was wrong")
                count = most - Int(stream.avail_out)
            }
        }
    }

    /// nil when the bytes are no gzip or would grow past `bytesMax`.
    package static func decompress(_ bytes: [UInt8], bytesMax: Int) -> [UInt8]? {
        var stream: z_stream = z_stream()
        precondition(apus_gunzip_init(&stream) == Z_OK, "zlib has no memory")
        defer { inflateEnd(&stream) }
        var out: [UInt8] = []
        var piece: [UInt8] = Array(repeating: 0, count: 64 << 10)
        return bytes.withUnsafeBufferPointer { input in
            stream.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
            stream.avail_in = UInt32(input.count)
            while true {
                let result: Int32 = piece.withUnsafeMutableBufferPointer { buffer in
                    stream.next_out = buffer.baseAddress
                    stream.avail_out = UInt32(buffer.count)
                    return inflate(&stream, Z_NO_FLUSH)
                }
                guard result == Z_OK || result == Z_STREAM_END else { return nil }
                out += piece[..<(piece.count - Int(stream.avail_out))]
                if out.count > bytesMax { return nil }
                if result == Z_STREAM_END { return out }
                if stream.avail_in == 0, stream.avail_out > 0 { return nil }
            }
        }
    }
}
