// gzip for large answers to clients that take it, as the API server of upstream.

import KubeNet

enum Compression {
    /// Smaller answers go as they are.
    static let bytesMin: Int = 128 << 10

    static func apply(to response: inout HTTPResponse, _ request: HTTPRequest) {
        guard case .bytes(let bytes) = response.body, bytes.count > bytesMin,
            response.headers["Content-Encoding"] == nil, takes(request)
        else { return }
        response.body = .bytes(Gzip.compress(bytes))
        response.headers["Content-Encoding"] = "gzip"
        response.headers.add("Vary", "Accept-Encoding")
    }

    /// `Accept-Encoding: deflate, gzip;q=1.0`
    private static func takes(_ request: HTTPRequest) -> Bool {
        MediaType.list(request.headers.all("Accept-Encoding").joined(separator: ",")).contains {
            $0.name == "gzip" && $0.quality > 0
        }
    }
}
