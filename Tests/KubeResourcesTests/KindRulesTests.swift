// What each kind refuses, word for word, through the whole road (defaults included).

import KubeAPI
import KubeBase
import KubeModel
import KubeResources
import KubeServer
import KubeWire
import Testing

@Suite struct KindRulesTests {
    /// One rule: the sample of a resource, changed; the faults it must have.
    struct Row: Sendable, CustomTestStringConvertible {
        var resource: String
        var change: @Sendable (inout JSON) -> Void
        var faults: [String]
        var testDescription: String { "\(resource): \(faults.first ?? "fine")" }
        init(_ resource: String, _ faults: [String], _ change: @escaping @Sendable (inout JSON) -> Void) {
            self.resource = resource
            self.faults = faults
            self.change = change
        }
    }

    static let jobs: [Row] = [
        Row("batch/v1/jobs", ["spec.template.spec.restartPolicy: Required value: valid values: [\"OnFailure\" \"Never\"]"]) {
            $0.spec.template.spec.restartPolicy = "Always"
        },
        Row("batch/v1/jobs", ["spec.podFailurePolicy.rules[0]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required"]) {
            $0.spec.podFailurePolicy = ["rules": [["action": "FailJob"]]]
        },
        Row("batch/v1/jobs", ["spec.podFailurePolicy.rules[0].action: Invalid value: \"FailIndex\": requires the backoffLimitPerIndex to be set"]) {
            $0.spec.podFailurePolicy = [
                "rules": [["action": "FailIndex", "onExitCodes": ["operator": "In", "values": [1]]]]
            ]
        },
        Row(
            "batch/v1/jobs",
            [
                "spec.podFailurePolicy.rules[0].onExitCodes.containerName: Invalid value: \"x\": must be one of the container or initContainer names in the pod template",
                "spec.podFailurePolicy.rules[0].onExitCodes.values[1]: Invalid value: 0: must not be 0 for the In operator",
                "spec.podFailurePolicy.rules[0].onExitCodes.values: Invalid value: [3,0]: must be ordered",
            ]
        ) {
            $0.spec.podFailurePolicy = [
                "rules": [
                    ["action": "FailJob", "onExitCodes": ["containerName": "x", "operator": "In", "values": [3, 0]]]
                ]
            ]
        },
        Row("batch/v1/jobs", ["spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode"]) {
            $0.spec.backoffLimitPerIndex = 1
        },
        Row("batch/v1/jobs", ["spec.completions: Required value: when completion mode is Indexed"]) {
            $0.spec.completionMode = "Indexed"
            $0.spec.parallelism = 1
        },
        Row(
            "batch/v1/jobs",
            [
                "spec.successPolicy.rules[0].succeededCount: Invalid value: 3: must be less than or equal to 2 (the number of indexes in the specified succeededIndexes field)"
            ]
        ) {
            $0.spec.completionMode = "Indexed"
            $0.spec.completions = 5
            $0.spec.successPolicy = ["rules": [["succeededIndexes": "0,2", "succeededCount": 3]]]
        },
        Row(
            "batch/v1/jobs",
            [
                "spec.successPolicy.rules[0].succeededIndexes: Invalid value: \"3-1\": error parsing succeededIndexes: non-increasing order, previous: 3, current: 1"
            ]
        ) {
            $0.spec.completionMode = "Indexed"
            $0.spec.completions = 5
            $0.spec.successPolicy = ["rules": [["succeededIndexes": "3-1"]]]
        },
        Row("batch/v1/jobs", ["spec.managedBy: Invalid value: \"x\": must be a domain-prefixed path (such as \"acme.io/foo\")"]) {
            $0.spec.managedBy = "x"
        },
    ]

    static let scaling: [Row] = [
        Row(
            "autoscaling/v2/horizontalpodautoscalers",
            ["spec.metrics[0].resource.target.averageUtilization: Invalid value: 0: must be greater than 0"]
        ) {
            $0.spec.metrics = [
                ["type": "Resource", "resource": ["name": "cpu", "target": ["type": "Utilization", "averageUtilization": 0]]]
            ]
        },
        Row("autoscaling/v2/horizontalpodautoscalers", ["spec.metrics[0].pods: Required value: must populate information for the given metric source"]) {
            $0.spec.metrics = [["type": "Pods"]]
        },
        Row(
            "autoscaling/v2/horizontalpodautoscalers",
            [
                "spec.behavior.scaleUp.policies[0].periodSeconds: Invalid value: 4000: must be less than or equal to 1800"
            ]
        ) { $0.spec.behavior = ["scaleUp": ["policies": [["type": "Pods", "value": 1, "periodSeconds": 4000]]]] },
    ]

    static let others: [Row] = [
        Row("resource.k8s.io/v1/resourceclaims", ["spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required"]) {
            $0.spec.devices.requests = [["name": "r"]]
        },
        Row(
            "resource.k8s.io/v1/resourceclaims",
            ["spec.devices.requests[0].exactly.count: Invalid value: 2: must not be specified when allocationMode is 'All'"]
        ) {
            $0.spec.devices.requests = [
                ["name": "r", "exactly": ["deviceClassName": "c", "allocationMode": "All", "count": 2]]
            ]
        },
        Row("resource.k8s.io/v1/resourceslices", ["spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero"]) {
            $0.spec.pool.resourceSliceCount = 0
        },
        Row("storage.k8s.io/v1/csidrivers", ["spec.fsGroupPolicy: Unsupported value: \"Maybe\": supported values: \"File\", \"None\", \"ReadWriteOnceWithFSType\""]) {
            $0.spec.fsGroupPolicy = "Maybe"
        },
        Row("storage.k8s.io/v1/csistoragecapacities", ["capacity: Invalid value: \"-1\": must be greater than or equal to 0"]) {
            $0.capacity = "-1"
        },
        Row("storage.k8s.io/v1/volumeattributesclasses", ["parameters: Required value: must contain at least one key/value pair"]) {
            $0.parameters = .null
        },
    ]

