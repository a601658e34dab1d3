// The computations that printcolumns.json names: one text per cell.

import KubeBase
import KubeModel
import KubeWire

enum CellRules {
    /// `nil`: the value is absent and the column's `none` shows.
    static func cell(_ how: String, value: JSON, object: JSON, resource: GroupResource, now: Timestamp) -> String? {
        switch how {
        case "age": return value.text.isEmpty ? nil : HumanDuration.age(value.asString, now: now)
        case "podStatus": return PodCells.status(object)
        case "podRestarts": return PodCells.restarts(object, now: now)
        case "labelMap": return labelMap(value)
        case "labelSelector": return selector(value, resource)
        case "serviceExternalIP": return serviceExternalIP(object)
        case "hpaTargets": return HPACells.targets(object)
        case "used cpu": return used("cpu", object)
        case "used memory": return used("memory", object)
        case "duration": return value.asInt64.map { HumanDuration.text(seconds: $0) }
        case "RFC 3339 in UTC": return value.asString
        case "container names joined by \",\"": return value.elements.map { $0.name.text }.joined(separator: ",")
        case "container images joined by \",\"": return value.elements.map { $0.image.text }.joined(separator: ",")
        case "number of entries": return "\(value.asArray?.count ?? value.fields.count)"
        case "number of entries of data plus binaryData":
            return "\(object.data.fields.count + object.binaryData.fields.count)"
        case "trimmed": return trimmed(value.text)
        case "joined by \",\"": return value.elements.isEmpty ? nil : value.strings.joined(separator: ",")
        case "first entry": return value.elements.first?.asString ?? (object.spec.clusterIP.asString)
        case "ip of the first entry":
            return value.elements.first?.ip.asString ?? object.status.podIP.asString
        case "\"KIND/NAME\"": return "\(value.kind.text)/\(value.name.text)"
        case "\"NAMESPACE/NAME\"": return value.exists ? "\(value.namespace.text)/\(value.name.text)" : nil
        case "\"APIVERSION/KIND\"": return value.exists ? "\(value.apiVersion.text)/\(value.kind.text)" : nil
        case "value of key storage": return value.storage.text
        case "\"Terminating\" if deletionTimestamp is set":
            return object.metadata.deletionTimestamp.exists ? "Terminating" : value.text
        default: return workload(how, value, object, now)
        }
    }

    private static func used(_ what: String, _ object: JSON) -> String? {
        let parts: [JSON] = object.usage.exists ? [object] : object.containers.elements
        var sum: Quantity?
        for part in parts {
            guard let one = Quantity(part.usage[what].text) else { continue }
            sum = sum.map { $0 + one } ?? one
        }
        return sum?.description
    }

    private static func workload(_ how: String, _ value: JSON, _ o: JSON, _ now: Timestamp) -> String? {
        if how.hasPrefix("\"R/T\"") { return PodCells.ready(o) }
        if how.hasPrefix("\"n/m\"") { return readinessGates(o) }
        if how.hasPrefix("first match: condition Complete") { return jobStatus(o) }
        if how.hasPrefix("spec.completions set") {
            let done: Int = o.status.succeeded.asInt ?? 0
            if let wanted = o.spec.completions.asInt { return "\(done)/\(wanted)" }
            let parallelism: Int = o.spec.parallelism.asInt ?? 0
            return parallelism > 1 ? "\(done)/1 of \(parallelism)" : "\(done)/1"
        }
        if how.hasPrefix("duration from status.startTime") {
            guard let start = time(o.status.startTime) else { return "" }
            return HumanDuration.text(from: start, to: time(o.status.completionTime) ?? now)
        }
        if how.hasPrefix("text \"True\"") { return value.asBool.map { $0 ? "True" : "False" } }
        if how == "\"status.readyReplicas/spec.replicas\"" {
            return "\(o.status.readyReplicas.asInt ?? 0)/\(o.spec.replicas.asInt ?? 0)"
        }
        if how.hasPrefix("controlling owner") { return controller(o) }
        return network(how, value, o, now)
    }

