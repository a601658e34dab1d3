// The Pod Security Standards, word for word.

import KubeAPI
import KubeBase
import KubeModel
import KubeServer
import KubeWire
import Testing

@testable import KubeResources

@Suite struct PodSecurityTests {
    private func texts(
        _ level: PodSecurityLevel, minor: Int = .max, _ change: (inout JSON) -> Void
    ) -> [String] {
        var pod: JSON = ["spec": ["containers": [["name": "a"], ["name": "b"]]]]
        change(&pod)
        return PodSecurityChecks.faults(pod, level: level, minor: minor).map { $0.description }
    }

    @Test func aPlainPodAtRestricted() {
        #expect(
            texts(.restricted) { _ in } == [
                "allowPrivilegeEscalation != false (containers \"a\", \"b\" must set securityContext.allowPrivilegeEscalation=false)",
                "unrestricted capabilities (containers \"a\", \"b\" must set securityContext.capabilities.drop=[\"ALL\"])",
                "runAsNonRoot != true (pod or containers \"a\", \"b\" must set securityContext.runAsNonRoot=true)",
                "seccompProfile (pod or containers \"a\", \"b\" must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\")",
            ])
        #expect(texts(.baseline) { _ in }.isEmpty && texts(.privileged) { $0.spec.hostNetwork = true }.isEmpty)
    }

    @Test func aCarefulPodPassesRestricted() {
        let out: [String] = texts(.restricted) {
            $0.spec.securityContext = ["runAsNonRoot": true, "seccompProfile": ["type": "RuntimeDefault"]]
            for i in 0..<2 {
                $0.spec.containers.elements[i].securityContext = [
                    "allowPrivilegeEscalation": false, "capabilities": ["drop": ["ALL"], "add": ["NET_BIND_SERVICE"]],
                ]
            }
        }
        #expect(out.isEmpty)
    }

    @Test func baselineControls() {
        let rows: [(String, (inout JSON) -> Void)] = [
            (
                "host namespaces (hostNetwork=true, hostPID=true)",
                {
                    $0.spec.hostNetwork = true; $0.spec.hostPID = true
                }
            ),
            ("hostPath volumes (volume \"v\")", { $0.spec.volumes = [["name": "v", "hostPath": ["path": "/"]]] }),
            (
                "hostPort (container \"a\" uses hostPorts 80, 9000)",
                { $0.spec.containers.elements[0].ports = [["hostPort": 9000], ["hostPort": 80], ["hostPort": 0]] }
            ),
            (
                "privileged (container \"b\" must not set securityContext.privileged=true)",
                { $0.spec.containers.elements[1].securityContext.privileged = true }
            ),
            (
                "non-default capabilities (container \"a\" must not include \"BAR\", \"FOO\" in securityContext.capabilities.add)",
                { $0.spec.containers.elements[0].securityContext.capabilities.add = ["FOO", "CHOWN", "BAR"] }
            ),
            (
                "procMount (container \"a\" must not set securityContext.procMount to \"Unmasked\")",
                { $0.spec.containers.elements[0].securityContext.procMount = "Unmasked" }
            ),
            (
                "seLinuxOptions (pod and container \"a\" set forbidden securityContext.seLinuxOptions: type \"foo\"; user may not be set)",
                {
                    $0.spec.securityContext.seLinuxOptions.type = "foo"
                    $0.spec.containers.elements[0].securityContext.seLinuxOptions.user = "u"
                }
            ),
            (
                "seccompProfile (pod must not set securityContext.seccompProfile.type to \"Unconfined\")",
                { $0.spec.securityContext.seccompProfile.type = "Unconfined" }
            ),
            (
                "forbidden sysctls (kernel.msgmax)",
                { $0.spec.securityContext.sysctls = [["name": "kernel.msgmax"], ["name": "net.ipv4.tcp_syncookies"]] }
            ),
            (
                "forbidden AppArmor profile (container \"b\" must not set AppArmor profile type to \"Unconfined\")",
                { $0.spec.containers.elements[1].securityContext.appArmorProfile.type = "Unconfined" }
            ),
            (
                "hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)",
                { $0.spec.securityContext.windowsOptions.hostProcess = true }
            ),
            (
                "probe or lifecycle host (container \"a\" uses probe or lifecycle host \"h\")",
                { $0.spec.containers.elements[0].livenessProbe.httpGet.host = "h" }
            ),
        ]
        for (text, change) in rows { #expect(texts(.baseline, change) == [text]) }
    }

    @Test func versionsOfTheStandard() {
        let sysctl: (inout JSON) -> Void = { $0.spec.securityContext.sysctls = [["name": "net.ipv4.tcp_rmem"]] }
        #expect(texts(.baseline, minor: 31, sysctl) == ["forbidden sysctls (net.ipv4.tcp_rmem)"])
        #expect(texts(.baseline, minor: 32, sysctl).isEmpty)
        let root: (inout JSON) -> Void = { $0.spec.securityContext.runAsUser = 0 }
        #expect(!texts(.restricted, minor: 22, root).contains { $0.hasPrefix("runAsUser=0") })
        #expect(texts(.restricted, minor: 23, root).contains("runAsUser=0 (pod must not set runAsUser=0)"))
    }

    @Test func namespacesEnforceAndTellOfPodsThatAreThere() async throws {
        let t: TestServer = try await TestServer.start()
        _ = try await t.create(API.namespaces, "", ["metadata": ["name": "safe"]])
        _ = try await t.create(API.pods, "safe", TestServer.pod("one"))
        _ = try await t.create(API.pods, "safe", TestServer.pod("two"))
        let bad: StatusError? = await t.failure { () async throws(StatusError) in
            try await t.call(
                .patch, API.namespaces, "", "safe",
                body: ["metadata": ["labels": .object(JSONObject([("pod-security.kubernetes.io/enforce", "strict")]))]])
        }
        #expect(bad?.message.contains("must be one of privileged, baseline, restricted") == true)
        let labels: JSON = .object(
            JSONObject([
                ("pod-security.kubernetes.io/enforce", "restricted"),
                ("pod-security.kubernetes.io/enforce-version", "v1.24"),
            ]))
        _ = try await t.call(.patch, API.namespaces, "", "safe", body: ["metadata": ["labels": labels]])
        let refused: StatusError? = await t.failure { () async throws(StatusError) in
            try await t.create(API.pods, "safe", TestServer.pod("three"))
        }
        #expect(
            refused?.message.hasPrefix(
                "pods \"three\" is forbidden: violates PodSecurity \"restricted:v1.24\": allowPrivilegeEscalation != false (container \"c\""
            ) == true)
    }
}
