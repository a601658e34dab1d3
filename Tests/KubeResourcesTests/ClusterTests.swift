// Kinds on the whole road: server in memory, admission, strategies.

import KubeAPI
import KubeBase
import KubeCrypto
import KubeModel
import KubeNet
import KubeResources
import KubeServer
import KubeWire
import Testing

@Suite struct ClusterTests {
    @Test func servesEveryKind() async throws {
        let s: TestServer = try await TestServer.start()
        let enabled: [ResourceFacts] = BuiltIn.resources.filter { $0.enabledByDefault }
        #expect(enabled.count > 60)
        for facts in enabled {
            let definition: ResourceDefinition? = s.server.registry.definition(facts.gvr)
            #expect(definition != nil, "\(facts.gvr)")
            #expect(definition?.subresources.map { $0.name } == facts.subresources.map { $0.name }, "\(facts.gvr)")
            if facts.verbs.contains("list"), definition?.isStored == true {
                _ = try await s.call(.list, facts.gvr)
            }
        }
    }

    @Test func bootstraps() async throws {
        let s: TestServer = try await TestServer.start()
        let service: JSON = try await s.call(.get, API.services, "default", "kubernetes")
        #expect(service.spec.clusterIP.text == "10.96.0.1")
        let slice: JSON = try await s.call(.get, API.endpointSlices, "default", "kubernetes")
        #expect(slice.endpoints[0].addresses[0].text == "192.0.2.1")
        let ns: JSON = try await s.call(.get, API.namespaces, "", "kube-system")
        #expect(ns.metadata.labels["kubernetes.io/metadata.name"].text == "kube-system")
        let before: JSON = try await s.call(.get, API.clusterRoles, "", "admin")
        try await BootstrapObjects(s.settings, s.server.registry).apply()
        let after: JSON = try await s.call(.get, API.clusterRoles, "", "admin")
        #expect(before.metadata.resourceVersion == after.metadata.resourceVersion)
    }

