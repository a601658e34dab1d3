// The flow schemas and priority levels of every cluster: upstream's mandatory and suggested ones.

package import KubeWire

/// Mandatory ones are put right whenever somebody changes them; suggested ones unless
/// `apf.kubernetes.io/autoupdate-spec` is `false`.
package enum FairnessDefaults {
    /// Upstream's limit of `queuing.queues`.
    package static let queuesMax: Int = 10_000

    /// The spec that a mandatory FlowSchema has, whatever anybody wants; nil: not mandatory.
    package static func mandatory(schema name: String) -> JSON? {
        mandatoryNames.contains(name) ? schemas.first { $0.metadata.name.text == name }?.spec : nil
    }

    package static func mandatory(level name: String) -> JSON? {
        mandatoryNames.contains(name) ? levels.first { $0.metadata.name.text == name }?.spec : nil
    }

    static let autoUpdate: String = "apf.kubernetes.io/autoupdate-spec"
    static let mandatoryNames: Set<String> = ["exempt", "catch-all"]

    static let levels: [JSON] = [
        level("exempt", ["type": "Exempt", "exempt": ["nominalConcurrencyShares": 0, "lendablePercent": 0]]),
        level(
            "catch-all",
            [
                "type": "Limited",
                "limited": [
                    "nominalConcurrencyShares": 5, "limitResponse": ["type": "Reject"], "lendablePercent": 0,
                ],
            ]),
        queued("system", shares: 30, lendable: 33, queues: 64, hand: 6),
        queued("node-high", shares: 40, lendable: 25, queues: 64, hand: 6),
        queued("leader-election", shares: 10, lendable: 0, queues: 16, hand: 4),
        queued("workload-high", shares: 40, lendable: 50, queues: 128, hand: 6),
        queued("workload-low", shares: 100, lendable: 90, queues: 128, hand: 6),
        queued("global-default", shares: 20, lendable: 50, queues: 128, hand: 6),
    ]

    static let schemas: [JSON] = [
        schema("exempt", "exempt", 1, nil, [group("system:masters")], [everything, anyPath]),
        schema("catch-all", "catch-all", 10_000, "ByUser", everybody, [everything, anyPath]),
        schema("probes", "exempt", 2, nil, everybody, [paths(["get"], ["/healthz", "/readyz", "/livez"])]),
        schema(
            "system-leader-election", "leader-election", 100, "ByUser",
            [user("system:kube-controller-manager"), user("system:kube-scheduler"), account("*")],
            [resources(["get", "create", "update"], ["coordination.k8s.io"], ["leases"], ["*"])]),
        schema(
            "endpoint-controller", "workload-high", 150, "ByUser",
            [
                user("system:kube-controller-manager"), account("endpoint-controller"),
                account("endpointslicemirroring-controller"),
            ],
            [resources(["get", "create", "update"], [""], ["endpoints"], ["*"])]),
        schema(
            "workload-leader-election", "leader-election", 200, "ByUser", [account("*")],
            [resources(["get", "create", "update"], ["coordination.k8s.io"], ["leases"], ["*"])]),
        schema(
            "system-node-high", "node-high", 400, "ByUser", [group("system:nodes")],
            [
                resources(["*"], [""], ["nodes", "nodes/status"], ["*"], cluster: true),
                resources(["*"], ["coordination.k8s.io"], ["leases"], ["*"], cluster: false),
            ]),
        schema("system-nodes", "system", 500, "ByUser", [group("system:nodes")], [everything, anyPath]),
        schema(
            "kube-controller-manager", "workload-high", 800, "ByNamespace", [user("system:kube-controller-manager")],
            [everything, anyPath]),
        schema(
            "kube-scheduler", "workload-high", 800, "ByNamespace", [user("system:kube-scheduler")],
            [everything, anyPath]),
        schema(
            "kube-system-service-accounts", "workload-high", 900, "ByNamespace", [account("*")], [everything, anyPath]),
        schema(
            "service-accounts", "workload-low", 9000, "ByUser", [group("system:serviceaccounts")],
            [everything, anyPath]),
        schema("global-default", "global-default", 9900, "ByUser", everybody, [everything, anyPath]),
    ]

    // MARK: their parts

    private static let apiVersion: JSON = "flowcontrol.apiserver.k8s.io/v1"
    private static let everybody: [JSON] = [group("system:unauthenticated"), group("system:authenticated")]
    /// Which list of a rule an entry stands in, and the entry.
    private typealias Entry = (key: String, value: JSON)
    private static let everything: Entry = resources(["*"], ["*"], ["*"], ["*"], cluster: true)
    private static let anyPath: Entry = paths(["*"], ["*"])

    private static func resources(
        _ verbs: [String], _ groups: [String], _ resources: [String], _ namespaces: [String], cluster: Bool = false
    ) -> Entry {
        var rule: JSON = ["verbs": JSON(verbs), "apiGroups": JSON(groups), "resources": JSON(resources)]
        if cluster { rule.clusterScope = true }
        rule.namespaces = JSON(namespaces)
        return ("resourceRules", rule)
    }

    private static func paths(_ verbs: [String], _ paths: [String]) -> Entry {
        ("nonResourceRules", ["verbs": JSON(verbs), "nonResourceURLs": JSON(paths)])
    }

    private static func level(_ name: String, _ spec: JSON) -> JSON {
        [
            "apiVersion": apiVersion, "kind": "PriorityLevelConfiguration", "metadata": ["name": .string(name)],
            "spec": spec,
        ]
    }

    private static func queued(_ name: String, shares: Int, lendable: Int, queues: Int, hand: Int) -> JSON {
        level(
            name,
            [
                "type": "Limited",
                "limited": [
                    "nominalConcurrencyShares": JSON(shares),
                    "limitResponse": [
                        "type": "Queue",
                        "queuing": ["queues": JSON(queues), "handSize": JSON(hand), "queueLengthLimit": 50],
                    ],
                    "lendablePercent": JSON(lendable),
                ],
            ])
    }

    private static func schema(
        _ name: String, _ level: String, _ precedence: Int, _ distinguisher: String?, _ subjects: [JSON],
        _ rules: [Entry]
    ) -> JSON {
        var rule: JSON = ["subjects": .array(subjects)]
        for key in ["resourceRules", "nonResourceRules"] {
            let mine: [JSON] = rules.filter { $0.key == key }.map { $0.value }
            if !mine.isEmpty { rule[key] = .array(mine) }
        }
        var spec: JSON = [
            "priorityLevelConfiguration": ["name": .string(level)], "matchingPrecedence": JSON(precedence),
        ]
        if let distinguisher { spec.distinguisherMethod = ["type": .string(distinguisher)] }
        spec.rules = [rule]
        return ["apiVersion": apiVersion, "kind": "FlowSchema", "metadata": ["name": .string(name)], "spec": spec]
    }

    private static func user(_ name: String) -> JSON { ["kind": "User", "user": ["name": .string(name)]] }
    private static func group(_ name: String) -> JSON { ["kind": "Group", "group": ["name": .string(name)]] }
    private static func account(_ name: String) -> JSON {
        ["kind": "ServiceAccount", "serviceAccount": ["namespace": "kube-system", "name": .string(name)]]
    }
}
