// What a container of a pod must look like.

import KubeModel
package import KubeWire

/// Names that containers of one pod may refer to, gathered while its spec is walked.
package struct PodNames {
    package var volumes: [String: JSON] = [:]
    package var containers: Set<String> = []
    package var claims: Set<String> = []
    package var isHostNetwork: Bool = false
    package init() {}
}

package enum ContainerRules {
    package enum Role { case regular, initialising, ephemeral }

    package static func check(
        _ list: JSON, role: Role, at path: String, _ names: inout PodNames, _ out: inout Faults
    ) {
        var hostPorts: Set<String> = []
        for (i, c) in list.elements.enumerated() {
            let at: String = "\(path)[\(i)]"
            common(c, at: at, names, &out)
            if !c.name.text.isEmpty, !names.containers.insert(c.name.text).inserted {
                out.duplicate(at + ".name", c.name)
            }
            for (p, port) in c.ports.elements.enumerated() {
                guard let number = port.hostPort.asInt, number != 0 else { continue }
                let key: String = "\(port["protocol"].text)/\(port.hostIP.text)/\(number)"
                if role == .regular, !hostPorts.insert(key).inserted {
                    out.duplicate("\(at).ports[\(p)].hostPort", .string(key))
                }
            }
            switch role {
            case .regular: hooksAndProbes(c, at: at, &out)
            case .initialising: initial(c, at: at, &out)
            case .ephemeral: ephemeral(c, at: at, names, &out)
            }
        }
    }

    private static func common(_ c: JSON, at: String, _ names: PodNames, _ out: inout Faults) {
        if c.name.text.isEmpty {
            out.required(at + ".name")
        } else {
            out.name(at + ".name", c.name.text, NameRules.dns1123Label)
        }
        let image: String = c.image.text
        if image.isEmpty {
            out.required(at + ".image")
        } else if image.first!.isWhitespace || image.last!.isWhitespace {
            out.invalid(at + ".image", c.image, "must not have leading or trailing whitespace")
        }
        out.oneOf(
            at + ".terminationMessagePolicy", c.terminationMessagePolicy, ["FallbackToLogsOnError", "File"])
        ports(c.ports, at: at + ".ports", names, &out)
        EnvironmentRules.check(c.env, at: at + ".env", &out)
        EnvironmentRules.checkFrom(c.envFrom, at: at + ".envFrom", &out)
        mounts(c, at: at, names, &out)
        out.oneOf(at + ".imagePullPolicy", c.imagePullPolicy, ["Always", "IfNotPresent", "Never"])
        ResourceRules.container(c.resources, at: at + ".resources", &out)
        for (i, claim) in c.resources.claims.elements.enumerated()
        where !claim.name.text.isEmpty && !names.claims.contains(claim.name.text) {
            out.notFound("\(at).resources.claims[\(i)].name", claim.name)
        }
        for (i, r) in c.resizePolicy.elements.enumerated() {
            out.oneOf("\(at).resizePolicy[\(i)].resourceName", r.resourceName, ["cpu", "memory"])
            out.oneOf(
                "\(at).resizePolicy[\(i)].restartPolicy", r.restartPolicy, ["NotRequired", "RestartContainer"])
        }
        SecurityRules.container(c.securityContext, at: at + ".securityContext", names, &out)
    }

    private static func ports(_ list: JSON, at path: String, _ names: PodNames, _ out: inout Faults) {
        var seen: Set<String> = []
        for (i, p) in list.elements.enumerated() {
            let at: String = "\(path)[\(i)]"
            if let name = p.name.asString, !name.isEmpty {
                let faults: [String] = NameRules.portName(name)
                for why in faults { out.invalid(at + ".name", p.name, why) }
                if faults.isEmpty, !seen.insert(name).inserted { out.duplicate(at + ".name", p.name) }
            }
            if (p.containerPort.asInt ?? 0) == 0 {
                out.required(at + ".containerPort")
            } else {
                out.port(at + ".containerPort", p.containerPort)
            }
            if let host = p.hostPort.asInt, host != 0 {
                out.port(at + ".hostPort", p.hostPort)
                if names.isHostNetwork, p.hostPort != p.containerPort {
                    out.invalid(
                        at + ".containerPort", p.containerPort, "must match `hostPort` when `hostNetwork` is true")
                }
            }
            out.oneOf(at + ".protocol", p["protocol"], ["SCTP", "TCP", "UDP"])
            if !p.hostIP.text.isEmpty { out.name(at + ".hostIP", p.hostIP.text, IPAddress.check) }
        }
    }

    private static func mounts(_ c: JSON, at: String, _ names: PodNames, _ out: inout Faults) {
        var paths: Set<String> = []
        for (i, m) in c.volumeMounts.elements.enumerated() {
            let here: String = "\(at).volumeMounts[\(i)]"
            if m.name.text.isEmpty { out.required(here + ".name") }
            if m.mountPath.text.isEmpty { out.required(here + ".mountPath") }
            if names.volumes[m.name.text] == nil { out.notFound(here + ".name", m.name) }
            if !paths.insert(m.mountPath.text).inserted {
                out.invalid(here + ".mountPath", m.mountPath, "must be unique")
            }
            if !m.subPath.text.isEmpty { PathRules.descending(m.subPath, at: here + ".subPath", &out) }
            if !m.subPathExpr.text.isEmpty {
                if !m.subPath.text.isEmpty {
                    out.invalid(here + ".subPathExpr", m.subPathExpr, "subPathExpr and subPath are mutually exclusive")
                }
                PathRules.descending(m.subPathExpr, at: here + ".subPathExpr", &out)
            }
            if m.mountPropagation.exists {
                out.oneOf(
                    here + ".mountPropagation", m.mountPropagation, ["Bidirectional", "HostToContainer", "None"])
                if m.mountPropagation.text == "Bidirectional", !c.securityContext.privileged.isTrue {
                    out.forbidden(
                        here + ".mountPropagation",
                        "Bidirectional mount propagation is available only to privileged containers")
                }
            }
        }
        for (i, d) in c.volumeDevices.elements.enumerated() {
            let here: String = "\(at).volumeDevices[\(i)]"
            if d.name.text.isEmpty { out.required(here + ".name") }
            if d.devicePath.text.isEmpty { out.required(here + ".devicePath") }
            if names.volumes[d.name.text] == nil { out.notFound(here + ".name", d.name) }
        }
    }

    private static func hooksAndProbes(_ c: JSON, at: String, _ out: inout Faults) {
        for hook in ["postStart", "preStop"] where c.lifecycle[hook].exists {
            ProbeRules.handler(
                c.lifecycle[hook], kinds: ["exec", "httpGet", "tcpSocket", "sleep"], at: "\(at).lifecycle.\(hook)",
                &out)
        }
        for kind in ["livenessProbe", "readinessProbe", "startupProbe"] where c[kind].exists {
            ProbeRules.check(c[kind], isReadiness: kind == "readinessProbe", at: "\(at).\(kind)", &out)
        }
        if let policy = c.restartPolicy.asString, !policy.isEmpty, !["Always", "Never", "OnFailure"].contains(policy) {
            out.notSupported(at + ".restartPolicy", c.restartPolicy, ["Always", "Never", "OnFailure"])
        }
    }

    private static func initial(_ c: JSON, at: String, _ out: inout Faults) {
        if c.restartPolicy.text == "Always" { return hooksAndProbes(c, at: at, &out) }
        if let policy = c.restartPolicy.asString, !policy.isEmpty, !["Never", "OnFailure"].contains(policy) {
            out.notSupported(at + ".restartPolicy", c.restartPolicy, ["Always", "Never", "OnFailure"])
        }
        for field in ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"] where c[field].exists {
            out.forbidden("\(at).\(field)", "may not be set for init containers without restartPolicy=Always")
        }
    }

    private static func ephemeral(_ c: JSON, at: String, _ names: PodNames, _ out: inout Faults) {
        let target: JSON = c.targetContainerName
        if !target.text.isEmpty, !names.containers.contains(target.text) || target.text == c.name.text {
            out.notFound(at + ".targetContainerName", target)
        }
        for field in ["ports", "lifecycle", "livenessProbe", "readinessProbe", "startupProbe"]
        where c[field].exists && !c[field].elements.isEmpty || c[field].asObject != nil {
            out.forbidden("\(at).\(field)", "field not allowed for Ephemeral Containers")
        }
        if !c.resources.fields.isEmpty {
            out.forbidden(at + ".resources", "field not allowed for Ephemeral Containers")
        }
    }
}

package enum PathRules {
    /// Relative and without `..`.
    package static func descending(_ value: JSON, at path: String, _ out: inout Faults) {
        if value.text.hasPrefix("/") { out.invalid(path, value, "must be a relative path") }
        noBackSteps(value, at: path, &out)
    }
    package static func noBackSteps(_ value: JSON, at path: String, _ out: inout Faults) {
        if value.text.split(separator: "/").contains("..") { out.invalid(path, value, "must not contain '..'") }
    }
}