    @Test func podsAreAdmittedAndBound() async throws {
        let s: TestServer = try await TestServer.start()
        let lonely: StatusError? = await s.failure { () async throws(StatusError) in
            try await s.create(API.pods, "nowhere", TestServer.pod("p"))
        }
        #expect(lonely?.message == "namespaces \"nowhere\" not found")
        let pod: JSON = try await s.create(API.pods, "default", TestServer.pod("p"))
        #expect(pod.status.phase.text == "Pending" && pod.status.qosClass.text == "BestEffort")
        #expect(pod.spec.serviceAccountName.text == "default" && pod.spec.priority.asInt == 0)
        #expect(pod.spec.tolerations.elements.count == 2)
        #expect(pod.spec.containers[0].volumeMounts[0].mountPath.text == "/var/run/secrets/kubernetes.io/serviceaccount")
        #expect(pod.metadata.generation.asInt == 1)
        let binding: JSON = [
            "apiVersion": "v1", "kind": "Binding", "metadata": ["name": "p"],
            "target": ["kind": "Node", "name": "n1"],
        ]
        _ = try await s.call(.create, API.pods, "default", "p", "binding", body: binding)
        let bound: JSON = try await s.call(.get, API.pods, "default", "p")
        #expect(bound.spec.nodeName.text == "n1" && bound.status.conditions[0].type.text == "PodScheduled")
        let twice: StatusError? = await s.failure { () async throws(StatusError) in
            try await s.call(.create, API.bindings, "default", body: binding)
        }
        #expect(
            twice?.message
                == "Operation cannot be fulfilled on pods/binding \"p\": pod p is already assigned to node \"n1\"")
        var changed: JSON = bound
        changed.spec.containers.elements[0].image = "nginx:2"
        let updated: JSON = try await s.call(.update, API.pods, "default", "p", body: changed)
        #expect(updated.metadata.generation.asInt == 2)
        changed = updated
        changed.spec.containers.elements[0].command = ["sh"]
        let frozen: StatusError? = await s.failure { () async throws(StatusError) in
            try await s.call(.update, API.pods, "default", "p", body: changed)
        }
        #expect(frozen?.code == 422)
        #expect(
            frozen?.message.hasPrefix(
                "Pod \"p\" is invalid: spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`")
                == true)
    }

    @Test func podsGoGracefully() async throws {
        let s: TestServer = try await TestServer.start()
        _ = try await s.create(API.pods, "default", TestServer.pod("free"))
        _ = try await s.call(.delete, API.pods, "default", "free")
        #expect(await s.failure { () async throws(StatusError) in try await s.call(.get, API.pods, "default", "free") }?.code == 404)
        _ = try await s.create(API.pods, "default", TestServer.pod("held") { $0.spec.nodeName = "n1" })
        _ = try await s.call(.delete, API.pods, "default", "held")
        let going: JSON = try await s.call(.get, API.pods, "default", "held")
        #expect(going.metadata.deletionGracePeriodSeconds.asInt == 30)
        _ = try await s.call(.delete, API.pods, "default", "held", body: ["gracePeriodSeconds": 0])
        #expect(await s.failure { () async throws(StatusError) in try await s.call(.get, API.pods, "default", "held") }?.code == 404)
    }

    private func service(_ name: String, _ spec: JSON) -> JSON {
        ["apiVersion": "v1", "kind": "Service", "metadata": ["name": .string(name)], "spec": spec]
    }

    @Test func servicesGetAddressesAndPorts() async throws {
        let s: TestServer = try await TestServer.start()
        let a: JSON = try await s.create(API.services, "default", service("a", ["ports": [["port": 80]]]))
        #expect(CIDR("10.96.0.0/16")!.contains(IPAddress(a.spec.clusterIP.text)!))
        #expect(a.spec.clusterIPs[0] == a.spec.clusterIP && a.spec.ipFamilies[0].text == "IPv4")
        let taken: StatusError? = await s.failure { () async throws(StatusError) in
            try await s.create(API.services, "default", service("b", ["clusterIP": a.spec.clusterIP, "ports": [["port": 80]]]))
        }
        #expect(taken?.message.hasSuffix("provided IP is already allocated") == true)
        let n: JSON = try await s.create(
            API.services, "default", service("n", ["type": "NodePort", "ports": [["port": 80, "nodePort": 30080]]]))
        #expect(n.spec.ports[0].nodePort.asInt == 30080)
        let port: StatusError? = await s.failure { () async throws(StatusError) in
            try await s.create(
                API.services, "default", service("m", ["type": "NodePort", "ports": [["port": 80, "nodePort": 30080]]]))
        }
        #expect(
            port?.message
                == "Service \"m\" is invalid: spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated")
        var up: JSON = a
        up.spec.type = "NodePort"
        let promoted: JSON = try await s.call(.update, API.services, "default", "a", body: up)
        #expect((30000...32767).contains(promoted.spec.ports[0].nodePort.asInt ?? 0))
        #expect(promoted.spec.clusterIP == a.spec.clusterIP)
        _ = try await s.call(.delete, API.services, "default", "n")
        _ = try await s.create(
            API.services, "default", service("m", ["type": "NodePort", "ports": [["port": 80, "nodePort": 30080]]]))
        let headless: JSON = try await s.create(
            API.services, "default", service("h", ["clusterIP": "None", "selector": ["a": "b"]]))
        #expect(headless.spec.clusterIPs[0].text == "None")
        let none: StatusError? = await s.failure { () async throws(StatusError) in
            try await s.create(API.services, "default", service("x", ["selector": ["a": "b"]]))
        }
        #expect(none?.message == "Service \"x\" is invalid: spec.ports: Required value")
    }

    private func deployment(_ name: String, labels: JSON) -> JSON {
        [
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": ["name": .string(name)],
            "spec": [
                "selector": ["matchLabels": ["app": "web"]],
                "template": [
                    "metadata": ["labels": labels], "spec": ["containers": [["name": "c", "image": "nginx"]]],
                ],
            ],
        ]
    }

    @Test func deployments() async throws {
        let s: TestServer = try await TestServer.start()
        let wrong: StatusError? = await s.failure { () async throws(StatusError) in
            try await s.create(API.deployments, "default", deployment("d", labels: ["app": "db"]))
        }
        #expect(
            wrong?.message
                == "Deployment.apps \"d\" is invalid: spec.template.metadata.labels: Invalid value: {\"app\":\"db\"}: `selector` does not match template `labels`")
        let d: JSON = try await s.create(API.deployments, "default", deployment("d", labels: ["app": "web"]))
        #expect(d.metadata.generation.asInt == 1 && d.spec.replicas.asInt == 1)
        let scale: JSON = try await s.call(.get, API.deployments, "default", "d", "scale")
        #expect(scale.status.selector.text == "app=web")
        var more: JSON = scale
        more.spec.replicas = 4
        _ = try await s.call(.update, API.deployments, "default", "d", "scale", body: more)
        var now: JSON = try await s.call(.get, API.deployments, "default", "d")
        #expect(now.spec.replicas.asInt == 4 && now.metadata.generation.asInt == 2)
        now.spec.selector.matchLabels.x = "y"
        now.spec.template.metadata.labels.x = "y"
        let body: JSON = now
        let fixed: StatusError? = await s.failure { () async throws(StatusError) in
            try await s.call(.update, API.deployments, "default", "d", body: body)
        }
        #expect(fixed?.message.hasSuffix("field is immutable") == true)
    }

    @Test func jobsSelectTheirOwn() async throws {
        let s: TestServer = try await TestServer.start()
        let job: JSON = try await s.create(
            API.jobs, "default",
            [
                "apiVersion": "batch/v1", "kind": "Job", "metadata": ["generateName": "j-"],
                "spec": ["template": ["spec": ["restartPolicy": "Never", "containers": [["name": "c", "image": "x"]]]]],
            ])
        let key: String = "batch.kubernetes.io/controller-uid"
        #expect(job.spec.selector.matchLabels[key] == job.metadata.uid)
        #expect(job.spec.template.metadata.labels["job-name"] == job.metadata.name)
        #expect(job.spec.template.metadata.labels[key] == job.metadata.uid)
    }

    @Test func namespacesWaitForTheirFinalizer() async throws {
        let s: TestServer = try await TestServer.start()
        _ = try await s.create(API.namespaces, "", ["apiVersion": "v1", "kind": "Namespace", "metadata": ["name": "n"]])
        let stay: StatusError? = await s.failure { () async throws(StatusError) in
            try await s.call(.delete, API.namespaces, "", "default")
        }
        #expect(stay?.message == "namespaces \"default\" is forbidden: this namespace may not be deleted")
        _ = try await s.call(.delete, API.namespaces, "", "n")
        var ns: JSON = try await s.call(.get, API.namespaces, "", "n")
        #expect(ns.status.phase.text == "Terminating")
        let closed: StatusError? = await s.failure { () async throws(StatusError) in
            try await s.create(API.configMaps, "n", ["apiVersion": "v1", "kind": "ConfigMap", "metadata": ["name": "c"]])
        }
        #expect(closed?.message == "configmaps \"c\" is forbidden: unable to create new content in namespace n because it is being terminated")
        ns.spec.finalizers = []
        let body: JSON = ns
        _ = try await s.call(.update, API.namespaces, "", "n", "finalize", body: body)
        #expect(await s.failure { () async throws(StatusError) in try await s.call(.get, API.namespaces, "", "n") }?.code == 404)
    }

    @Test func tokensAuthenticate() async throws {
        let s: TestServer = try await TestServer.start()
        let pod: JSON = try await s.create(API.pods, "default", TestServer.pod("p"))
        let answer: JSON = try await s.call(
            .create, API.serviceAccounts, "default", "default", "token",
            body: [
                "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                "spec": ["boundObjectRef": ["kind": "Pod", "apiVersion": "v1", "name": "p", "uid": pod.metadata.uid]],
            ])
        let token: String = answer.status.token.text
        let authenticator: BearerAuthenticator = BearerAuthenticator(s.settings, s.server.registry)
        func who(_ token: String) async throws -> UserInfo? {
            try await authenticator.authenticate(
                HTTPRequest(method: "GET", path: "/", headers: ["Authorization": "Bearer \(token)"]))
        }
        let user: UserInfo? = try await who(token)
        #expect(user?.name == "system:serviceaccount:default:default")
        #expect(user?.extra["authentication.kubernetes.io/pod-name"] == ["p"])
        #expect(try await who("sesame")?.groups == ["dev", "ops"])
        #expect(try await who("nonsense") == nil)
        #expect(try await who(token + "x") == nil)
        let review: JSON = try await s.create(
            API.tokenReviews, "",
            ["apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": ["token": .string(token)]])
        #expect(review.status.authenticated.isTrue && review.status.user.username.text == user?.name)
        _ = try await s.call(.delete, API.pods, "default", "p")
        await #expect(throws: StatusError.self) { try await who(token) }
        let short: StatusError? = await s.failure { () async throws(StatusError) in
            try await s.call(
                .create, API.serviceAccounts, "default", "default", "token",
                body: [
                    "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": ["expirationSeconds": 60],
                ])
        }
        #expect(short?.message.hasSuffix("may not specify a duration less than 10 minutes") == true)
    }

    @Test func quotasHold() async throws {
        let s: TestServer = try await TestServer.start()
        _ = try await s.create(
            API.resourceQuotas, "default",
            ["apiVersion": "v1", "kind": "ResourceQuota", "metadata": ["name": "q"], "spec": ["hard": ["pods": "2"]]])
        var refused: Int = 0
        await withTaskGroup(of: StatusError?.self) { group in
            for i in 0..<8 {
                group.addTask {
                    await s.failure { () async throws(StatusError) in
                        try await s.create(API.pods, "default", TestServer.pod("p\(i)"))
                    }
                }
            }
            for await error in group where error != nil {
                refused += 1
                #expect(error?.message.contains("exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2") == true)
            }
        }
        #expect(refused == 6)
    }

    @Test func limitsAndPodSecurity() async throws {
        let s: TestServer = try await TestServer.start()
        _ = try await s.create(
            API.namespaces, "",
            [
                "apiVersion": "v1", "kind": "Namespace",
                "metadata": ["name": "strict", "labels": ["pod-security.kubernetes.io/enforce": "restricted"]],
            ])
        let refused: StatusError? = await s.failure { () async throws(StatusError) in
            try await s.create(API.pods, "strict", TestServer.pod("p"))
        }
        #expect(
            refused?.message
                == "pods \"p\" is forbidden: violates PodSecurity \"restricted:latest\": allowPrivilegeEscalation != false (container \"c\" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container \"c\" must set securityContext.capabilities.drop=[\"ALL\"]), runAsNonRoot != true (pod or container \"c\" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container \"c\" must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\")"
        )
        _ = try await s.create(
            API.limitRanges, "default",
            [
                "apiVersion": "v1", "kind": "LimitRange", "metadata": ["name": "l"],
                "spec": ["limits": [["type": "Container", "max": ["cpu": "1"], "default": ["cpu": "500m"]]]],
            ])
        let pod: JSON = try await s.create(API.pods, "default", TestServer.pod("p"))
        #expect(pod.spec.containers[0].resources.limits.cpu.text == "500m")
        let big: StatusError? = await s.failure { () async throws(StatusError) in
            try await s.create(
                API.pods, "default",
                TestServer.pod("q") { $0.spec.containers.elements[0].resources = ["limits": ["cpu": "2"]] })
        }
        #expect(big?.message == "pods \"q\" is forbidden: maximum cpu usage per Container is 1, but limit is 2")
    }

    @Test func evictionRespectsBudgets() async throws {
        let s: TestServer = try await TestServer.start()
        _ = try await s.create(
            API.pods, "default",
            TestServer.pod("p") {
                $0.metadata.labels = ["a": "b"]
                $0.spec.nodeName = "n"
            })
        var running: JSON = try await s.call(.get, API.pods, "default", "p")
        running.status.phase = "Running"
        running.status.conditions = [["type": "Ready", "status": "True"]]
        let status: JSON = running
        _ = try await s.call(.update, API.pods, "default", "p", "status", body: status)
        _ = try await s.create(
            API.podDisruptionBudgets, "default",
            [
                "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": ["name": "b"],
                "spec": ["minAvailable": 1, "selector": ["matchLabels": ["a": "b"]]],
            ])
        let eviction: JSON = ["apiVersion": "policy/v1", "kind": "Eviction", "metadata": ["name": "p", "namespace": "default"]]
        let refused: StatusError? = await s.failure { () async throws(StatusError) in
            try await s.call(.create, API.pods, "default", "p", "eviction", body: eviction)
        }
        #expect(refused?.code == 429)
        #expect(refused?.message == "Cannot evict pod as it would violate the pod's disruption budget.")
        var budget: JSON = try await s.call(.get, API.podDisruptionBudgets, "default", "b")
        budget.status = [
            "observedGeneration": 1, "disruptionsAllowed": 1, "currentHealthy": 2, "desiredHealthy": 1, "expectedPods": 2,
        ]
        let allowed: JSON = budget
        _ = try await s.call(.update, API.podDisruptionBudgets, "default", "b", "status", body: allowed)
        _ = try await s.call(.create, API.pods, "default", "p", "eviction", body: eviction)
        let going: JSON = try await s.call(.get, API.pods, "default", "p")
        #expect(going.metadata.deletionTimestamp.exists)
        #expect(going.status.conditions.elements.contains { $0.type.text == "DisruptionTarget" })
    }

    @Test func versionsOfOneKind() async throws {
        let s: TestServer = try await TestServer.start()
        let v1: GroupVersionResource = GroupVersionResource("autoscaling/v1", "horizontalpodautoscalers")
        _ = try await s.create(
            v1, "default",
            [
                "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": ["name": "h"],
                "spec": [
                    "scaleTargetRef": ["apiVersion": "apps/v1", "kind": "Deployment", "name": "d"], "maxReplicas": 3,
                    "targetCPUUtilizationPercentage": 50,
                ],
            ])
        let v2: JSON = try await s.call(.get, API.horizontalPodAutoscalers, "default", "h")
        #expect(v2.spec.metrics[0].resource.target.averageUtilization.asInt == 50)
        let back: JSON = try await s.call(.get, v1, "default", "h")
        #expect(back.spec.targetCPUUtilizationPercentage.asInt == 50 && back.apiVersion.text == "autoscaling/v1")
        _ = try await s.create(
            API.events, "default",
            [
                "apiVersion": "v1", "kind": "Event", "metadata": ["name": "e"], "reason": "Why", "message": "words",
                "involvedObject": ["kind": "Pod", "name": "p", "namespace": "default"],
            ])
        let event: JSON = try await s.call(.get, API.eventsV1, "default", "e")
        #expect(event.note.text == "words" && event.regarding.name.text == "p")
    }

    @Test func certificatesAreSignedOnceApproved() async throws {
        let s: TestServer = try await TestServer.start()
        let authority: CertificateAuthority = try CertificateAuthority.create(commonName: "ca", validity: .seconds(3600))
        let signer: CertificateSigner = CertificateSigner(authority: authority, registry: s.server.registry)
        func request(_ name: String, _ groups: [String]) throws -> JSON {
            let pem: String = try SigningRequest.create(commonName: "carol", organizations: groups).csrPEM
            return [
                "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
                "metadata": ["name": .string(name)],
                "spec": [
                    "request": .string(Base64.encode(Array(pem.utf8))),
                    "signerName": "kubernetes.io/kube-apiserver-client", "usages": ["client auth"],
                ],
            ]
        }
        let evil: JSON = try request("evil", ["system:masters"])
        let refused: StatusError? = await s.failure { () async throws(StatusError) in
            try await s.create(API.certificateSigningRequests, "", evil)
        }
        #expect(refused?.code == 403)
        var asked: JSON = try await s.create(API.certificateSigningRequests, "", try request("carol", ["dev"]))
        #expect(asked.spec.username.text == "system:apiserver")
        asked.status.conditions = [["type": "Approved", "status": "True", "reason": "Test"]]
        let approved: JSON = asked
        let watch: WatchStream = try await s.server.transport(user: .loopback).watch(
            APICall(.watch, API.certificateSigningRequests))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await signer.run() }
            _ = try await s.call(.update, API.certificateSigningRequests, "", "carol", "approval", body: approved)
            for try await event in watch where event.object.status.certificate.exists {
                let pem: [UInt8] = Base64.decode(event.object.status.certificate.text) ?? []
                let facts: CertificateFacts = try CertificateFacts(pem: String(decoding: pem, as: UTF8.self))
                #expect(facts.commonName == "carol" && facts.organizations == ["dev"])
                break
            }
            group.cancelAll()
        }
    }

    @Test func accessReviews() async throws {
        let s: TestServer = try await TestServer.start()
        func may(_ user: String, _ groups: [String]) async throws -> Bool {
            let review: JSON = try await s.create(
                API.subjectAccessReviews, "",
                [
                    "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
                    "spec": [
                        "user": .string(user), "groups": JSON(groups),
                        "resourceAttributes": ["verb": "create", "resource": "pods", "namespace": "default"],
                    ],
                ])
            return review.status.allowed.isTrue
        }
        #expect(try await may("root", ["system:masters"]))
        #expect(try await !may("eve", []))
    }
}
