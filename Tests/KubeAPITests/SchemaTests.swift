// Decoding by the tables: upstream's words, omitted zero values, canonical forms, defaults.

import KubeAPI
import KubeModel
import KubeWire
import Testing

@Suite struct SchemaTests {
    private func error(_ object: JSON, _ type: String, _ mode: FieldValidation = .strict) -> String? {
        do throws(StatusError) {
            _ = try BuiltIn.schema.normalise(object, as: type, validation: mode)
            return nil
        } catch { return error.message }
    }

    @Test func typeErrors() {
        let start: String = "Deployment in version \"v1\" cannot be handled as a Deployment: "
        #expect(
            error(["spec": ["replicas": "1"]], "apps/v1.Deployment", .ignore)
                == start
                + "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32")
        #expect(
            error(["spec": ["template": ["spec": ["containers": [["image": 1]]]]]], "apps/v1.Deployment", .ignore)
                == start + "json: cannot unmarshal number into Go struct field "
                + "Container.spec.template.spec.containers.image of type string")
        #expect(
            error(["metadata": ["labels": ["a": true]]], "apps/v1.Deployment")
                == start + "json: cannot unmarshal bool into Go struct field ObjectMeta.metadata.labels of type string")
        #expect(
            error(["spec": ["foo": 1, "template": ["spec": ["containers": [["bar": 1]]]]]], "apps/v1.Deployment")
                == start + "strict decoding error: unknown field \"spec.foo\", "
                + "unknown field \"spec.template.spec.containers[0].bar\"")
        #expect(
            error(["spec": ["replicas": 3_000_000_000]], "apps/v1.Deployment")
                == start + "json: cannot unmarshal number 3000000000 into Go struct field DeploymentSpec.spec.replicas "
                + "of type int32")
    }

    @Test func warnings() throws {
        let (out, warnings): (JSON, [String]) = try BuiltIn.schema.normalise(
            ["data": ["a": "b"], "dat": 1], as: "core/v1.ConfigMap", validation: .warn, duplicates: ["data.a"])
        #expect(warnings == ["duplicate field \"data.a\"", "unknown field \"dat\""])
        #expect(out.description == #"{"metadata":{},"data":{"a":"b"}}"#)
    }

    @Test func encodesAsGo() throws {
        let pod: JSON = [
            "spec": [
                "nodeName": "", "hostNetwork": false, "terminationGracePeriodSeconds": 0, "volumes": [],
                "containers": [
                    ["name": "c", "env": .null, "resources": ["limits": ["memory": "1024Mi", "cpu": 0.5]]]
                ],
            ],
            "metadata": ["creationTimestamp": "2020-01-02T03:04:05+01:00", "labels": ["b": "1", "a": "2"]],
            "apiVersion": "v1", "kind": "Pod",
        ]
        #expect(
            try BuiltIn.schema.normalise(pod, as: "core/v1.Pod").object.description
                == #"{"kind":"Pod","apiVersion":"v1","metadata":{"creationTimestamp":"2020-01-02T02:04:05Z","#
                + #""labels":{"a":"2","b":"1"}},"spec":{"containers":[{"name":"c","resources":{"limits":"#
                + #"{"cpu":"500m","memory":"1Gi"}}}],"terminationGracePeriodSeconds":0},"status":{}}"#)
        #expect(
            try BuiltIn.schema.normalise(["spec": [:]], as: "apps/v1.Deployment").object.description
                == #"{"metadata":{},"spec":{"selector":null,"template":{"metadata":{},"spec":{"containers":null}},"#
                + #""strategy":{}},"status":{}}"#)
    }

    private func defaulted(_ object: JSON, _ type: String) throws -> JSON {
        BuiltIn.schema.applyDefaults(try BuiltIn.schema.normalise(object, as: type).object, as: type)
    }

    @Test func deploymentDefaults() throws {
        let d: JSON = try defaulted(
            [
                "spec": [
                    "template": [
                        "spec": ["containers": [["name": "c", "image": "nginx", "ports": [["containerPort": 80]]]]]
                    ]
                ]
            ],
            "apps/v1.Deployment")
        #expect(d.spec.replicas == 1)
        #expect(
            d.spec.strategy == [
                "type": "RollingUpdate", "rollingUpdate": ["maxUnavailable": "25%", "maxSurge": "25%"],
            ])
        #expect(d.spec.revisionHistoryLimit == 10)
        let spec: JSON = d.spec.template.spec
        #expect(spec.containers[0].imagePullPolicy == "Always")
        #expect(spec.containers[0].terminationMessagePath == "/dev/termination-log")
        #expect(spec.containers[0].ports[0].protocol == "TCP")
        #expect(spec.restartPolicy == "Always")
        #expect(spec.securityContext == [:])
        #expect(!spec.enableServiceLinks.exists)
        #expect(
            spec.fields.keys == [
                "containers", "restartPolicy", "terminationGracePeriodSeconds", "dnsPolicy", "securityContext",
                "schedulerName",
            ])
    }

    @Test func podAndServiceDefaults() throws {
        let p: JSON = try defaulted(
            [
                "spec": [
                    "hostNetwork": true,
                    "volumes": [["name": "v"], ["name": "s", "secret": ["secretName": "x"]]],
                    "containers": [
                        [
                            "name": "c", "image": "a:1", "ports": [["containerPort": 80]],
                            "resources": ["limits": ["cpu": "1"]], "livenessProbe": ["httpGet": ["port": 80]],
                        ]
                    ],
                ]
            ], "core/v1.Pod")
        #expect(
            p.spec.volumes == [
                ["name": "v", "emptyDir": [:]], ["name": "s", "secret": ["secretName": "x", "defaultMode": 420]],
            ])
        #expect(p.spec.containers[0].resources == ["limits": ["cpu": "1"], "requests": ["cpu": "1"]])
        #expect(p.spec.containers[0].ports[0].hostPort == 80)
        #expect(p.spec.containers[0].imagePullPolicy == "IfNotPresent")
        #expect(p.spec.containers[0].livenessProbe.httpGet == ["path": "/", "port": 80, "scheme": "HTTP"])
        #expect(p.spec.containers[0].livenessProbe.failureThreshold == 3)
        #expect(p.spec.enableServiceLinks == true)

        let s: JSON = try defaulted(["spec": ["type": "NodePort", "ports": [["port": 80]]]], "core/v1.Service")
        #expect(s.spec.ports[0] == ["protocol": "TCP", "port": 80, "targetPort": 80])
        #expect(s.spec.externalTrafficPolicy == "Cluster")
        #expect(s.spec.internalTrafficPolicy == "Cluster")
        #expect(s.spec.sessionAffinity == "None")
        let ns: JSON = try defaulted(["metadata": ["name": "x"]], "core/v1.Namespace")
        #expect(ns.metadata.labels["kubernetes.io/metadata.name"] == "x")
        #expect(ns.status.phase == "Active")
    }

    /// What users set stays as it is; `x ? json : nil` would make a null of it.
    @Test func defaultsKeepWhatIsSet() throws {
        let s: JSON = try defaulted(
            ["spec": ["ports": [["port": 80, "targetPort": 8080], ["port": 81, "targetPort": "web"]]]], "core/v1.Service")
        #expect(s.spec.ports.elements.map { $0.targetPort } == [8080, "web"])
        let p: JSON = try defaulted(
            [
                "spec": [
                    "imagePullSecrets": [[:]],
                    "containers": [
                        [
                            "name": "c", "image": "i", "imagePullPolicy": "Never", "resources": ["requests": ["cpu": "1"]],
                            "env": [["name": "A", "valueFrom": ["configMapKeyRef": ["key": "k"]]]],
                        ], ["name": "d", "image": "i", "resources": ["requests": ["cpu": "1"], "limits": ["cpu": "2", "memory": "1Gi"]]],
                    ],
                ]
            ], "core/v1.Pod")
        #expect(p.spec.containers[0].resources == ["requests": ["cpu": "1"]])
        #expect(p.spec.containers[1].resources.requests == ["cpu": "1", "memory": "1Gi"])
        #expect(p.spec.containers[0].imagePullPolicy == "Never")
        #expect(p.spec.containers[0].env[0].valueFrom == ["configMapKeyRef": ["key": "k"]])
        #expect(p.spec.imagePullSecrets == [[:]])
        let l: JSON = try defaulted(
            ["spec": ["limits": [["type": "Container", "default": ["cpu": "1"], "max": ["cpu": "2"], "min": ["memory": "1Mi"]], ["type": "Pod", "max": ["cpu": "2"]]]]],
            "core/v1.LimitRange")
        #expect(l.spec.limits[0]["default"] == ["cpu": "1"])
        #expect(l.spec.limits[0].defaultRequest == ["cpu": "1", "memory": "1Mi"])
        #expect(!l.spec.limits[1].fields.keys.contains("default"))
    }

    private func nulls(_ v: JSON) -> Int {
        switch v {
        case .null: 1
        case .object(let o): o.pairs.reduce(0) { $0 + nulls($1.value) }
        case .array(let a): a.reduce(0) { $0 + nulls($1) }
        default: 0
        }
    }

    /// Over every kind, empty and full: defaulting adds no null, keeps canonical order and is idempotent.
    @Test func defaultsAreIdempotent() throws {
        var objects: [(JSON, String)] = BuiltIn.schema.types.filter { $0.isKind }.map { ($0.zero, $0.name) }
        for (file, content) in GoldenTests.files where file.hasSuffix(".json") && !file.contains("WatchEvent") {
            let json: JSON = try JSON.parse(content)
            objects.append((json, try #require(BuiltIn.typeName(GroupVersionKind(of: json)))))
        }
        for (object, type) in objects {
            let once: JSON = BuiltIn.schema.applyDefaults(object, as: type)
            #expect(nulls(once) <= nulls(object), "\(type)")
            #expect(BuiltIn.schema.applyDefaults(once, as: type) == once, "\(type)")
            #expect(try BuiltIn.schema.normalise(once, as: type).object.encoded() == once.encoded(), "\(type)")
        }
    }
}
