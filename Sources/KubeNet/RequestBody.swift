// A request's body that is still on its way: read by a responder while it arrives, or sent by a client as it is made.

/// Chunks as they come, each read once, by one reader. Dropping it unread is fine: the server gives the rest up.
package final class RequestBody: Sendable {
    let pipe: BytePipe
    /// Bytes, when the sender told them.
    package let length: Int?

    init(pipe: BytePipe, length: Int?) {
        self.pipe = pipe
        self.length = length
    }

    /// nil at the end; throws when the sender went away before it.
    package func next() async throws -> [UInt8]? { try await pipe.next() }

    /// The whole body; throws `NetError.tooLarge` when it is longer than `maxBytes`.
    package func collect(maxBytes: Int) async throws -> [UInt8] {
        var whole: [UInt8] = []
        while let chunk = try await pipe.next() {
            guard whole.count + chunk.count <= maxBytes else {
                throw NetError(.tooLarge, "the request body is longer than \(maxBytes) bytes")
            }
            if whole.isEmpty { whole = chunk } else { whole += chunk }
        }
        return whole
    }
}