    private static func network(_ how: String, _ value: JSON, _ o: JSON, _ now: Timestamp) -> String? {
        if how.hasPrefix("per port \"PORT/PROTO\"") {
            guard !value.elements.isEmpty else { return nil }
            return value.elements.map { p in
                let node: Int = p.nodePort.asInt ?? 0
                return "\(p.port.asInt ?? 0)" + (node > 0 ? ":\(node)" : "") + "/\(p["protocol"].text)"
            }.joined(separator: ",")
        }
        if how.hasPrefix("non-empty hosts") {
            let hosts: [String] = value.elements.prefix(3).map { $0.host.text }.filter { !$0.isEmpty }
            if hosts.isEmpty { return nil }
            let text: String = hosts.joined(separator: ",")
            return value.elements.count > 3 ? "\(text) + \(value.elements.count - 3) more..." : text
        }
        if how.hasPrefix("ip (else hostname)") { return ingressAddresses(value).joined(separator: ",") }
        if how.hasPrefix("\"80, 443\"") { return value.elements.isEmpty ? "80" : "80, 443" }
        if how.hasPrefix("\"KIND.APIGROUP/NAME\"") {
            guard value.exists else { return nil }
            let group: String = value.apiGroup.text
            return value.kind.text + (group.isEmpty ? "" : "." + group) + "/" + value.name.text
        }
        if how.hasPrefix("\"IP:PORT\"") { return endpoints(value) }
        if how.hasPrefix("port number, else name") {
            guard value.exists, !value.elements.isEmpty else { return nil }
            return firstThree(
                value.elements.map { p in p.port.asInt.map { "\($0)" } ?? (p.name.text.isEmpty ? "*" : p.name.text) })
        }
        if how.hasPrefix("addresses of all endpoints") {
            let all: [String] = value.elements.flatMap { $0.addresses.strings }
            return all.isEmpty ? nil : firstThree(all)
        }
        if how.hasPrefix("\"resource.group/namespace/name\"") {
            guard value.exists else { return nil }
            let (group, ns): (String, String) = (value.group.text.lowercased(), value.namespace.text)
            return value.resource.text.lowercased() + (group.isEmpty ? "" : "." + group) + "/"
                + (ns.isEmpty ? "" : ns + "/") + value.name.text
        }
        return cluster(how, value, o, now)
    }

    private static func cluster(_ how: String, _ value: JSON, _ o: JSON, _ now: Timestamp) -> String? {
        if how.hasPrefix("condition Ready True") { return nodeStatus(o) }
        if how.hasPrefix("label keys node-role") { return nodeRoles(value) }
        if how.hasPrefix("first address of type ") {
            let type: String = String(how.dropFirst("first address of type ".count))
            return value.elements.first { $0.type.text == type }?.address.asString
        }
        if how.hasPrefix("condition Healthy True") {
            guard let c = condition(value, "Healthy") else { return "Unknown" }
            return c.status == "True" ? "Healthy" : "Unhealthy"
        }
        if how.hasSuffix("of the condition Healthy") {
            let c: JSON = condition(value, "Healthy") ?? .null
            return (how.hasPrefix("message") ? c.message : c.error).text
        }
        if how == "status of the condition Dangling" { return condition(value, "Dangling")?.status.asString }
        if how.hasPrefix("status of the condition Available") {
            guard let c = condition(value, "Available") else { return nil }
            return c.status == "True" || c.reason.text.isEmpty ? c.status.text : "\(c.status.text) (\(c.reason.text))"
        }
        if how.hasPrefix("\"Denied\" if denied") { return signingRequest(o) }
        if how.hasPrefix("names of kind ") {
            let kind: Substring = how.dropFirst("names of kind ".count).prefix { $0 != " " }
            return value.elements.filter { $0.kind.text == kind }.map { $0.name.text }.joined(separator: ", ")
        }
        if how.hasPrefix("\"NAMESPACE/NAME\" of kind ServiceAccount") {
            return value.elements.filter { $0.kind == "ServiceAccount" }
                .map { "\($0.namespace.text)/\($0.name.text)" }.joined(separator: ", ")
        }
        if how.hasPrefix("\"NAMESPACE/NAME\", \"*\"") {
            guard value.exists else { return nil }
            let ns: String = value.namespace.text.isEmpty ? "*" : value.namespace.text
            let name: String = value.name.text.isEmpty ? LabelSelector(value.selector).description : value.name.text
            return "\(ns)/\(name)"
        }
        if how.hasPrefix("\"APISERVERID=") {
            let all: [String] = value.elements.map { "\($0.apiServerID.text)=\($0.encodingVersion.text)" }
            return all.isEmpty ? nil : firstThree(all)
        }
        if how.hasPrefix("\"RESOURCE.GROUP\"") {
            return value.group.text.isEmpty ? value.resource.text : "\(value.resource.text).\(value.group.text)"
        }
        if how.hasPrefix("entries of status.hard") { return quota(o, limits: how.contains("those that start")) }
        if how.hasPrefix("words joined by") { return claimState(o) }
        return events(how, value, o, now) ?? storage(how, value, o)
    }

