// `describe pod`.

import KubeBase
import KubeModel
import KubeWire

enum DescribePod {
    static func pod(_ p: JSON, into w: inout DescribeWriter) {
        head(p, into: &w)
        if p.status.initContainerStatuses.exists || !p.spec.initContainers.elements.isEmpty {
            containers("Init Containers", p.spec.initContainers.elements, p.status.initContainerStatuses.elements, p, into: &w)
        }
        containers("Containers", p.spec.containers.elements, p.status.containerStatuses.elements, p, into: &w)
        if !p.spec.ephemeralContainers.elements.isEmpty {
            containers("Ephemeral Containers", p.spec.ephemeralContainers.elements, p.status.ephemeralContainerStatuses.elements, p, into: &w)
        }
        if !p.status.conditions.elements.isEmpty {
            w.add(0, "Conditions:")
            w.add(1, "Type", "Status")
            for c in p.status.conditions.elements { w.add(1, c.type.text + " ", c.status.text + " ") }
        }
        volumes(p.spec.volumes.elements, into: &w)
        w.field("QoS Class", p.status.qosClass.asString ?? "BestEffort")
        w.map("Node-Selectors", p.spec.nodeSelector.stringMap)
        w.list("Tolerations", p.spec.tolerations.elements.map { toleration($0) })
    }

    private static func head(_ p: JSON, into w: inout DescribeWriter) {
        w.field("Name", p.meta.name)
        w.field("Namespace", p.meta.namespace)
        w.field("Priority", "\(p.spec.priority.asInt ?? 0)")
        if p.spec.priorityClassName.exists { w.field("Priority Class Name", p.spec.priorityClassName.text) }
        if p.spec.runtimeClassName.exists { w.field("Runtime Class Name", p.spec.runtimeClassName.text) }
        if p.spec.serviceAccountName.exists { w.field("Service Account", p.spec.serviceAccountName.text) }
        w.field("Node", p.spec.nodeName.exists ? "\(p.spec.nodeName.text)/\(p.status.hostIP.text)" : "<none>")
        if let start = p.status.startTime.asString { w.field("Start Time", GoTime.text(start)) }
        w.map("Labels", p.meta.labels)
        w.annotations(p.meta.annotations)
        if let deleted = p.metadata.deletionTimestamp.asString {
            w.field("Status", "Terminating (lasts \(DescribeEvents.since(deleted)))")
            w.field("Termination Grace Period", "\(p.metadata.deletionGracePeriodSeconds.asInt ?? 0)s")
        } else {
            w.field("Status", p.status.phase.text)
        }
        if p.status.reason.exists { w.field("Reason", p.status.reason.text) }
        if p.status.message.exists { w.field("Message", p.status.message.text) }
        if p.spec.securityContext.seccompProfile.type.exists { w.field("SeccompProfile", p.spec.securityContext.seccompProfile.type.text) }
        w.field("IP", p.status.podIP.text)
        if p.status.podIPs.elements.isEmpty {
            w.field("IPs", "<none>")
        } else {
            w.add(0, "IPs:")
            for ip in p.status.podIPs.elements { w.add(1, "IP:", ip.ip.text) }
        }
        if let owner = p.meta.controller { w.field("Controlled By", "\(owner.kind.text)/\(owner.name.text)") }
    }

    /// The pod template of a workload.
    static func template(_ t: JSON, into w: inout DescribeWriter) {
        w.add(0, "Pod Template:")
        w.map("Labels", t.meta.labels, level: 1)
        if !t.meta.annotations.isEmpty { w.annotations(t.meta.annotations, level: 1) }
        if t.spec.serviceAccountName.exists { w.field("Service Account", t.spec.serviceAccountName.text, level: 1) }
        if !t.spec.initContainers.elements.isEmpty { containers("Init Containers", t.spec.initContainers.elements, [], .null, level: 1, into: &w) }
        containers("Containers", t.spec.containers.elements, [], .null, level: 1, into: &w)
        volumes(t.spec.volumes.elements, level: 1, into: &w)
        w.map("Node-Selectors", t.spec.nodeSelector.stringMap, level: 1)
        w.list("Tolerations", t.spec.tolerations.elements.map { toleration($0) }, level: 1)
    }

