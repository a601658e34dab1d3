// The resolv.conf of a pod: dnsPolicy and dnsConfig against the cluster's and the node's own.

import KubeModel
import KubeWire

struct PodDNS: Sendable {
    /// Limits of resolv.conf that the API promises.
    static let serversMax: Int = 3
    static let searchesMax: Int = 32

    var clusterServers: [String]
    var clusterDomain: String
    /// The node's resolv.conf.
    var node: String

    func config(for pod: JSON) -> CRIDNSConfig {
        var c: CRIDNSConfig = CRIDNSConfig()
        let own: (servers: [String], searches: [String], options: [String]) = Self.parse(node)
        let isHostNetwork: Bool = pod.spec.hostNetwork.isTrue
        let usesCluster: Bool =
            switch pod.spec.dnsPolicy.text {
            case "None", "Default": false
            case "ClusterFirstWithHostNet": true
            default: !isHostNetwork
            }
        if pod.spec.dnsPolicy.text == "None" {
            // Only what dnsConfig says.
        } else if usesCluster, !clusterServers.isEmpty {
            c.servers = clusterServers
            c.searches =
                ["\(pod.meta.namespace).svc.\(clusterDomain)", "svc.\(clusterDomain)", clusterDomain] + own.searches
            c.options = ["ndots:5"]
        } else {
            c.servers = own.servers
            c.searches = own.searches
            c.options = own.options
        }
        let extra: JSON = pod.spec.dnsConfig
        c.servers = Self.unique(c.servers + extra.nameservers.strings, max: Self.serversMax)
        c.searches = Self.unique(c.searches + extra.searches.strings, max: Self.searchesMax)
        for o in extra.options.elements {
            let name: String = o.name.text
            c.options.removeAll { $0 == name || $0.hasPrefix(name + ":") }
            c.options.append(o.value.asString.map { "\(name):\($0)" } ?? name)
        }
        return c
    }

    private static func unique(_ list: [String], max: Int) -> [String] {
        var seen: Set<String> = []
        return Array(list.filter { seen.insert($0).inserted }.prefix(max))
    }

    static func parse(_ text: String) -> (servers: [String], searches: [String], options: [String]) {
        var out: (servers: [String], searches: [String], options: [String]) = ([], [], [])
        for line in text.split(separator: "\n") {
            let words: [String] = line.split { $0 == " " || $0 == "\t" }.map { String($0) }
            guard let first = words.first else { continue }
            switch first {
            case "nameserver": if words.count > 1 { out.servers.append(words[1]) }
            case "search": out.searches = Array(words.dropFirst())
            case "options": out.options = Array(words.dropFirst())
            default: break
            }
        }
        return out
    }
}