    // MARK: storage

    private static func storage(_ how: String, _ value: JSON, _ o: JSON) -> String? {
        if how.hasPrefix("annotation volume.beta.kubernetes.io/storage-class") {
            return o.metadata.annotations["volume.beta.kubernetes.io/storage-class"].asString ?? value.text
        }
        if how.hasPrefix("value of key storage, only if") {
            return o.spec.volumeName.text.isEmpty ? nil : value.storage.text
        }
        if how.hasPrefix("unique modes") {
            if how.contains("only if spec.volumeName"), o.spec.volumeName.text.isEmpty { return nil }
            let short: [(String, String)] = [
                ("ReadWriteOnce", "RWO"), ("ReadOnlyMany", "ROX"), ("ReadWriteMany", "RWX"),
                ("ReadWriteOncePod", "RWOP"),
            ]
            return short.filter { value.strings.contains($0.0) }.map { $0.1 }.joined(separator: ",")
        }
        if how.hasPrefix("name plus \" (default)\"") {
            let a: JSON = o.metadata.annotations
            let isDefault: Bool =
                a["storageclass.kubernetes.io/is-default-class"] == "true"
                || (how.contains("beta form") && a["storageclass.beta.kubernetes.io/is-default-class"] == "true")
            return value.text + (isDefault ? " (default)" : "")
        }
        if how == "audiences joined by \",\"" {
            return value.elements.isEmpty ? nil : value.elements.map { $0.audience.text }.joined(separator: ",")
        }
        return nil
    }

    // MARK: events

    private static func events(_ how: String, _ value: JSON, _ o: JSON, _ now: Timestamp) -> String? {
        func age(_ candidates: [JSON]) -> String? {
            candidates.first { !$0.text.isEmpty }.map { HumanDuration.age($0.asString, now: now) }
        }
        let first: JSON = o.firstTimestamp.exists ? o.firstTimestamp : o.deprecatedFirstTimestamp
        let last: JSON = o.lastTimestamp.exists ? o.lastTimestamp : o.deprecatedLastTimestamp
        if how.hasPrefix("age of series.lastObservedTime") {
            return o.series.exists ? age([o.series.lastObservedTime]) : age([last, first, o.eventTime])
        }
        if how.hasPrefix("age of firstTimestamp") || how.hasPrefix("as core events (deprecatedFirstTimestamp") {
            return age([first, o.eventTime]) ?? "<unknown>"
        }
        if how.hasPrefix("\"kind/name\"") || how == "as core events" {
            let kind: String = value.kind.text.lowercased()
            return value.name.text.isEmpty ? kind : "\(kind)/\(value.name.text)"
        }
        if how.hasPrefix("component (else") || how.hasPrefix("as core events, with") {
            let component: [JSON] = [value.component, o.reportingComponent, o.reportingController]
            let host: [JSON] = [value.host, o.reportingInstance]
            let c: String = component.first { !$0.text.isEmpty }?.text ?? ""
            let h: String = host.first { !$0.text.isEmpty }?.text ?? ""
            return h.isEmpty ? c : "\(c), \(h)"
        }
        if how.hasPrefix("series.count") || how.hasPrefix("as core events (series.count") {
            let count: Int =
                o.series.exists ? o.series["count"].asInt ?? 0 : (o["count"].asInt ?? o.deprecatedCount.asInt ?? 0)
            return "\(max(count, 1))"
        }
        return nil
    }

