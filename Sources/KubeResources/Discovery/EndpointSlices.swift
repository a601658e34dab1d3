// EndpointSlices.

import KubeAPI
import KubeModel
import KubeServer
import KubeWire

enum EndpointSlices {
    private static let addressesMax: Int = 100
    private static let zoneHintsMax: Int = 8
    private static let strategy: RuledStrategy = RuledStrategy(
        keepsGeneration: true,
        updating: { new, old, out in out.immutable("addressType", new.addressType, old.addressType) }
    ) { o, out in
        out.oneOf("addressType", o.addressType, ["FQDN", "IPv4", "IPv6"])
        if o.endpoints.elements.count > 1000 {
            out.append([.tooMany("endpoints", actual: o.endpoints.elements.count, max: 1000)])
        }
        for (i, e) in o.endpoints.elements.enumerated() {
            let at: String = "endpoints[\(i)]"
            if e.addresses.elements.isEmpty { out.required(at + ".addresses", "must contain at least 1 address") }
            out.tooMany(at + ".addresses", e.addresses.elements.count, max: addressesMax)
            if let node = e.nodeName.asString { out.name(at + ".nodeName", node, NameRules.dns1123Subdomain) }
            if let host = e.hostname.asString { out.name(at + ".hostname", host, NameRules.dns1123Label) }
            out.tooMany(at + ".hints.forZones", e.hints.forZones.elements.count, max: zoneHintsMax)
            for (j, z) in e.hints.forZones.elements.enumerated() {
                out.name("\(at).hints.forZones[\(j)].name", z.name.text, NameRules.labelValue)
            }
            for (j, a) in e.addresses.strings.enumerated() {
                address(
                    a, type: o.addressType.text, mayBeSpecial: EndpointRules.isServerItself(o),
                    at: "\(at).addresses[\(j)]", &out)
            }
        }
        var names: Set<String> = []
        for (i, p) in o.ports.elements.enumerated() {
            let at: String = "ports[\(i)]"
            if !p.name.text.isEmpty { out.name(at + ".name", p.name.text, NameRules.dns1123Label) }
            if !names.insert(p.name.text).inserted { out.duplicate(at + ".name", p.name) }
            out.oneOf(at + ".protocol", p["protocol"], ["SCTP", "TCP", "UDP"])
            out.port(at + ".port", p.port)
            if let app = p.appProtocol.asString { out.name(at + ".appProtocol", app, NameRules.qualifiedName) }
        }
    }

    private static func address(
        _ text: String, type: String, mayBeSpecial: Bool, at: String, _ out: inout Faults
    ) {
        switch type {
        case "IPv4":
            if IPAddress(text).map({ $0.isV6 }) ?? true {
                out.invalid(at, .string(text), "must be a valid IPv4 address")
            } else if !mayBeSpecial {
                EndpointRules.notSpecial(text, at: at, &out)
            }
        case "IPv6":
            if !(IPAddress(text).map({ $0.isV6 }) ?? false) {
                out.invalid(at, .string(text), "must be a valid IPv6 address")
            } else if !mayBeSpecial {
                EndpointRules.notSpecial(text, at: at, &out)
            }
        case "FQDN": out.name(at, text, NameRules.dns1123Subdomain)
        default: break
        }
    }
    static let entry: Entry = Entry(API.endpointSlices, strategy)
}
