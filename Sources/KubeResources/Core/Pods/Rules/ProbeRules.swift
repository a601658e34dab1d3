// Probes and the handlers that probes and lifecycle hooks share.

import KubeModel
package import KubeWire

package enum ProbeRules {
    package static func check(_ probe: JSON, isReadiness: Bool, at: String, _ out: inout Faults) {
        handler(probe, kinds: ["exec", "httpGet", "tcpSocket", "grpc"], at: at, &out)
        for field in [
            "initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold",
        ] {
            out.notNegative("\(at).\(field)", probe[field])
        }
        if let grace = probe.terminationGracePeriodSeconds.asInt64 {
            if isReadiness {
                out.invalid(
                    at + ".terminationGracePeriodSeconds", probe.terminationGracePeriodSeconds,
                    "must not be set for readinessProbes")
            } else if grace <= 0 {
                out.invalid(
                    at + ".terminationGracePeriodSeconds", probe.terminationGracePeriodSeconds,
                    "must be greater than 0")
            }
        }
        if !isReadiness, let n = probe.successThreshold.asInt, n != 1 {
            out.invalid(at + ".successThreshold", probe.successThreshold, "must be 1")
        }
    }

    /// Exactly one of `kinds`.
    package static func handler(_ h: JSON, kinds: [String], at: String, _ out: inout Faults) {
        let given: [String] = kinds.filter { h[$0].exists }
        if given.isEmpty { return out.required(at, "must specify a handler type") }
        for kind in given.dropFirst() {
            out.forbidden("\(at).\(kind)", "may not specify more than 1 handler type")
        }
        let action: JSON = h[given[0]]
        let here: String = "\(at).\(given[0])"
        switch given[0] {
        case "exec":
            if action.command.elements.isEmpty { out.required(here + ".command") }
        case "httpGet":
            if action.path.text.isEmpty { out.required(here + ".path") }
            portOrName(action.port, at: here + ".port", &out)
            out.oneOf(here + ".scheme", action.scheme, ["HTTP", "HTTPS"])
            for (i, header) in action.httpHeaders.elements.enumerated() where !isHeader(header.name.text) {
                out.invalid(
                    "\(here).httpHeaders", header.name,
                    "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex "
                        + "used for validation is '[-A-Za-z0-9]+')")
                _ = i
            }
        case "tcpSocket": portOrName(action.port, at: here + ".port", &out)
        case "grpc": out.port(here + ".port", action.port)
        case "sleep": out.notNegative(here + ".seconds", action.seconds)
        default: break
        }
    }

    private static func isHeader(_ name: String) -> Bool {
        !name.isEmpty && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
    }

    /// IntOrString: a number 1–65535 or a port's name.
    package static func portOrName(_ port: JSON, at: String, _ out: inout Faults) {
        if let name = port.asString {
            out.name(at, name, NameRules.portName)
        } else {
            out.port(at, port.exists ? port : 0)
        }
    }
}
