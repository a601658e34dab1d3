// Addresses and ports behind Services, as Endpoints and EndpointSlices have them.

import KubeModel
import KubeWire

enum EndpointRules {
    /// A server that listens on loopback only is its own endpoint there.
    static func isServerItself(_ o: JSON) -> Bool {
        o.meta.namespace == "default"
            && (o.meta.name == "kubernetes" || o.metadata.labels["kubernetes.io/service-name"].text == "kubernetes")
    }

    static func address(_ a: JSON, mayBeSpecial: Bool, at: String, _ out: inout Faults) {
        out.name(at + ".ip", a.ip.text, IPAddress.check)
        if !a.hostname.text.isEmpty { out.name(at + ".hostname", a.hostname.text, NameRules.dns1123Label) }
        if let node = a.nodeName.asString { out.name(at + ".nodeName", node, NameRules.dns1123Subdomain) }
        if !mayBeSpecial { notSpecial(a.ip.text, at: at + ".ip", &out) }
    }

    /// Addresses that can only mean the node itself would let who writes endpoints reach into it.
    static func notSpecial(_ text: String, at: String, _ out: inout Faults) {
        guard IPAddress(text) != nil else { return }
        let value: JSON = .string(text)
        func isIn(_ ranges: String...) -> Bool {
            guard let ip = IPAddress(text) else { return false }
            return ranges.contains { CIDR($0)?.contains(ip) ?? false }
        }
        if isIn("0.0.0.0/32", "::/128") { out.invalid(at, value, "may not be unspecified (\(text))") }
        if isIn("127.0.0.0/8", "::1/128") {
            out.invalid(at, value, "may not be in the loopback range (127.0.0.0/8, ::1/128)")
        }
        if isIn("169.254.0.0/16", "fe80::/10") {
            out.invalid(at, value, "may not be in the link-local range (169.254.0.0/16, fe80::/10)")
        }
        if isIn("224.0.0.0/24", "ff02::/16") {
            out.invalid(at, value, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)")
        }
    }

    static func port(_ p: JSON, needsName: Bool, at: String, _ out: inout Faults) {
        if p.name.text.isEmpty {
            if needsName { out.required(at + ".name") }
        } else {
            out.name(at + ".name", p.name.text, NameRules.dns1123Label)
        }
        out.port(at + ".port", p.port.exists ? p.port : 0)
        out.oneOf(at + ".protocol", p["protocol"], ["SCTP", "TCP", "UDP"])
        if let app = p.appProtocol.asString { out.name(at + ".appProtocol", app, NameRules.qualifiedName) }
    }
}