    // MARK: parts

    static func labelMap(_ value: JSON) -> String {
        let pairs: [String] = value.fields.map { "\($0.key)=\($0.value.text)" }.sorted()
        return pairs.isEmpty ? "<none>" : pairs.joined(separator: ",")
    }

    private static func selector(_ value: JSON, _ resource: GroupResource) -> String {
        let isDeployment: Bool = resource.resource == "deployments"
        guard value.exists else { return isDeployment ? "" : "<none>" }
        guard let s = try? LabelSelector(validating: value) else { return isDeployment ? "<invalid>" : "<error>" }
        let text: String = s.description
        return text.isEmpty ? (isDeployment ? "" : "<none>") : text
    }

    private static func ingressAddresses(_ list: JSON) -> [String] {
        Set(list.elements.map { $0.ip.text.isEmpty ? $0.hostname.text : $0.ip.text }.filter { !$0.isEmpty }).sorted()
    }

    private static func serviceExternalIP(_ o: JSON) -> String {
        let external: [String] = o.spec.externalIPs.strings
        switch o.spec.type.text {
        case "ClusterIP", "NodePort": return external.isEmpty ? "<none>" : external.joined(separator: ",")
        case "LoadBalancer":
            let all: [String] = ingressAddresses(o.status.loadBalancer.ingress) + external
            return all.isEmpty ? "<pending>" : all.joined(separator: ",")
        case "ExternalName": return o.spec.externalName.text
        default: return "<unknown>"
        }
    }

    private static func endpoints(_ subsets: JSON) -> String? {
        var all: [String] = []
        for s in subsets.elements {
            let ips: [String] = s.addresses.elements.map { $0.ip.text }
            if s.ports.elements.isEmpty {
                all += ips
                continue
            }
            for p in s.ports.elements {
                all += ips.map { ($0.contains(":") ? "[\($0)]" : $0) + ":\(p.port.asInt ?? 0)" }
            }
        }
        return all.isEmpty ? nil : firstThree(all)
    }

    static func firstThree(_ all: [String]) -> String {
        let text: String = all.prefix(3).joined(separator: ",")
        return all.count > 3 ? "\(text) + \(all.count - 3) more..." : text
    }

    private static func condition(_ list: JSON, _ type: String) -> JSON? {
        list.elements.first { $0.type.text == type }
    }

    private static func time(_ v: JSON) -> Timestamp? { v.asString.flatMap { Timestamp(rfc3339: $0) } }

    private static func readinessGates(_ pod: JSON) -> String? {
        let gates: [JSON] = pod.spec.readinessGates.elements
        if gates.isEmpty { return nil }
        let ready: Int = gates.filter { g in
            condition(pod.status.conditions, g.conditionType.text)?.status == "True"
        }.count
        return "\(ready)/\(gates.count)"
    }

    private static func jobStatus(_ o: JSON) -> String {
        func holds(_ type: String) -> Bool { condition(o.status.conditions, type)?.status == "True" }
        if holds("Complete") { return "Complete" }
        if holds("Failed") { return "Failed" }
        if o.metadata.deletionTimestamp.exists { return "Terminating" }
        if holds("Suspended") { return "Suspended" }
        return holds("FailureTarget") ? "FailureTarget" : "Running"
    }

    private static func nodeStatus(_ o: JSON) -> String {
        let ready: JSON? = condition(o.status.conditions, "Ready")
        let text: String = ready.map { $0.status == "True" ? "Ready" : "NotReady" } ?? "Unknown"
        return text + (o.spec.unschedulable.isTrue ? ",SchedulingDisabled" : "")
    }

