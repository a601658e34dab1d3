// Values of the command line: flags, JSONPath, columns, merges, drain plans.

import KubeModel
import KubeWire
import Testing

@testable import KubeCtl

private let pods: JSON = [
    "kind": "List",
    "items": [
        [
            "metadata": ["name": "a", "labels": ["app.kubernetes.io/name": "web"]],
            "status": ["phase": "Running", "restarts": 3, "conditions": [["type": "Ready", "status": "True"]]],
        ],
        ["metadata": ["name": "b"], "status": ["phase": "Pending", "restarts": 0, "conditions": [["type": "Ready", "status": "False"]]]],
    ],
]

@Suite struct JSONPathTests {
    @Test(arguments: [
        ("{.items[*].metadata.name}", "a b"), ("{.items[0].metadata.name}", "a"), ("{.items[-1].metadata.name}", "b"),
        ("{range .items[*]}{.metadata.name}{\"\\t\"}{.status.phase}{\"\\n\"}{end}", "a\tRunning\nb\tPending\n"),
        ("{.items[?(@.status.phase==\"Running\")].metadata.name}", "a"),
        ("{.items[?(@.status.restarts>1)].metadata.name}", "a"),
        ("{.items[*].status.conditions[?(@.type==\"Ready\")].status}", "True False"),
        ("{.items[0].metadata.labels.app\\.kubernetes\\.io/name}", "web"), ("{.items[0:1].metadata.name}", "a"),
        ("{.items[0].metadata['name']}", "a"), ("{..name}", "a b"), ("name: {.items[0].metadata.name}!", "name: a!"),
        ("{.items[0].status.restarts}", "3"),
    ])
    func templates(template: String, expected: String) throws {
        #expect(try JSONPathTemplate(template).text(of: pods) == expected)
    }

    @Test func absentFieldsAreEmptyAndAbsentElementsFaults() throws {
        #expect(try JSONPathTemplate("a{.nothing}b").text(of: pods) == "ab")
        let error: UsageError? = #expect(throws: UsageError.self) { try JSONPathTemplate("{.items[9]}").text(of: pods) }
        #expect(error?.description.contains("array index out of bounds: index 9, length 2") == true)
    }

    @Test(arguments: ["{.items[", "{range .items[*]}x", "{.items[x]}"])
    func faultsAreRefused(template: String) { #expect(throws: UsageError.self) { try JSONPathTemplate(template) } }
}

@Suite struct FlagTests {
    private let flags: [Flag] =
        [CommonFlags.output, CommonFlags.dryRun, Flag("stdin", short: "i", .bool, ""), Flag("tty", short: "t", .bool, ""),
            Flag("image", .list(commas: true), "")] + CommonFlags.global

    private func parse(_ words: [String]) throws -> ParsedArguments { try FlagParser.parse(words, flags: flags, command: "apus x") }

    @Test func kubectlsHabits() throws {
        let p: ParsedArguments = try parse(["pods", "-oyaml", "-it", "-n=kube-system", "--image", "a,b", "--image=c", "--dry-run", "--", "sh", "-c"])
        #expect(p.arguments == ["pods"])
        #expect(p.flags.string("output") == "yaml")
        #expect(p.flags.bool("stdin") && p.flags.bool("tty"))
        #expect(p.flags.string("namespace") == "kube-system")
        #expect(p.flags.list("image") == ["a", "b", "c"])
        #expect(p.flags.string("dry-run") == "client")
        #expect(p.afterDash == ["sh", "-c"])
    }

    @Test(arguments: [
        (["--bogus"], "unknown flag: --bogus"), (["-z"], "unknown shorthand flag: 'z' in -z"), (["-o"], "flag needs an argument: 'o' in -o"),
        (["--output"], "flag needs an argument: --output"),
    ])
    func faults(words: [String], message: String) {
        let error: UsageError? = #expect(throws: UsageError.self) { try parse(words) }
        #expect(error?.description.hasPrefix(message) == true)
    }
}

@Suite struct ThreeWayMergeTests {
    private func deployment(_ containers: [JSON], replicas: JSON = .null) -> JSON {
        var d: JSON = ["spec": ["template": ["spec": ["containers": .array(containers)]]]]
        d.spec.replicas = replicas
        return d
    }

