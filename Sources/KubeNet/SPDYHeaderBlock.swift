// SPDY/3.1 name/value blocks, compressed by one zlib stream per direction with the protocol's dictionary.

import CZlib

/// The block compressors of one connection. Not thread-safe: its owner keeps it under a lock.
final class SPDYHeaderBlocks {
    private var deflater: z_stream = z_stream()
    private var inflater: z_stream = z_stream()
    private static let dictionary: [UInt8] = makeDictionary()
    /// Bytes that one decompressed block may have.
    static let blockBytesMax: Int = 1 << 20

    init() {
        precondition(apus_deflate_init(&deflater, Z_DEFAULT_COMPRESSION) == Z_OK, "zlib has no memory")
        precondition(apus_inflate_init(&inflater) == Z_OK, "zlib has no memory")
        Self.dictionary.withUnsafeBufferPointer {
            _ = deflateSetDictionary(&deflater, $0.baseAddress, UInt32($0.count))
        }
    }

    deinit {
        deflateEnd(&deflater)
        inflateEnd(&inflater)
    }

    /// Names are lower-cased; values of one name are joined by NUL.
    func compress(_ headers: Headers) -> [UInt8] {
        var names: [String] = []
        var values: [String: [UInt8]] = [:]
        for (name, value) in headers.pairs {
            let lower: String = name.lowercased()
            if values[lower] != nil {
                values[lower]! += [0] + Array(value.utf8)
            } else {
                names.append(lower)
                values[lower] = Array(value.utf8)
            }
        }
        var block: [UInt8] = bigEndian(UInt32(names.count))
        for name in names {
            block += bigEndian(UInt32(name.utf8.count)) + Array(name.utf8)
            block += bigEndian(UInt32(values[name]!.count)) + values[name]!
        }
        return run(block, limit: .max) {
            deflate(&deflater, Z_SYNC_FLUSH)
        } stream: { body in
            body(&deflater)
        } ?? []
    }

    func decompress(_ block: [UInt8]) throws -> Headers {
        let plain: [UInt8]? = run(block, limit: Self.blockBytesMax) {
            let code: Int32 = inflate(&inflater, Z_SYNC_FLUSH)
            guard code == Z_NEED_DICT else { return code }
            _ = Self.dictionary.withUnsafeBufferPointer {
                inflateSetDictionary(&inflater, $0.baseAddress, UInt32($0.count))
            }
            return inflate(&inflater, Z_SYNC_FLUSH)
        } stream: { body in
            body(&inflater)
        }
        guard let plain else { throw NetError(.malformed, "spdy: bad header block") }
        return try parse(plain)
    }

    /// Feeds `input` through the stream until it is used up; nil on an error or past the limit.
    private func run(
        _ input: [UInt8], limit: Int, step: () -> Int32, stream: ((inout z_stream) -> Void) -> Void
    ) -> [UInt8]? {
        var output: [UInt8] = []
        var input: [UInt8] = input
        var isGood: Bool = true
        input.withUnsafeMutableBufferPointer { source in
            stream { z in
                z.next_in = source.baseAddress
                z.avail_in = UInt32(source.count)
            }
            var chunk: [UInt8] = [UInt8](repeating: 0, count: 4096)
            var left: UInt32 = 0
            repeat {
                var produced: Int = 0
                chunk.withUnsafeMutableBufferPointer { target in
                    stream { z in
                        z.next_out = target.baseAddress
                        z.avail_out = UInt32(target.count)
                    }
                    let code: Int32 = step()
                    if code != Z_OK && code != Z_BUF_ERROR && code != Z_STREAM_END { isGood = false }
                    stream { z in
                        produced = target.count - Int(z.avail_out)
                        left = z.avail_out
                    }
                }
                output += chunk[0..<produced]
                if output.count > limit { isGood = false }
            } while isGood && left == 0
        }
        return isGood ? output : nil
    }

    private func parse(_ plain: [UInt8]) throws -> Headers {
        var at: Int = 0
        func bad() -> NetError { NetError(.malformed, "spdy: bad header block") }
        func number() throws -> Int {
            guard at + 4 <= plain.count else { throw bad() }
            defer { at += 4 }
            return Int(plain[at]) << 24 | Int(plain[at + 1]) << 16 | Int(plain[at + 2]) << 8 | Int(plain[at + 3])
        }
        func text() throws -> ArraySlice<UInt8> {
            let count: Int = try number()
            guard count <= plain.count - at else { throw bad() }
            defer { at += count }
            return plain[at..<(at + count)]
        }
        var headers: Headers = Headers()
        let count: Int = try number()
        guard count <= plain.count / 8 else { throw bad() }
        for _ in 0..<count {
            let name: String = String(decoding: try text(), as: UTF8.self)
            for value in try text().split(separator: 0, omittingEmptySubsequences: false) {
                headers.add(name, String(decoding: value, as: UTF8.self))
            }
        }
        return headers
    }

    /// The dictionary of SPDY/3 (Adler-32 e3c6a7c2): length-prefixed words, then a run of text.
    private static func makeDictionary() -> [UInt8] {
        let words: String = """
            options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age \
            allow authorization cache-control connection content-base content-encoding content-language content-length \
            content-location content-md5 content-range content-type date etag expect expires from host if-match \
            if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma \
            proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding \
            upgrade user-agent vary via warning www-authenticate method get status
            """
        let more: [String] = ["200 OK", "version", "HTTP/1.1", "url", "public", "set-cookie", "keep-alive", "origin"]
        let tail: String = """
            100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505\
            203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized\
            403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable\
            Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT\
            chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,\
            text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.
            """
        var out: [UInt8] = []
        for word in words.split(separator: " ").map(String.init) + more {
            out += bigEndian(UInt32(word.utf8.count)) + Array(word.utf8)
        }
        return out + Array(tail.utf8)
    }
}

func bigEndian(_ n: UInt32) -> [UInt8] {
    [UInt8(n >> 24), UInt8(n >> 16 & 255), UInt8(n >> 8 & 255), UInt8(n & 255)]
}