    private static func containers(_ name: String, _ list: [JSON], _ statuses: [JSON], _ pod: JSON, level: Int = 0, into w: inout DescribeWriter) {
        w.add(level, list.isEmpty ? "\(name): <none>" : "\(name):")
        for c in list {
            let status: JSON = statuses.first { $0.name == c.name } ?? .null
            w.add(1, (level > 0 ? " " : "") + "\(c.name.text):")
            let l: Int = 2
            if status.exists { w.field("Container ID", status.containerID.text, level: l) }
            w.field("Image", c.image.text, level: l)
            if status.exists { w.field("Image ID", status.imageID.text, level: l) }
            let ports: [JSON] = c.ports.elements
            w.field(ports.count > 1 ? "Ports" : "Port", shownPorts(ports, "containerPort"), level: l)
            w.field(ports.count > 1 ? "Host Ports" : "Host Port", shownPorts(ports, "hostPort"), level: l)
            for key in ["command", "args"] where !c[key].elements.isEmpty {
                w.add(l, key.capitalizedFirst + ":")
                for word in c[key].strings { for line in word.split(separator: "\n") { w.add(l + 1, String(line)) } }
            }
            if status.exists { self.status(status, level: l, into: &w) }
            for key in ["limits", "requests"] where !c.resources[key].fields.isEmpty {
                w.add(l, key.capitalizedFirst + ":")
                for (resource, amount) in c.resources[key].fields.pairs.sorted(by: { $0.key < $1.key }) {
                    w.field(resource, JSONPath.shown(amount), level: l + 1)
                }
            }
            for (key, label) in [("livenessProbe", "Liveness"), ("readinessProbe", "Readiness"), ("startupProbe", "Startup")] where c[key].exists {
                w.field(label, probe(c[key]), level: l)
            }
            environment(c, level: l, into: &w)
            mounts(c, level: l, into: &w)
        }
    }

    private static func shownPorts(_ ports: [JSON], _ key: String) -> String {
        if ports.isEmpty { return "<none>" }
        return ports.map { "\($0[key].asInt ?? 0)/\($0["protocol"].asString ?? "TCP")" + ($0.name.exists && key == "containerPort" ? " (\($0.name.text))" : "") }
            .joined(separator: ", ")
    }

    private static func status(_ s: JSON, level: Int, into w: inout DescribeWriter) {
        state("State", s.state, level: level, into: &w)
        if s.lastState.terminated.exists { state("Last State", s.lastState, level: level, into: &w) }
        w.field("Ready", s.ready.isTrue ? "True" : "False", level: level)
        w.field("Restart Count", "\(s.restartCount.asInt ?? 0)", level: level)
    }

    private static func state(_ name: String, _ s: JSON, level: Int, into w: inout DescribeWriter) {
        if s.running.exists {
            w.field(name, "Running", level: level)
            w.field("Started", GoTime.text(s.running.startedAt.text), level: level + 1)
        } else if s.waiting.exists {
            w.field(name, "Waiting", level: level)
            if s.waiting.reason.exists { w.field("Reason", s.waiting.reason.text, level: level + 1) }
        } else if s.terminated.exists {
            let t: JSON = s.terminated
            w.field(name, "Terminated", level: level)
            if t.reason.exists { w.field("Reason", t.reason.text, level: level + 1) }
            if t.message.exists { w.field("Message", t.message.text, level: level + 1) }
            w.field("Exit Code", "\(t.exitCode.asInt ?? 0)", level: level + 1)
            if (t.signal.asInt ?? 0) > 0 { w.field("Signal", "\(t.signal.asInt ?? 0)", level: level + 1) }
            w.field("Started", GoTime.text(t.startedAt.text), level: level + 1)
            w.field("Finished", GoTime.text(t.finishedAt.text), level: level + 1)
        } else {
            w.field(name, "Waiting", level: level)
        }
    }