    @Test func containersMergeByNameAndWhatLeftTheFileGoes() {
        let original: JSON = deployment([["name": "a", "image": "1"], ["name": "b", "image": "1"]], replicas: 2)
        let modified: JSON = deployment([["name": "a", "image": "2"]])
        var live: JSON = original
        live.spec.template.spec.containers[0].terminationMessagePath = "/dev/termination-log"
        let patch: JSON = ThreeWayMerge.patch(original: original, modified: modified, live: live, type: "apps/v1.Deployment")
        #expect(patch.spec.template.spec.containers == [["name": "a", "image": "2"], ["$patch": "delete", "name": "b"]])
        #expect(patch.spec.fields["replicas"] == .some(.null))
    }

    @Test func nothingToDoIsAnEmptyPatch() {
        let d: JSON = deployment([["name": "a", "image": "1"]])
        #expect(ThreeWayMerge.patch(original: d, modified: d, live: d, type: "apps/v1.Deployment").fields.isEmpty)
    }

    @Test func mergePatchNamesWhatChanged() {
        #expect(MergeDiff.patch(from: ["a": 1, "b": ["c": 1]], to: ["a": 1, "b": ["c": 2]]) == ["b": ["c": 2]])
        #expect(MergeDiff.patch(from: ["a": 1], to: [:]).fields["a"] == .some(.null))
    }
}

@Suite struct PlanTests {
    @Test func drainKeepsDaemonsAndRefusesWhatWouldBeLost() {
        let daemon: JSON = ["metadata": ["name": "d", "namespace": "n", "ownerReferences": [["kind": "DaemonSet", "controller": true]]]]
        let bare: JSON = ["metadata": ["name": "b", "namespace": "n"]]
        let local: JSON = [
            "metadata": ["name": "l", "namespace": "n", "ownerReferences": [["kind": "ReplicaSet", "controller": true]]],
            "spec": ["volumes": [["name": "v", "emptyDir": [:]]]],
        ]
        let strict: DrainPlan = DrainPlan(pods: [daemon, bare, local], force: false, ignoreDaemonSets: false, deleteEmptyDir: false)
        #expect(strict.refusals.count == 3)
        let eager: DrainPlan = DrainPlan(pods: [daemon, bare, local], force: true, ignoreDaemonSets: true, deleteEmptyDir: true)
        #expect(eager.refusals.isEmpty)
        #expect(eager.evictions.map { $0.metadata.name.text } == ["b", "l"])
    }

    @Test(arguments: [("8080", 8080, 8080), ("8080:80", 8080, 80), (":http", 0, 81), ("0:80", 0, 80)])
    func portPairs(text: String, local: Int, remote: Int) throws {
        let pod: JSON = ["spec": ["containers": [["ports": [["name": "http", "containerPort": 81]]]]]]
        let pair: (local: Int, remote: Int) = try PortPair.parse(text, pod: pod, service: nil)
        #expect(pair.local == local && pair.remote == remote)
    }

    @Test(arguments: [(0, "0s"), (119, "119s"), (120, "2m"), (601, "10m"), (10800, "3h"), (90000, "25h"), (86400 * 3, "3d"), (86400 * 400, "400d")])
    func ages(seconds: Int, text: String) { #expect(HumanDuration.text(seconds: Int64(seconds)) == text) }

    @Test func describeAlignsNeighbours() {
        var w: DescribeWriter = DescribeWriter()
        w.field("Name", "x")
        w.field("Namespace", "default")
        #expect(w.text == "Name:       x\nNamespace:  default")
    }
}
