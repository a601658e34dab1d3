// What is allowed in a pod but likely a mistake: k8s.io/kubernetes/pkg/api/pod/warnings.go.

import KubeModel
import KubeServer
package import KubeWire

package enum PodWarnings {
    /// `pod` is a Pod or a template; `path` leads to it: empty, or `spec.template.`
    package static func of(_ pod: JSON, at path: String) -> [String] {
        var out: [String] = []
        let spec: JSON = pod.spec
        let at: String = path + "spec"
        labels(spec, at: at, &out)
        annotations(pod.metadata.annotations, at: path + "metadata.annotations", &out)
        for (i, v) in spec.volumes.elements.enumerated() {
            for (kind, why) in retiredVolumes where v[kind].exists { out.append("\(at).volumes[\(i)].\(kind): \(why)") }
        }
        for (i, h) in spec.hostAliases.elements.enumerated() where h.ip.text.isEmpty {
            out.append("\(at).hostAliases[\(i)].ip: missing")
        }
        for (i, s) in spec.imagePullSecrets.elements.enumerated() where s.name.text.isEmpty {
            out.append("\(at).imagePullSecrets[\(i)]: invalid empty name \"\"")
        }
        for list in ["initContainers", "containers"] {
            for (i, c) in spec[list].elements.enumerated() { container(c, at: "\(at).\(list)[\(i)]", &out) }
        }
        nullSelectors(spec, at: at, &out)
        if let grace = spec.terminationGracePeriodSeconds.asInt, grace < 0 {
            out.append(
                "\(at).terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1"
            )
        }
        return out
    }

    private static let retiredVolumes: [(String, String)] = [
        ("gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"),
        ("photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
        ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
        ("flocker", "deprecated in v1.22, non-functional in v1.25+"),
        ("storageos", "deprecated in v1.22, non-functional in v1.25+"),
        ("quobyte", "deprecated in v1.22, non-functional in v1.25+"),
        ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
        ("cephfs", "deprecated in v1.28, non-functional in v1.31+"),
        ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
    ]

    private static let oldLabels: [String: String] = [
        "beta.kubernetes.io/arch": "deprecated since v1.14; use \"kubernetes.io/arch\" instead",
        "beta.kubernetes.io/os": "deprecated since v1.14; use \"kubernetes.io/os\" instead",
        "failure-domain.beta.kubernetes.io/region":
            "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead",
        "failure-domain.beta.kubernetes.io/zone": "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead",
        "beta.kubernetes.io/instance-type": "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead",
    ]

    private static func labels(_ spec: JSON, at: String, _ out: inout [String]) {
        for key in spec.nodeSelector.fields.keys {
            if let why = oldLabels[key] { out.append("\(at).nodeSelector[\(key)]: \(why)") }
        }
        func term(_ t: JSON, _ path: String) {
            for (j, e) in t.matchExpressions.elements.enumerated() {
                if let why = oldLabels[e.key.text] {
                    out.append("\(path).matchExpressions[\(j)].key: \(e.key.text) is \(why)")
                }
            }
        }
        let node: JSON = spec.affinity.nodeAffinity
        let required: String = "requiredDuringSchedulingIgnoredDuringExecution"
        let preferred: String = "preferredDuringSchedulingIgnoredDuringExecution"
        for (i, t) in node[required].nodeSelectorTerms.elements.enumerated() {
            term(t, "\(at).affinity.nodeAffinity.\(required).nodeSelectorTerms[\(i)]")
        }
        for (i, p) in node[preferred].elements.enumerated() {
            term(p.preference, "\(at).affinity.nodeAffinity.\(preferred)[\(i)].preference")
        }
        for (i, t) in spec.topologySpreadConstraints.elements.enumerated() {
            if let why = oldLabels[t.topologyKey.text] {
                out.append("\(at).topologySpreadConstraints[\(i)].topologyKey: \(t.topologyKey.text) is \(why)")
            }
        }
    }

    private static let oldAnnotations: [(prefix: String, why: String)] = [
        (
            "scheduler.alpha.kubernetes.io/critical-pod",
            "non-functional in v1.16+; use the \"priorityClassName\" field instead"
        ),
        (
            "seccomp.security.alpha.kubernetes.io/pod",
            "non-functional in v1.27+; use the \"seccompProfile\" field instead"
        ),
        (
            "container.seccomp.security.alpha.kubernetes.io/",
            "non-functional in v1.27+; use the \"seccompProfile\" field instead"
        ),
        ("security.alpha.kubernetes.io/sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead"),
        ("security.alpha.kubernetes.io/unsafe-sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead"),
        (
            "container.apparmor.security.beta.kubernetes.io/",
            "deprecated since v1.30; use the \"appArmorProfile\" field instead"
        ),
    ]

    private static func annotations(_ map: JSON, at: String, _ out: inout [String]) {
        for key in map.fields.keys {
            let known: (prefix: String, why: String)? = oldAnnotations.first {
                $0.prefix.hasSuffix("/") ? key.hasPrefix($0.prefix) : key == $0.prefix
            }
            if let known { out.append("\(at)[\(key)]: \(known.why)") }
        }
    }

    private static func nullSelectors(_ spec: JSON, at: String, _ out: inout [String]) {
        let why: String = "a null labelSelector results in matching no pod"
        let required: String = "requiredDuringSchedulingIgnoredDuringExecution"
        let preferred: String = "preferredDuringSchedulingIgnoredDuringExecution"
        for kind in ["podAffinity", "podAntiAffinity"] {
            let here: String = "\(at).affinity.\(kind)"
            for (i, t) in spec.affinity[kind][required].elements.enumerated() where !t.labelSelector.exists {
                out.append("\(here).\(required)[\(i)].labelSelector: \(why)")
            }
            for (i, p) in spec.affinity[kind][preferred].elements.enumerated()
            where !p.podAffinityTerm.labelSelector.exists {
                out.append("\(here).\(preferred)[\(i)].podAffinityTerm.labelSelector: \(why)")
            }
        }
        for (i, t) in spec.topologySpreadConstraints.elements.enumerated() where !t.labelSelector.exists {
            out.append("\(at).topologySpreadConstraints[\(i)].labelSelector: \(why)")
        }
    }

    private static func container(_ c: JSON, at: String, _ out: inout [String]) {
        for part in ["limits", "requests"] {
            for name in ["memory", "ephemeral-storage"] {
                guard let q = ResourceRules.quantity(c.resources[part][name]), q.milliValue % 1000 != 0 else {
                    continue
                }
                out.append(
                    "\(at).resources.\(part)[\(name)]: fractional byte value \"\(q)\" is invalid, must be an integer")
            }
        }
        var seen: Set<String> = []
        for (i, e) in c.env.elements.enumerated() where !seen.insert(e.name.text).inserted {
            out.append(
                "\(at).env[\(i)]: hides previous definition of \"\(e.name.text)\", which may be dropped when using apply"
            )
        }
        var ports: [String] = []
        for (i, p) in c.ports.elements.enumerated() {
            let key: String =
                "\(p.containerPort.asInt ?? 0)/\(p["protocol"].text)/\(p.hostIP.text)/\(p.hostPort.asInt ?? 0)"
            if let first = ports.firstIndex(of: key) {
                out.append("\(at).ports[\(i)]: duplicate port definition with \(at).ports[\(first)]")
            }
            ports.append(key)
        }
    }
}

/// Kinds that hold a pod template warn of what is odd in it when they are made, and when they change it.
protocol TemplatedStrategy: Strategy {
    static var templatePath: [String] { get }
}

extension TemplatedStrategy {
    static var templatePath: [String] { ["spec", "template"] }

    func warnings(onCreate o: JSON, _ context: RequestContext) -> [String] {
        PodWarnings.of(o.at(Self.templatePath), at: Self.templatePath.joined(separator: ".") + ".")
    }
    func warnings(onUpdate new: JSON, old: JSON, _ context: RequestContext) -> [String] {
        new.at(Self.templatePath) == old.at(Self.templatePath) ? [] : warnings(onCreate: new, context)
    }
}
