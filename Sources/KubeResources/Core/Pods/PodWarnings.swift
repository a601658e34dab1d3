// What is allowed in a pod but likely a mistake: k8s.io/kubernetes/pkg/api/pod/warnings.go.

import KubeModel
package import KubeWire

package enum PodWarnings {
    package static func of(_ spec: JSON, at path: String) -> [String] {
        var out: [String] = []
        for (i, h) in spec.hostAliases.elements.enumerated() where h.ip.text.isEmpty {
            out.append("\(path).hostAliases[\(i)].ip: missing")
        }
        for (i, v) in spec.volumes.elements.enumerated() {
            if v.gitRepo.exists {
                out.append("\(path).volumes[\(i)].gitRepo: deprecated in v1.11, and disabled by default in v1.33+")
            }
            if v.glusterfs.exists { out.append("\(path).volumes[\(i)].glusterfs: deprecated in v1.25, non-functional in v1.26+") }
        }
        for list in ["initContainers", "containers"] {
            for (i, c) in spec[list].elements.enumerated() {
                container(c, at: "\(path).\(list)[\(i)]", &out)
            }
        }
        if let grace = spec.terminationGracePeriodSeconds.asInt, grace < 0 {
            out.append("\(path).terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1")
        }
        return out
    }

    private static func container(_ c: JSON, at: String, _ out: inout [String]) {
        for part in ["limits", "requests"] {
            for name in ["memory", "cpu", "ephemeral-storage"] {
                guard let q = ResourceRules.quantity(c.resources[part][name]), name != "cpu" else { continue }
                if q.milliValue % 1000 != 0 {
                    out.append("\(at).resources.\(part)[\(name)]: fractional byte value \"\(q)\" is invalid, must be an integer")
                }
            }
        }
        var seen: [String] = []
        for (i, e) in c.env.elements.enumerated() {
            if seen.contains(e.name.text) {
                out.append("\(at).env[\(i)]: hides previous definition of \"\(e.name.text)\", which may be unexpected when using apply")
            }
            seen.append(e.name.text)
        }
        var ports: [String] = []
        for (i, p) in c.ports.elements.enumerated() {
            let key: String = "\(p.containerPort.asInt ?? 0)/\(p["protocol"].text)"
            if ports.contains(key) {
                out.append("\(at).ports[\(i)]: duplicate port definition with \(at).ports[\(ports.firstIndex(of: key) ?? 0)]")
            }
            ports.append(key)
        }
    }
}
