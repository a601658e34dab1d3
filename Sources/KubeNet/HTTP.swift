// HTTP as values: what a server hands to its responder and what a client sends and gets.

/// Header fields in order; names compare without case.
package struct Headers: Sendable, ExpressibleByDictionaryLiteral {
    package var pairs: [(name: String, value: String)] = []
    package init() {}
    package init(dictionaryLiteral elements: (String, String)...) { pairs = elements.map { ($0.0, $0.1) } }
    /// The first value. Setting replaces every value, nil removes.
    package subscript(_ name: String) -> String? {
        get { pairs.first { Headers.same($0.name, name) }?.value }
        set {
            pairs.removeAll { Headers.same($0.name, name) }
            if let newValue { pairs.append((name, newValue)) }
        }
    }
    package func all(_ name: String) -> [String] { pairs.filter { Headers.same($0.name, name) }.map { $0.value } }
    package mutating func add(_ name: String, _ value: String) { pairs.append((name, value)) }

    private static func same(_ a: String, _ b: String) -> Bool {
        guard a.utf8.count == b.utf8.count else { return false }
        return zip(a.utf8, b.utf8).allSatisfy { x, y in
            x == y || ((x | 0x20) == (y | 0x20) && (x | 0x20) >= 97 && (x | 0x20) <= 122)
        }
    }
}

/// The subject of a client certificate.
package struct PeerIdentity: Sendable, Hashable {
    package var commonName: String
    package var organizations: [String]
    /// False: nobody has checked yet who issued it.
    package var isVerified: Bool = true
    /// The certificates shown, in DER form, the leaf first.
    package var chain: [[UInt8]] = []
    package init(commonName: String, organizations: [String]) {
        self.commonName = commonName
        self.organizations = organizations
    }
}

/// A request with its whole body (limited by the server's `bodyBytesMax`), or with a stream.
package struct HTTPRequest: Sendable {
    package var method: String
    /// Percent-encoded, without the query.
    package var path: String
    /// What stands after `?`, still encoded; empty when there is none.
    package var rawQuery: String
    package var headers: Headers
    package var body: [UInt8]
    /// The body in place of `body`, while it is still on its way. A server sets it when it was made so, a client sends it
    /// chunked, or as long as the `Content-Length` among the headers.
    package var stream: RequestBody?
    /// nil when the client showed no certificate.
    package var peer: PeerIdentity?
    package var remoteAddress: String
    /// nil: nobody keeps time.
    package var deadline: RequestDeadline?

    package init(
        method: String, path: String, rawQuery: String = "", headers: Headers = Headers(), body: [UInt8] = [],
        peer: PeerIdentity? = nil, remoteAddress: String = ""
    ) {
        self.method = method
        self.path = path
        self.rawQuery = rawQuery
        self.headers = headers
        self.body = body
        self.peer = peer
        self.remoteAddress = remoteAddress
    }
}

/// A two-way stream of raw bytes: what is left of a connection after `101 Switching Protocols`, or a TCP connection.
package protocol ByteStream: Sendable {
    /// The next bytes; nil at the end of the stream. One reader at a time.
    func read() async throws -> [UInt8]?
    /// Returns when the bytes were handed to the socket and its buffer has room.
    func write(_ bytes: [UInt8]) async throws
    /// Half-closes our side where the transport can, otherwise closes.
    func finish() async
    func close() async
}

/// Where a streaming response is written.
package protocol BodyWriter: Sendable {
    /// Sends at once (flushes); throws when the client has gone.
    func write(_ bytes: [UInt8]) async throws
    /// Gives the client up: a `write` that waits for it throws, and so do later ones. Any thread.
    func abort()
}

extension BodyWriter {
    /// For writers that never wait.
    package func abort() {}
}

/// What a responder answers.
package struct HTTPResponse: Sendable {
    package enum Body: Sendable {
        case bytes([UInt8])
        /// Chunked; the closure's return ends the body. It is cancelled when the client goes away.
        case stream(@Sendable (any BodyWriter) async throws -> Void)
        /// With status 101: the connection becomes a raw byte stream (HTTP/1.1 only).
        case upgrade(@Sendable (any ByteStream) async -> Void)
    }
    package var status: Int
    package var headers: Headers
    package var body: Body
    package init(status: Int, headers: Headers = Headers(), body: Body = .bytes([])) {
        self.status = status
        self.headers = headers
        self.body = body
    }
    package init(status: Int = 200, contentType: String, _ bytes: [UInt8]) {
        self.init(status: status, headers: ["Content-Type": contentType], body: .bytes(bytes))
    }
}

/// The application behind a server.
package protocol HTTPResponder: Sendable {
    func respond(to request: HTTPRequest) async -> HTTPResponse
    /// The answer to a request that never became one (400 malformed, 408 its body is late, 413 too large, 431) or whose
    /// time is over (504). The default is plain text.
    func respond(toFailure status: Int, message: String) -> HTTPResponse
}
