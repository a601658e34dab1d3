// Fine print that clients rely on: strict decoding, conversions, optional plugins.

import KubeAPI
import KubeBase
import KubeModel
import KubeResources
import KubeServer
import KubeWire
import Testing

@Suite struct FinePrintTests {
    @Test func strictDecodingComplainsInTheDocumentsOrder() throws {
        let text: String =
            #"{"apiVersion":"apps/v1","kind":"Deployment","spec":{"unknown1":"v","unknownDupe":1,"unknownDupe":2,"#
            + #""paused":true,"paused":false,"selector":{},"template":{"spec":{"containers":[{"name":"c","#
            + #""unknownNested":1,"imagePullPolicy":"Always","imagePullPolicy":"Never"}]}}}}"#
        let (object, duplicates): (JSON, [String]) = try JSON.parseReportingDuplicates(
            Array(text.utf8), limits: JSONLimits(depthMax: 100, collectsDuplicates: true))
        do throws(StatusError) {
            _ = try BuiltIn.schema.normalise(
                object, as: "apps/v1.Deployment", validation: .strict, duplicates: duplicates)
            Issue.record("accepted")
        } catch {
            #expect(
                error.message
                    == "Deployment in version \"v1\" cannot be handled as a Deployment: strict decoding error: "
                    + "unknown field \"spec.unknown1\", unknown field \"spec.unknownDupe\", duplicate field \"spec.paused\", "
                    + "unknown field \"spec.template.spec.containers[0].unknownNested\", "
                    + "duplicate field \"spec.template.spec.containers[0].imagePullPolicy\"")
        }
    }

    @Test func autoscalersAreSeenInBothVersions() async throws {
        let t: TestServer = try await TestServer.start()
        let v1: GroupVersionResource = GroupVersionResource("autoscaling/v1", "horizontalpodautoscalers")
        let made: JSON = try await t.create(
            v1, "default",
            [
                "metadata": ["name": "h"],
                "spec": [
                    "maxReplicas": 3, "targetCPUUtilizationPercentage": 50,
                    "scaleTargetRef": ["kind": "Deployment", "name": "d", "apiVersion": "apps/v1"],
                ],
            ])
        #expect(made.spec.targetCPUUtilizationPercentage == 50)
        let v2: JSON = try await t.call(.get, API.horizontalPodAutoscalers, "default", "h")
        #expect(v2.spec.metrics[0].resource.target.averageUtilization == 50)
        _ = try await t.call(
            .patch, API.horizontalPodAutoscalers, "default", "h",
            body: ["spec": ["behavior": ["scaleDown": ["stabilizationWindowSeconds": 60]]]])
        var again: JSON = try await t.call(.get, v1, "default", "h")
        again.spec.targetCPUUtilizationPercentage = 70
        _ = try await t.call(.update, v1, "default", "h", body: again)
        let now: JSON = try await t.call(.get, API.horizontalPodAutoscalers, "default", "h")
        #expect(now.spec.metrics[0].resource.target.averageUtilization == 70)
        #expect(now.spec.behavior.scaleDown.stabilizationWindowSeconds == 60)
    }

    @Test func eventsAreSeenInBothGroups() async throws {
        let t: TestServer = try await TestServer.start()
        let event: JSON = [
            "metadata": ["name": "e"], "eventTime": "2026-01-02T03:04:05.000006Z", "reportingController": "c",
            "reportingInstance": "i", "action": "A", "reason": "R", "type": "Normal", "note": "n",
            "regarding": ["kind": "Pod", "namespace": "default", "name": "p"],
            "series": ["count": 2, "lastObservedTime": "2026-01-02T03:04:05.000007Z"],
        ]
        _ = try await t.create(API.eventsV1, "default", event)
        let old: JSON = try await t.call(.get, API.events, "default", "e")
        #expect(old.message == "n" && old.involvedObject.name == "p" && old.series["count"] == 2)
        let new: JSON = try await t.call(.get, API.eventsV1, "default", "e")
        #expect(new.note == "n" && new.regarding.name == "p" && new.apiVersion == "events.k8s.io/v1")
    }

    @Test func pluginsAreChosenByName() throws {
        func names(_ enable: [String], _ disable: [String]) throws -> [String] {
            try AdmissionPlugins.chosen(enable: enable, disable: disable).map { $0.name }
        }
        #expect(try names([], []) == AdmissionPlugins.all().map { $0.name })
        #expect(try names(["AlwaysPullImages"], ["PodSecurity"]).contains("AlwaysPullImages"))
        #expect(try !names(["AlwaysPullImages"], ["PodSecurity"]).contains("PodSecurity"))
        #expect(throws: (any Error).self) { try names(["Nonsense"], []) }
        #expect(throws: (any Error).self) { try names(["Priority"], ["Priority"]) }
    }

    @Test func optionalPluginsDoTheirWork() async throws {
        let t: TestServer = try await TestServer.start()
        let definition: ResourceDefinition = try #require(t.server.registry.definition(API.pods))
        let context: RequestContext = RequestContext(
            verb: .create, resource: API.pods, namespace: "default", name: "p",
            user: UserInfo(name: "alice"), now: SystemTime().now(), registry: t.server.registry)
        let pod: JSON = TestServer.pod("p") {
            $0.spec.containers.elements[0].imagePullPolicy = "Never"
            $0.spec.containers.elements[0].resources = ["requests": ["example.com/gpu": "1"]]
            $0.metadata.ownerReferences = [
                ["apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "u", "blockOwnerDeletion": true]
            ]
        }
        var request: AdmissionRequest = AdmissionRequest(.create, definition, object: pod, context: context)
        try await AlwaysPullImages().admit(&request)
        #expect(request.object.spec.containers[0].imagePullPolicy == "Always")
        try await ExtendedResourceToleration().admit(&request)
        #expect(request.object.spec.tolerations[0] == ["key": "example.com/gpu", "operator": "Exists"])
        do throws(StatusError) {
            try await OwnerReferencesPermissionEnforcement().validate(request)
            Issue.record("alice may not delete pods")
        } catch {
            #expect(error.message.contains("cannot set an ownerRef on a resource you can't delete"))
        }
    }
}