    private static func nodeRoles(_ labels: JSON) -> String? {
        var roles: Set<String> = []
        for (key, value) in labels.fields {
            if key.hasPrefix("node-role.kubernetes.io/") {
                let role: Substring = key.dropFirst("node-role.kubernetes.io/".count)
                if !role.isEmpty { roles.insert(String(role)) }
            } else if key == "kubernetes.io/role", !value.text.isEmpty {
                roles.insert(value.text)
            }
        }
        return roles.isEmpty ? nil : roles.sorted().joined(separator: ",")
    }

    private static func controller(_ o: JSON) -> String? {
        guard let owner = o.metadata.ownerReferences.elements.first(where: { $0.controller.isTrue }) else { return nil }
        let group: String = GroupVersion(apiVersion: owner.apiVersion.text).group.lowercased()
        return owner.kind.text.lowercased() + (group.isEmpty ? "" : "." + group) + "/" + owner.name.text
    }

    private static func signingRequest(_ o: JSON) -> String {
        func has(_ type: String) -> Bool { condition(o.status.conditions, type) != nil }
        var text: String = has("Denied") ? "Denied" : has("Approved") ? "Approved" : "Pending"
        if has("Failed") { text += ",Failed" }
        if !o.status.certificate.text.isEmpty { text += ",Issued" }
        return text
    }

    private static func quota(_ o: JSON, limits: Bool) -> String {
        let entries: [(key: String, value: JSON)] = o.status.hard.fields.pairs
            .filter { $0.key.hasPrefix("limits.") == limits }.sorted { $0.key < $1.key }
        return entries.map { e in
            let used: String = o.status.used.fields[e.key]?.asString ?? "0"
            return "\(e.key): \(used)/\(e.value.text)"
        }.joined(separator: ", ")
    }

    private static func claimState(_ o: JSON) -> String {
        var words: [String] = []
        if o.metadata.deletionTimestamp.exists { words.append("deleted") }
        if !o.status.allocation.exists {
            if words.isEmpty { words.append("pending") }
        } else {
            words.append("allocated")
            if !o.status.reservedFor.elements.isEmpty { words.append("reserved") }
        }
        return words.joined(separator: ",")
    }

    private static func trimmed(_ s: String) -> String {
        var t: Substring = s[...]
        while let c = t.first, c.isWhitespace { t = t.dropFirst() }
        while let c = t.last, c.isWhitespace { t = t.dropLast() }
        return String(t)
    }
}

/// TARGETS of a HorizontalPodAutoscaler.
enum HPACells {
    static func targets(_ o: JSON) -> String? {
        let specs: [JSON] = o.spec.metrics.elements
        if specs.isEmpty { return nil }
        let current: [JSON] = o.status.currentMetrics.elements
        let all: [String] = specs.enumerated().map { i, m in target(m, i < current.count ? current[i] : .null) }
        let text: String = all.prefix(2).joined(separator: ", ")
        return all.count > 2 ? "\(text) + \(all.count - 2) more..." : text
    }

    private static func target(_ m: JSON, _ status: JSON) -> String {
        switch m.type.text {
        case "Resource": return resource(m.resource, status.resource)
        case "ContainerResource": return resource(m.containerResource, status.containerResource)
        case "Pods":
            return shown(status.pods.current.averageValue) + "/" + m.pods.target.averageValue.text
        case "Object": return value(m.object.target, status.object.current)
        case "External": return value(m.external.target, status.external.current)
        default: return "<unknown type>"
        }
    }

    private static func shown(_ v: JSON) -> String { v.text.isEmpty || v == "0" ? "<unknown>" : v.text }

    private static func resource(_ spec: JSON, _ status: JSON) -> String {
        let name: String = spec.name.text
        if spec.target.averageValue.exists {
            return "\(name): \(shown(status.current.averageValue))/\(spec.target.averageValue.text)"
        }
        let now: String = status.current.averageUtilization.asInt.map { "\($0)%" } ?? "<unknown>"
        let target: String = spec.target.averageUtilization.asInt.map { "\($0)%" } ?? "<auto>"
        return "\(name): \(now)/\(target)"
    }

    private static func value(_ target: JSON, _ current: JSON) -> String {
        if target.averageValue.exists { return "\(shown(current.averageValue))/\(target.averageValue.text) (avg)" }
        return "\(shown(current.value))/\(target.value.text)"
    }
}