    private static func probe(_ p: JSON) -> String {
        let tail: String = "delay=\(p.initialDelaySeconds.asInt ?? 0)s timeout=\(p.timeoutSeconds.asInt ?? 1)s period=\(p.periodSeconds.asInt ?? 10)s #success=\(p.successThreshold.asInt ?? 1) #failure=\(p.failureThreshold.asInt ?? 3)"
        if p.exec.exists { return "exec [\(p.exec.command.strings.joined(separator: " "))] \(tail)" }
        if p.httpGet.exists {
            let scheme: String = (p.httpGet.scheme.asString ?? "HTTP").lowercased()
            return "http-get \(scheme)://\(p.httpGet.host.text):\(JSONPath.shown(p.httpGet.port))\(p.httpGet.path.text) \(tail)"
        }
        if p.tcpSocket.exists { return "tcp-socket \(p.tcpSocket.host.text):\(JSONPath.shown(p.tcpSocket.port)) \(tail)" }
        if p.grpc.exists { return "grpc <pod>:\(JSONPath.shown(p.grpc.port)) \(p.grpc.service.text) \(tail)" }
        return "unknown \(tail)"
    }

    private static func environment(_ c: JSON, level: Int, into w: inout DescribeWriter) {
        if !c.envFrom.elements.isEmpty {
            w.add(level, "Environment Variables from:")
            for source in c.envFrom.elements {
                let isMap: Bool = source.configMapRef.exists
                let ref: JSON = isMap ? source.configMapRef : source.secretRef
                w.add(level + 1, ref.name.text, isMap ? "ConfigMap" : "Secret", "Optional: \(ref.optional.isTrue)")
            }
        }
        if c.env.elements.isEmpty { return w.field("Environment", "<none>", level: level) }
        w.add(level, "Environment:")
        for e in c.env.elements {
            let from: JSON = e.valueFrom
            var value: String = e.value.text
            if from.fieldRef.exists { value = "(\(from.fieldRef.apiVersion.asString ?? "v1"):\(from.fieldRef.fieldPath.text))" }
            if from.resourceFieldRef.exists { value = "\(from.resourceFieldRef.divisor.text) (\(from.resourceFieldRef.resource.text))" }
            for (key, label) in [("secretKeyRef", "secret"), ("configMapKeyRef", "config map")] where from[key].exists {
                value = "<set to the key '\(from[key].key.text)' of \(label) '\(from[key].name.text)'>  Optional: \(from[key].optional.isTrue)"
            }
            w.field(e.name.text, value, level: level + 1)
        }
    }

    private static func mounts(_ c: JSON, level: Int, into w: inout DescribeWriter) {
        if c.volumeMounts.elements.isEmpty { return w.field("Mounts", "<none>", level: level) }
        w.add(level, "Mounts:")
        for m in c.volumeMounts.elements.sorted(by: { $0.mountPath.text < $1.mountPath.text }) {
            let sub: String = m.subPath.exists ? ",path=\"\(m.subPath.text)\"" : ""
            w.add(level + 1, "\(m.mountPath.text) from \(m.name.text) (\(m.readOnly.isTrue ? "ro" : "rw")\(sub))")
        }
    }

    private static let volumeKinds: [(key: String, title: String)] = [
        ("emptyDir", "EmptyDir (a temporary directory that shares a pod's lifetime)"),
        ("hostPath", "HostPath (bare host directory volume)"), ("configMap", "ConfigMap (a volume populated by a ConfigMap)"),
        ("secret", "Secret (a volume populated by a Secret)"),
        ("projected", "Projected (a volume that contains injected data from multiple sources)"),
        ("downwardAPI", "DownwardAPI (a volume populated by information about the pod)"),
        ("persistentVolumeClaim", "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)"),
        ("nfs", "NFS (an NFS mount that lasts the lifetime of a pod)"), ("csi", "CSI (a Container Storage Interface (CSI) volume source)"),
        ("ephemeral", "EphemeralVolume (an inline specification for a volume that gets created and deleted with the pod)"),
        ("local", "LocalVolume (a persistent volume backed by local storage on a node)"),
        ("image", "Image (a container image or OCI artifact)"),
    ]

