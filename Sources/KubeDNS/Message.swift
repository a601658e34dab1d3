// DNS messages as values: RFC 1035, RFC 2782 (SRV), RFC 6891 (EDNS0).

/// Labels from the host up, as they were written; compare by `key`.
package struct DomainName: Sendable, Equatable, CustomStringConvertible {
    package var labels: [String]

    package init(labels: [String]) { self.labels = labels }
    /// `web.default.svc.cluster.local`, with or without the closing dot.
    package init(_ text: String) { labels = text.split(separator: ".").map { String($0) } }

    /// Lower case, without the closing dot: names compare without case.
    package var key: String { labels.joined(separator: ".").lowercased() }
    package var description: String { labels.joined(separator: ".") + "." }

    /// The labels in front of `zone`, in lower case; nil when the name is not inside it.
    package func labels(inside zone: DomainName) -> [String]? {
        let count: Int = labels.count - zone.labels.count
        guard count >= 0 else { return nil }
        let lower: [String] = labels.map { $0.lowercased() }
        guard Array(lower[count...]) == zone.labels.map({ $0.lowercased() }) else { return nil }
        return Array(lower[..<count])
    }
}

package enum RecordType {
    package static let a: UInt16 = 1
    package static let ns: UInt16 = 2
    package static let cname: UInt16 = 5
    package static let soa: UInt16 = 6
    package static let ptr: UInt16 = 12
    package static let txt: UInt16 = 16
    package static let aaaa: UInt16 = 28
    package static let srv: UInt16 = 33
    package static let opt: UInt16 = 41
    package static let any: UInt16 = 255
}

package enum ResponseCode: UInt8, Sendable {
    case noError = 0, formatError = 1, serverFailure = 2, noSuchName = 3, notImplemented = 4, refused = 5
}

package struct Question: Sendable, Equatable {
    package var name: DomainName
    package var type: UInt16
    /// 1: IN
    package var recordClass: UInt16
    package init(name: DomainName, type: UInt16, recordClass: UInt16 = 1) {
        self.name = name
        self.type = type
        self.recordClass = recordClass
    }
}

package struct Record: Sendable, Equatable {
    package enum Content: Sendable, Equatable {
        case address([UInt8])
        case name(UInt16, DomainName)
        case service(priority: UInt16, weight: UInt16, port: UInt16, target: DomainName)
        case text(String)
        case authority(server: DomainName, mailbox: DomainName, serial: UInt32, minimum: UInt32)
    }
    package var name: DomainName
    /// Seconds.
    package var ttl: UInt32
    package var content: Content

    package init(name: DomainName, ttl: UInt32, content: Content) {
        self.name = name
        self.ttl = ttl
        self.content = content
    }

    package var type: UInt16 {
        switch content {
        case .address(let b): b.count == 4 ? RecordType.a : RecordType.aaaa
        case .name(let type, _): type
        case .service: RecordType.srv
        case .text: RecordType.txt
        case .authority: RecordType.soa
        }
    }
}

/// What was asked.
package struct Query: Sendable {
    package var id: UInt16
    package var wantsRecursion: Bool
    package var question: Question
    /// The client's UDP buffer in bytes (EDNS0); nil: it knows no EDNS.
    package var bufferBytes: Int?
    /// As it came, for a forwarder.
    package var bytes: [UInt8]
}

/// What is answered.
package struct Message: Sendable, Equatable {
    package var code: ResponseCode = .noError
    package var isAuthoritative: Bool = true
    package var canRecurse: Bool = false
    package var answers: [Record] = []
    package var authorities: [Record] = []
    package var additionals: [Record] = []
    /// The whole answer of another server; its ID is replaced.
    package var raw: [UInt8]?

    package init(_ code: ResponseCode = .noError) { self.code = code }
}

/// Why bytes are no query that can be answered; `code` goes back when the header could be read.
package struct QueryError: Error {
    package var id: UInt16?
    package var code: ResponseCode
}
