// Bodies that are passed on as they come, of any length: through the proxies of pods, services and nodes, and to
// aggregated servers. All others are read whole first, and are limited.

import KubeModel
import KubeNet

extension APIServer {
    /// Bytes; upstream's limit of a request's body.
    private static let bodyBytesMax: Int = 3 << 20

    /// Asked before anything else is known of a request: `target` is its path and query. Says too much rather than
    /// too little; what is not passed on after all is collected.
    package func streamsBody(of target: String) -> Bool {
        let path: Substring = target.prefix { $0 != "?" }
        if path.hasPrefix("/apis/") { return remotes.entry(path: String(path)) != nil }
        return path.hasPrefix("/api/v1/") && path.split(separator: "/").contains("proxy")
    }

    static func collectBody(of request: inout HTTPRequest) async throws(StatusError) {
        guard let stream = request.stream else { return }
        do {
            request.body = try await stream.collect(maxBytes: bodyBytesMax)
        } catch {
            guard (error as? NetError)?.kind == .tooLarge else { throw .badRequest("\(error)") }
            throw .tooLarge("Request entity too large: limit is \(bodyBytesMax)")
        }
        request.stream = nil
    }
}