    private static func volumes(_ list: [JSON], level: Int = 0, into w: inout DescribeWriter) {
        if list.isEmpty { return w.field("Volumes", "<none>", level: level) }
        w.add(level, "Volumes:")
        for v in list {
            w.add(1, (level > 0 ? " " : "") + "\(v.name.text):")
            volumeSource(v, level: 2, into: &w)
        }
    }

    /// The member of a volume, or of a PersistentVolume's spec, that says where its bytes are.
    static func volumeSource(_ v: JSON, level l: Int, into w: inout DescribeWriter) {
        guard let (key, title) = volumeKinds.first(where: { v[$0.key].exists }) else {
            return w.field("Type", "<unknown>", level: l)
        }
        w.field("Type", title, level: l)
        let s: JSON = v[key]
        switch key {
        case "emptyDir":
            w.field("Medium", s.medium.text, level: l)
            w.field("SizeLimit", s.sizeLimit.exists ? JSONPath.shown(s.sizeLimit) : "<unset>", level: l)
        case "hostPath":
            w.field("Path", s.path.text, level: l)
            w.field("HostPathType", s.type.text, level: l)
        case "configMap", "secret":
            w.field(key == "secret" ? "SecretName" : "Name", key == "secret" ? s.secretName.text : s.name.text, level: l)
            w.field("Optional", "\(s.optional.isTrue)", level: l)
        case "persistentVolumeClaim":
            w.field("ClaimName", s.claimName.text, level: l)
            w.field("ReadOnly", "\(s.readOnly.isTrue)", level: l)
        case "projected": projected(s, level: l, into: &w)
        case "local": w.field("Path", s.path.text, level: l)
        default: DescribeGeneric.tree(s, level: l, into: &w)
        }
    }

    private static func projected(_ s: JSON, level: Int, into w: inout DescribeWriter) {
        for source in s.sources.elements {
            if source.secret.exists {
                let optional: JSON = source.secret.optional
                w.field("SecretName", source.secret.name.text, level: level)
                w.field("SecretOptionalName", optional.exists ? "\(optional.isTrue)" : "<nil>", level: level)
            } else if source.downwardAPI.exists {
                w.field("DownwardAPI", "true", level: level)
            } else if source.configMap.exists {
                let optional: JSON = source.configMap.optional
                w.field("ConfigMapName", source.configMap.name.text, level: level)
                w.field("ConfigMapOptional", optional.exists ? "\(optional.isTrue)" : "<nil>", level: level)
            } else if source.serviceAccountToken.exists {
                w.field("TokenExpirationSeconds", "\(source.serviceAccountToken.expirationSeconds.asInt ?? 3600)", level: level)
            }
        }
    }

    private static func toleration(_ t: JSON) -> String {
        var text: String = t.key.text
        if t.value.exists, !t.value.text.isEmpty { text += "=\(t.value.text)" }
        if t.effect.exists, !t.effect.text.isEmpty { text += ":\(t.effect.text)" }
        if t["operator"].text == "Exists", t.value.text.isEmpty {
            text += t.key.text.isEmpty && !t.effect.exists ? "op=Exists" : " op=Exists"
        }
        if let seconds = t.tolerationSeconds.asInt { text += " for \(seconds)s" }
        return text
    }
}

extension String {
    var capitalizedFirst: String { prefix(1).uppercased() + dropFirst() }
}

/// Times as Go's RFC1123Z prints them: `Tue, 24 Nov 2026 21:55:34 +0000`.
enum GoTime {
    static func text(_ rfc3339: String) -> String {
        guard let t = Timestamp(rfc3339: rfc3339) else { return "" }
        let iso: String = t.rfc3339
        let months: [String] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let days: [String] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        let parts: [Substring] = iso.split(separator: "T")
        let date: [Substring] = parts[0].split(separator: "-")
        let day: Int64 = t.seconds / 86400
        return "\(days[Int((day % 7 + 7) % 7)]), \(date[2]) \(months[(Int(date[1]) ?? 1) - 1]) \(date[0]) \(parts[1].dropLast()) +0000"
    }
}
