// Which endpoint takes the next request: the one with the fewest open, in turn among equals.

package import KubeNet

/// Counts open requests by endpoint.
package struct Balancer: Sendable {
    private var open: [Endpoint: Int] = [:]
    private var turn: Int = 0

    package init() {}

    /// Counts the request as open; nil: every endpoint is among those to avoid.
    package mutating func pick(_ endpoints: [Endpoint], avoiding tried: Set<Endpoint> = []) -> Endpoint? {
        turn &+= 1
        var best: (endpoint: Endpoint, count: Int)?
        let start: Int = endpoints.isEmpty ? 0 : Int(UInt(bitPattern: turn) % UInt(endpoints.count))
        for i in endpoints.indices {
            let endpoint: Endpoint = endpoints[(start + i) % endpoints.count]
            if tried.contains(endpoint) { continue }
            let count: Int = open[endpoint] ?? 0
            if best.map({ count < $0.count }) ?? true { best = (endpoint, count) }
        }
        if let best { open[best.endpoint] = best.count + 1 }
        return best?.endpoint
    }

    /// The request is over.
    package mutating func release(_ endpoint: Endpoint) {
        guard let count = open[endpoint] else { return }
        open[endpoint] = count > 1 ? count - 1 : nil
    }

    package func openRequests(_ endpoint: Endpoint) -> Int { open[endpoint] ?? 0 }
}
