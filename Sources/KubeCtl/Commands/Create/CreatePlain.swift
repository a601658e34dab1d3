// `create namespace`, `serviceaccount`, `quota`, `priorityclass`, `poddisruptionbudget`, `ingress`.

import KubeModel
import KubeWire

enum CreatePlain {
    static let namespace: Command = CreateKind.command(
        "namespace", aliases: ["ns"], "Create a namespace with the specified name", usage: "NAME", flags: []
    ) { i in
        ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .string(try CreateKind.name(i))]]
    }

    static let serviceAccount: Command = CreateKind.command(
        "serviceaccount", aliases: ["sa"], "Create a service account with the specified name", usage: "NAME", flags: []
    ) { i in
        ["apiVersion": "v1", "kind": "ServiceAccount", "metadata": ["name": .string(try CreateKind.name(i))]]
    }

    static let quota: Command = CreateKind.command(
        "quota", aliases: ["resourcequota"], "Create a quota with the specified name",
        usage: "NAME [--hard=key1=value1,key2=value2] [--scopes=Scope1,Scope2]",
        flags: [
            Flag("hard", .list(commas: true), "A comma-delimited set of resource=quantity pairs."),
            Flag("scopes", .list(commas: true), "Quota scopes that must all match each object tracked."),
        ]
    ) { i in
        var spec: JSON = [:]
        for (key, value) in try CreateKind.pairs(i.flags.list("hard"), flag: "hard") { spec.hard[key] = .string(value) }
        if i.flags.has("scopes") { spec.scopes = JSON(i.flags.list("scopes")) }
        return [
            "apiVersion": "v1", "kind": "ResourceQuota", "metadata": ["name": .string(try CreateKind.name(i))],
            "spec": spec,
        ]
    }

    static let priorityClass: Command = CreateKind.command(
        "priorityclass", aliases: ["pc"], "Create a priority class with the specified name",
        usage: "NAME --value=VALUE --global-default=BOOL",
        flags: [
            Flag("value", .string, preset: "0", "The value of this priority class."),
            Flag("global-default", .bool, "Whether this is the default priority."),
            Flag("description", .string, "When this priority class should be used."),
            Flag("preemption-policy", .string, preset: "PreemptLowerPriority", "Policy for preempting lower priority pods."),
        ]
    ) { i in
        [
            "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass",
            "metadata": ["name": .string(try CreateKind.name(i))], "value": JSON(try i.flags.int("value") ?? 0),
            "description": .string(i.flags.string("description")),
            "preemptionPolicy": .string(i.flags.string("preemption-policy")),
        ]
    }

    static let podDisruptionBudget: Command = CreateKind.command(
        "poddisruptionbudget", aliases: ["pdb"], "Create a pod disruption budget with the specified name",
        usage: "NAME --selector=SELECTOR --min-available=N",
        flags: [
            CommonFlags.selector,
            Flag("min-available", .string, "The minimum number or percentage of available pods."),
            Flag("max-unavailable", .string, "The maximum number or percentage of unavailable pods."),
        ]
    ) { i in
        guard i.flags.has("selector") else { throw UsageError("a selector must be specified") }
        guard i.flags.has("min-available") != i.flags.has("max-unavailable") else {
            throw UsageError("one of min-available or max-unavailable must be specified")
        }
        var labels: JSON = [:]
        for (key, value) in try CreateKind.pairs(
            i.flags.string("selector").split(separator: ",").map { String($0) }, flag: "selector")
        {
            labels[key] = .string(value)
        }
        var spec: JSON = ["selector": ["matchLabels": labels]]
        func amount(_ text: String) -> JSON { Int(text).map { JSON($0) } ?? .string(text) }
        if i.flags.has("min-available") { spec.minAvailable = amount(i.flags.string("min-available")) }
        if i.flags.has("max-unavailable") { spec.maxUnavailable = amount(i.flags.string("max-unavailable")) }
        return [
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
            "metadata": ["name": .string(try CreateKind.name(i))], "spec": spec,
        ]
    }

    static let ingress: Command = CreateKind.command(
        "ingress", aliases: ["ing"], "Create an ingress with the specified name",
        usage: "NAME --rule=host/path=service:port[,tls[=secret]]",
        flags: [
            Flag("rule", .list(commas: false), "Rule in format host/path=service:port[,tls=secretname]."),
            Flag("class", .string, "Ingress class to be used."),
            Flag("default-backend", .string, "Default service for backend, in format of svcname:port."),
        ]
    ) { i in
        var spec: JSON = [:]
        if i.flags.has("class") { spec.ingressClassName = .string(i.flags.string("class")) }
        if i.flags.has("default-backend") { spec.defaultBackend = try backend(i.flags.string("default-backend")) }
        var rules: [JSON] = []
        for rule in i.flags.list("rule") {
            let parts: [Substring] = rule.split(separator: ",")
            guard let main = parts.first, let equals = main.firstIndex(of: "="), let slash = main.firstIndex(of: "/") else {
                throw UsageError("rule \(rule) is invalid and should be in format host/path=service:port[,tls[=secret]]")
            }
            let host: String = String(main[..<slash])
            var path: String = String(main[slash..<equals])
            let isPrefix: Bool = path.hasSuffix("*")
            if isPrefix { path.removeLast() }
            var entry: JSON = [
                "http": [
                    "paths": [
                        [
                            "path": .string(path), "pathType": isPrefix ? "Prefix" : "Exact",
                            "backend": try backend(String(main[main.index(after: equals)...])),
                        ]
                    ]
                ]
            ]
            if !host.isEmpty { entry.host = .string(host) }
            rules.append(entry)
            if let tls = parts.dropFirst().first(where: { $0.hasPrefix("tls") }) {
                var item: JSON = ["hosts": [.string(host)]]
                if tls.hasPrefix("tls=") { item.secretName = .string(String(tls.dropFirst(4))) }
                spec.tls.elements.append(item)
            }
        }
        if !rules.isEmpty { spec.rules = .array(rules) }
        if spec.fields.isEmpty { throw UsageError("not enough information provided: every ingress has to either specify a default-backend (which catches all traffic) or a list of rules") }
        return [
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": ["name": .string(try CreateKind.name(i))], "spec": spec,
        ]
    }

    private static func backend(_ text: String) throws(UsageError) -> JSON {
        let parts: [Substring] = text.split(separator: ":")
        guard parts.count == 2 else { throw UsageError("backend \(text) must be in format service:port") }
        let port: JSON = Int(parts[1]).map { ["number": JSON($0)] } ?? ["name": .string(String(parts[1]))]
        return ["service": ["name": .string(String(parts[0])), "port": port]]
    }
}
