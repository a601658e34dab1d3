// Validation of pod specs, word for word.

import KubeAPI
import KubeModel
import KubeWire
import Testing

@testable import KubeResources

@Suite struct PodRulesTests {
    private static let plain: JSON = [
        "containers": [
            [
                "name": "c", "image": "nginx", "imagePullPolicy": "Always", "terminationMessagePolicy": "File",
            ]
        ], "restartPolicy": "Always", "dnsPolicy": "ClusterFirst",
    ]

    private func faults(_ change: (inout JSON) -> Void) -> [String] {
        var spec: JSON = Self.plain
        change(&spec)
        var out: Faults = Faults()
        PodSpecRules.check(spec, at: "spec", &out)
        return out.list.map { $0.description }
    }

    @Test func acceptsPlain() { #expect(faults { _ in } == []) }

    @Test func containers() {
        #expect(faults { $0.containers = [] } == ["spec.containers: Required value"])
        #expect(faults { $0.containers.elements[0].image = .null } == ["spec.containers[0].image: Required value"])
        #expect(
            faults { $0.containers.elements[0].image = " nginx" } == [
                "spec.containers[0].image: Invalid value: \" nginx\": must not have leading or trailing whitespace"
            ])
        #expect(
            faults { $0.containers.elements[0].name = "A" }.first?.hasPrefix(
                "spec.containers[0].name: Invalid value: \"A\": a lowercase RFC 1123 label must consist of") == true)
        #expect(
            faults { $0.containers.elements.append($0.containers[0]) } == [
                "spec.containers[1].name: Duplicate value: \"c\""
            ])
        #expect(
            faults { $0.restartPolicy = "Sometimes" } == [
                "spec.restartPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \"OnFailure\", \"Never\""
            ])
    }

    @Test func ports() {
        let p: JSON = ["containerPort": 70000, "protocol": "TCP"]
        #expect(
            faults { $0.containers.elements[0].ports = [p] } == [
                "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive"
            ])
        let q: JSON = ["containerPort": 80, "hostPort": 81, "protocol": "TCP"]
        #expect(
            faults {
                $0.hostNetwork = true
                $0.containers.elements[0].ports = [q]
            } == [
                "spec.containers[0].ports[0].containerPort: Invalid value: 80: must match `hostPort` when `hostNetwork` is true"
            ])
    }

    @Test func resources() {
        #expect(
            faults { $0.containers.elements[0].resources = ["requests": ["cpu": "2"], "limits": ["cpu": "1"]] } == [
                "spec.containers[0].resources.requests: Invalid value: \"2\": must be less than or equal to cpu limit of 1"
            ])
        #expect(
            faults { $0.containers.elements[0].resources = ["limits": ["memory": "-1"]] } == [
                "spec.containers[0].resources.limits[memory]: Invalid value: \"-1\": must be greater than or equal to 0"
            ])
        #expect(faults { $0.containers.elements[0].resources = ["limits": ["example.com/gpu": "1"], "requests": ["example.com/gpu": "1"]] } == [])
    }

    @Test func mountsAndVolumes() {
        #expect(
            faults { $0.containers.elements[0].volumeMounts = [["name": "v", "mountPath": "/v"]] } == [
                "spec.containers[0].volumeMounts[0].name: Not found: \"v\""
            ])
        #expect(faults { $0.volumes = [["name": "v"]] } == ["spec.volumes[0]: Required value: must specify a volume type"])
        #expect(
            faults { $0.volumes = [["name": "v", "emptyDir": [:], "hostPath": ["path": "/x"]]] } == [
                "spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type"
            ])
        #expect(
            faults { $0.volumes = [["name": "v", "hostPath": ["path": "/a/../b"]]] } == [
                "spec.volumes[0].hostPath.path: Invalid value: \"/a/../b\": must not contain '..'"
            ])
    }

    @Test func probesAndEnvironment() {
        #expect(
            faults { $0.containers.elements[0].livenessProbe = ["periodSeconds": 1] } == [
                "spec.containers[0].livenessProbe: Required value: must specify a handler type"
            ])
        #expect(
            faults {
                $0.containers.elements[0].livenessProbe = [
                    "tcpSocket": ["port": 80], "successThreshold": 2,
                ]
            } == ["spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1"])
        #expect(
            faults { $0.containers.elements[0].env = [["name": "A", "valueFrom": ["fieldRef": ["apiVersion": "v1", "fieldPath": "spec.x"]]]] }
                .first?.hasPrefix("spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Unsupported value: \"spec.x\"") == true)
    }

    @Test func tolerationsAndAffinity() {
        #expect(
            faults { $0.tolerations = [["operator": "Equal"]] } == [
                "spec.tolerations[0].operator: Invalid value: \"Equal\": operator must be Exists when `key` is empty, which means \"match all values and all keys\""
            ])
        #expect(
            faults { $0.affinity = ["nodeAffinity": ["requiredDuringSchedulingIgnoredDuringExecution": ["nodeSelectorTerms": []]]] } == [
                "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term"
            ])
    }

    @Test func quality() {
        #expect(QualityOfService.of(Self.plain) == "BestEffort")
        var spec: JSON = Self.plain
        spec.containers.elements[0].resources = ["requests": ["cpu": "1"]]
        #expect(QualityOfService.of(spec) == "Burstable")
        spec.containers.elements[0].resources = [
            "requests": ["cpu": "1", "memory": "1Gi"], "limits": ["cpu": "1", "memory": "1Gi"],
        ]
        #expect(QualityOfService.of(spec) == "Guaranteed")
    }

    @Test(arguments: [
        ("*/5 * * * *", true), ("0 0 1 jan mon-fri", true), ("@hourly", true), ("60 * * * *", false), ("* * * *", false),
        ("a * * * *", false), ("5-1 * * * *", false), ("@every 5m", true),
    ])
    func cron(_ text: String, _ isFine: Bool) { #expect((CronSchedule.complaint(text) == nil) == isFine) }

    @Test(arguments: [
        ("10.0.0.1", "10.0.0.1"), ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"), ("::ffff:1.2.3.4", "::ffff:102:304"), ("::", "::"),
    ])
    func addresses(_ text: String, _ canonical: String) { #expect(IPAddress(text)?.description == canonical) }

    @Test(arguments: ["10.0.0", "256.1.1.1", "01.2.3.4", "1:2", ":::", "g::"])
    func noAddresses(_ text: String) { #expect(IPAddress(text) == nil) }

    @Test func prefixes() {
        #expect(CIDR("10.96.0.0/16")?.contains(IPAddress("10.96.255.1")!) == true)
        #expect(CIDR("10.96.0.0/16")?.contains(IPAddress("10.97.0.1")!) == false)
        #expect(CIDR("10.96.3.4/16")?.description == "10.96.0.0/16")
        #expect(CIDR("fd00::/108")?.contains(IPAddress("fd00::f:1")!) == true)
        #expect(CIDR("10.0.0.0/33") == nil)
    }
}
