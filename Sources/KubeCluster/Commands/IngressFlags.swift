// Flags of the built-in Ingress proxy, and the file that tells where it listens.

import KubeIngress
import KubeOS

/// `--ingress on|off`, `--ingress-http-port P`, `--ingress-https-port P`.
struct IngressFlags: Sendable {
    static let flags: [String: Bool] = ["ingress": true, "ingress-http-port": true, "ingress-https-port": true]

    /// nil: off.
    var settings: IngressSettings? = IngressSettings()

    init() {}

    init(_ flags: Flags) throws {
        switch flags["ingress"] ?? "on" {
        case "on": break
        case "off": settings = nil
        case let other: throw ClusterError("invalid argument \"\(other)\" for --ingress: must be on or off")
        }
        if let port = try flags.int("ingress-http-port", 0...65535) { settings?.httpPort = port }
        if let port = try flags.int("ingress-https-port", 0...65535) { settings?.httpsPort = port }
    }

    // MARK: the file

    private static func file(_ dataFolder: String) -> String { "\(dataFolder)/ingress" }

    /// `address` nil: it does not listen.
    static func tell(_ address: IngressAddress?, _ dataFolder: String) {
        guard let address else {
            try? Files.remove(file(dataFolder))
            return
        }
        let text: String = "http://\(address.host):\(address.httpPort) https://\(address.host):\(address.httpsPort)\n"
        try? Files.writeAtomically(file(dataFolder), Array(text.utf8))
    }

    /// The URLs, while the server runs.
    static func told(_ dataFolder: String) -> String? {
        (try? Files.text(file(dataFolder)))?.split(separator: "\n").first.map { String($0) }
    }
}