    static let core: [Row] = [
        Row(
            "v1/limitranges",
            [
                "spec.limits[0].min[cpu]: Invalid value: \"2\": min value 2 is greater than max value 1",
                "spec.limits[0].defaultRequest[cpu]: Invalid value: \"1\": min value 2 is greater than default request value 1",
                "spec.limits[0].default[cpu]: Invalid value: \"2\": min value 2 is greater than default value 1",
            ]
        ) { $0.spec.limits = [["type": "Container", "min": ["cpu": "2"], "max": ["cpu": "1"], "default": ["cpu": "1"]]]
        },
        Row("v1/limitranges", ["spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but neither was provided"]) {
            $0.spec.limits = [["type": "PersistentVolumeClaim"]]
        },
        Row("v1/resourcequotas", ["spec.hard[things]: Invalid value: \"things\": must be a standard resource for quotas"]) {
            $0.spec.hard = ["things": "1"]
        },
        Row(
            "v1/resourcequotas",
            [
                "spec.scopes: Invalid value: [\"BestEffort\",\"NotBestEffort\"]: unsupported scope applied to resource",
                "spec.scopes: Invalid value: [\"BestEffort\",\"NotBestEffort\"]: conflicting scopes",
            ]
        ) {
            $0.spec.hard = ["cpu": "1"]
            $0.spec.scopes = ["BestEffort", "NotBestEffort"]
        },
        Row("v1/endpoints", ["subsets[0].addresses[0].ip: Invalid value: \"127.0.0.1\": may not be in the loopback range (127.0.0.0/8, ::1/128)"]) {
            $0.subsets.elements[0].addresses.elements[0].ip = "127.0.0.1"
        },
        Row(
            "v1/nodes",
            [
                "metadata.taints[1]: Duplicate value: {\"key\":\"k\",\"effect\":\"NoSchedule\"}: taints must be unique by key and effect pair"
            ]
        ) { $0.spec.taints = [["key": "k", "effect": "NoSchedule"], ["key": "k", "effect": "NoSchedule"]] },
    ]

    static let pods: [Row] = [
        Row("v1/pods", ["spec.hostNetwork: Forbidden: when `hostUsers` is false"]) {
            $0.spec.hostUsers = false
            $0.spec.hostNetwork = true
        },
        Row("v1/pods", ["spec.securityContext.sysctls[0].name: Invalid value: \"net.ipv4.ip_forward\": may not be specified when 'hostNetwork' is true"]) {
            $0.spec.hostNetwork = true
            $0.spec.securityContext.sysctls = [["name": "net.ipv4.ip_forward", "value": "1"]]
        },
        Row("v1/pods", ["spec.resources.requests[cpu]: Invalid value: \"1\": must be greater than or equal to aggregate container requests of 2"]) {
            $0.spec.resources = ["requests": ["cpu": "1"]]
            $0.spec.containers.elements[0].resources = ["requests": ["cpu": "2"]]
        },
        Row("v1/pods", ["spec.securityContext.sysctls[0].name: Invalid value: \"a..b\": must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$"]) {
            $0.spec.securityContext.sysctls = [["name": "a..b", "value": "1"]]
        },
        Row("v1/pods", []) { $0.spec.terminationGracePeriodSeconds = -1 },
    ]

    @Test func templatesWarn() {
        var o: JSON = ["spec": ["containers": [["name": "c", "env": [["name": "A"], ["name": "A"]]]]]]
        o.metadata.annotations["scheduler.alpha.kubernetes.io/critical-pod"] = ""
        o.spec.nodeSelector["beta.kubernetes.io/os"] = "linux"
        o.spec.topologySpreadConstraints = [["topologyKey": "kubernetes.io/hostname"]]
        #expect(
            PodWarnings.of(o, at: "spec.template.") == [
                "spec.template.spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use \"kubernetes.io/os\" instead",
                "spec.template.metadata.annotations[scheduler.alpha.kubernetes.io/critical-pod]: non-functional in v1.16+; use the \"priorityClassName\" field instead",
                "spec.template.spec.containers[0].env[1]: hides previous definition of \"A\", which may be dropped when using apply",
                "spec.template.spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in matching no pod",
            ])
    }

    @Test(arguments: jobs + scaling + others + core + pods) func refuses(_ row: Row) async throws {
        let t: TestServer = try await TestServer.start()
        let sample: SampleObjects.Sample = try #require(
            SampleObjects.all.first { "\($0.resource.groupVersion)/\($0.resource.resource)" == row.resource })
        var object: JSON = sample.object
        row.change(&object)
        let error: StatusError? = await t.failure { () async throws(StatusError) in
            try await t.call(
                .create, sample.resource, sample.isNamespaced ? "default" : "", body: object, query: ["dryRun": "All"])
        }
        let faults: [String] = error?.details.causes.elements.map { "\($0.field.text): \($0.message.text)" } ?? []
        #expect(faults == row.faults, "\(error?.message ?? "accepted")")
    }
}
