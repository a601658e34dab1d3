// Tables and field selectors.

import KubeAPI
import KubeBase
import KubeModel
import KubeWire
import Testing

@Suite struct PrintTests {
    static let now: Timestamp = Timestamp(rfc3339: "2024-05-01T12:00:00Z")!

    private func cells(_ resource: GroupVersionResource, _ object: JSON) -> [String] {
        let t: JSON = PrintColumns.builtIn(resource.groupResource).table([object], now: Self.now)
        return t.rows[0].cells.elements.map { $0.asString ?? $0.description }
    }

    @Test func pods() {
        let pod: JSON = [
            "metadata": ["name": "web", "creationTimestamp": "2024-05-01T11:50:00Z"],
            "spec": ["containers": [["name": "a"], ["name": "b"]], "nodeName": "n1"],
            "status": [
                "phase": "Running", "podIPs": [["ip": "10.0.0.5"]],
                "containerStatuses": [
                    [
                        "name": "a", "ready": true, "state": ["running": [:]], "restartCount": 2,
                        "lastState": ["terminated": ["finishedAt": "2024-05-01T11:59:00Z"]],
                    ],
                    [
                        "name": "b", "ready": false, "restartCount": 1,
                        "state": ["waiting": ["reason": "CrashLoopBackOff"]],
                    ],
                ],
            ],
        ]
        #expect(
            cells(API.pods, pod) == [
                "web", "1/2", "CrashLoopBackOff", "3 (60s ago)", "10m", "10.0.0.5", "n1", "<none>", "<none>",
            ])
        var done: JSON = pod
        done.status = [
            "phase": "Succeeded",
            "containerStatuses": [["name": "a", "state": ["terminated": ["exitCode": 0, "reason": "Completed"]]]],
        ]
        #expect(cells(API.pods, done)[2] == "Completed")
        let t: JSON = PrintColumns.builtIn(API.pods.groupResource).table([done], now: Self.now)
        #expect(t.rows[0].conditions[0].reason == "Succeeded")
        #expect(
            t.columnDefinitions[0] == [
                "name": "Name", "type": "string", "format": "name", "description": "", "priority": 0,
            ])
        var starting: JSON = pod
        starting.spec.initContainers = [["name": "i"], ["name": "j"]]
        starting.status = [
            "phase": "Pending", "initContainerStatuses": [["name": "i", "state": ["running": [:]]], ["name": "j"]],
        ]
        #expect(cells(API.pods, starting)[2] == "Init:0/2")
        starting.metadata.deletionTimestamp = "2024-05-01T12:00:00Z"
        #expect(cells(API.pods, starting)[2] == "Terminating")
    }

    @Test func others() {
        #expect(
            cells(
                API.deployments,
                [
                    "metadata": ["name": "d", "creationTimestamp": "2024-04-01T12:00:00Z"],
                    "spec": [
                        "replicas": 3, "selector": ["matchLabels": ["a": "b"]],
                        "template": ["spec": ["containers": [["name": "c", "image": "i"]]]],
                    ], "status": ["readyReplicas": 2, "updatedReplicas": 3],
                ])
                == ["d", "2/3", "3", "0", "30d", "c", "i", "a=b"])
        #expect(
            cells(
                API.services,
                [
                    "metadata": ["name": "s"],
                    "spec": [
                        "type": "NodePort", "clusterIPs": ["10.1.0.1"],
                        "ports": [["port": 80, "nodePort": 30080, "protocol": "TCP"]],
                    ],
                ])
                == ["s", "NodePort", "10.1.0.1", "<none>", "80:30080/TCP", "<unknown>", "<none>"])
        #expect(
            cells(
                API.nodes,
                [
                    "metadata": ["name": "n", "labels": ["node-role.kubernetes.io/control-plane": ""]],
                    "spec": ["unschedulable": true],
                    "status": [
                        "conditions": [["type": "Ready", "status": "True"]], "nodeInfo": ["kubeletVersion": "v1.36.0"],
                        "addresses": [["type": "InternalIP", "address": "10.0.0.1"]],
                    ],
                ]
            ).prefix(6)
                == ["n", "Ready,SchedulingDisabled", "control-plane", "<unknown>", "v1.36.0", "10.0.0.1"])
        #expect(
            cells(
                API.events,
                [
                    "metadata": ["name": "e"], "type": "Warning", "reason": "Failed", "message": " x ", "count": 3,
                    "lastTimestamp": "2024-05-01T11:59:30Z",
                    "firstTimestamp": "2024-05-01T11:59:00Z", "involvedObject": ["kind": "Pod", "name": "p"],
                    "source": ["component": "kubelet", "host": "n1"],
                ])
                == ["30s", "Warning", "Failed", "pod/p", "", "kubelet, n1", "x", "60s", "3", "e"])
        #expect(
            cells(API.configMaps, ["metadata": ["name": "c"], "data": ["a": "b"], "binaryData": ["c": ""]]) == [
                "c", "2", "<unknown>",
            ])
        #expect(
            cells(API.jobs, ["metadata": ["name": "j"], "spec": ["completions": 3], "status": ["succeeded": 1]]).prefix(
                4) == ["j", "Running", "1/3", ""])
        #expect(
            cells(API.clusterRoles, ["metadata": ["name": "r", "creationTimestamp": "2024-05-01T11:59:30Z"]]) == [
                "r", "2024-05-01T11:59:30Z",
            ])
    }

    @Test func every() {
        for r in BuiltIn.resources where r.verbs.contains("list") {
            let t: JSON = PrintColumns.builtIn(r.gvr.groupResource).table([["metadata": ["name": "x"]]], now: Self.now)
            #expect(t.rows[0].cells.elements.count == t.columnDefinitions.elements.count)
        }
    }

    @Test func customColumns() {
        let c: PrintColumns = .custom([
            ["name": "Color", "type": "string", "jsonPath": ".spec.color"],
            ["name": "Ready", "type": "string", "jsonPath": #".status.conditions[?(@.type=="Ready")].status"#],
            ["name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"],
        ])
        let t: JSON = c.table(
            [
                [
                    "metadata": ["name": "x", "creationTimestamp": "2024-05-01T11:00:00Z"], "spec": ["color": "red"],
                    "status": ["conditions": [["type": "A"], ["type": "Ready", "status": "True"]]],
                ]
            ],
            now: Self.now)
        #expect(t.rows[0].cells == ["x", "red", "True", "60m"])
    }

    @Test(arguments: [
        (0, "0s"), (119, "119s"), (120, "2m"), (121, "2m1s"), (599, "9m59s"), (600, "10m"), (10799, "179m"),
        (10800, "3h"),
        (14460, "4h1m"), (28800, "8h"), (172799, "47h"), (172800, "2d"), (180000, "2d2h"), (691200, "8d"),
        (63_072_000, "2y"),
        (64_000_000, "2y10d"), (252_288_000, "8y"), (-1, "0s"), (-5, "<invalid>"),
    ])
    func durations(_ seconds: Int64, _ text: String) { #expect(HumanDuration.text(seconds: seconds) == text) }

    @Test func fields() throws {
        let pods: SelectableFields = .of(API.pods.groupResource, namespaced: true)
        let s: FieldSelector = try FieldSelector(parsing: "spec.nodeName=n1,status.phase!=Failed")
        try pods.check(s, kind: "Pod")
        #expect(pods.matches(s, ["spec": ["nodeName": "n1"], "status": ["phase": "Running"]]))
        #expect(!pods.matches(s, ["spec": ["nodeName": "n2"]]))
        let error: StatusError? = #expect(throws: StatusError.self) {
            try pods.check(try FieldSelector(parsing: "spec.foo=1"), kind: "Pod")
        }
        #expect(error?.message == "field label not supported: spec.foo")
    }
}
