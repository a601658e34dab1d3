// The smallest valid object of each built-in kind, for suites that walk through all kinds.

import KubeAPI
import KubeModel
import KubeWire

enum SampleObjects {
    struct Sample: Sendable, CustomStringConvertible {
        var resource: GroupVersionResource
        var kind: String
        var isNamespaced: Bool
        var object: JSON
        var description: String { "\(resource.groupResource)/\(resource.version)" }
    }

    private static let template: String =
        #"{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"nginx:1"}]}}"#
    private static let once: String =
        #"{"metadata":{"labels":{"a":"b"}},"spec":{"restartPolicy":"Never","containers":[{"name":"c","image":"nginx:1"}]}}"#
    private static let selector: String = #"{"matchLabels":{"a":"b"}}"#
    private static let hook: String =
        #"[{"name":"x.y.z","admissionReviewVersions":["v1"],"sideEffects":"None","clientConfig":{"url":"https://h/p"}}]"#

    /// Resource → the members beside metadata, and the name where `sample` will not do.
    private static let bodies: [(resource: String, body: String, name: String)] = [
        ("v1/configmaps", #"{"data":{"k":"v"}}"#, ""),
        ("v1/endpoints", #"{"subsets":[{"addresses":[{"ip":"10.1.2.3"}],"ports":[{"port":80}]}]}"#, ""),
        ("v1/events", #"{"involvedObject":{"namespace":"default"},"reason":"R","message":"m","type":"Normal"}"#, ""),
        ("v1/limitranges", #"{"spec":{"limits":[{"type":"Container","max":{"cpu":"1"}}]}}"#, ""),
        ("v1/namespaces", "{}", ""),
        ("v1/nodes", "{}", ""),
        (
            "v1/persistentvolumeclaims",
            #"{"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}}"#, ""
        ),
        (
            "v1/persistentvolumes",
            #"{"spec":{"accessModes":["ReadWriteOnce"],"capacity":{"storage":"1Gi"},"hostPath":{"path":"/x"}}}"#, ""
        ),
        ("v1/pods", #"{"spec":{"containers":[{"name":"c","image":"nginx:1"}]}}"#, ""),
        ("v1/podtemplates", #"{"template":\#(template)}"#, ""),
        ("v1/replicationcontrollers", #"{"spec":{"selector":{"a":"b"},"template":\#(template)}}"#, ""),
        ("v1/resourcequotas", #"{"spec":{"hard":{"count/secrets":"100"}}}"#, ""),
        ("v1/secrets", #"{"stringData":{"k":"v"}}"#, ""),
        ("v1/serviceaccounts", "{}", ""),
        ("v1/services", #"{"spec":{"ports":[{"port":80}]}}"#, ""),
        ("apps/v1/controllerrevisions", #"{"data":{"a":1},"revision":1}"#, ""),
        ("apps/v1/daemonsets", #"{"spec":{"selector":\#(selector),"template":\#(template)}}"#, ""),
        ("apps/v1/deployments", #"{"spec":{"selector":\#(selector),"template":\#(template)}}"#, ""),
        ("apps/v1/replicasets", #"{"spec":{"selector":\#(selector),"template":\#(template)}}"#, ""),
        (
            "apps/v1/statefulsets",
            #"{"spec":{"serviceName":"s","selector":\#(selector),"template":\#(template)}}"#, ""
        ),
        (
            "autoscaling/v1/horizontalpodautoscalers",
            #"{"spec":{"maxReplicas":3,"scaleTargetRef":{"kind":"Deployment","name":"d","apiVersion":"apps/v1"}}}"#, ""
        ),
        (
            "autoscaling/v2/horizontalpodautoscalers",
            #"{"spec":{"maxReplicas":3,"scaleTargetRef":{"kind":"Deployment","name":"d","apiVersion":"apps/v1"}}}"#, ""
        ),
        (
            "batch/v1/cronjobs",
            #"{"spec":{"schedule":"*/5 * * * *","jobTemplate":{"spec":{"template":\#(once)}}}}"#, ""
        ),
        ("batch/v1/jobs", #"{"spec":{"template":\#(once)}}"#, ""),
        (
            "networking.k8s.io/v1/ingresses",
            #"{"spec":{"defaultBackend":{"service":{"name":"s","port":{"number":80}}}}}"#, ""
        ),
        ("networking.k8s.io/v1/ingressclasses", #"{"spec":{"controller":"example.com/c"}}"#, ""),
        ("networking.k8s.io/v1/networkpolicies", #"{"spec":{"podSelector":{}}}"#, ""),
        (
            "networking.k8s.io/v1/ipaddresses",
            #"{"spec":{"parentRef":{"resource":"services","namespace":"default","name":"x"}}}"#, "10.7.7.7"
        ),
        ("networking.k8s.io/v1/servicecidrs", #"{"spec":{"cidrs":["10.201.0.0/16"]}}"#, ""),
        ("policy/v1/poddisruptionbudgets", #"{"spec":{"minAvailable":1,"selector":\#(selector)}}"#, ""),
        (
            "rbac.authorization.k8s.io/v1/clusterroles",
            #"{"rules":[{"apiGroups":[""],"resources":["pods"],"verbs":["get"]}]}"#, ""
        ),
        (
            "rbac.authorization.k8s.io/v1/roles",
            #"{"rules":[{"apiGroups":[""],"resources":["pods"],"verbs":["get"]}]}"#, ""
        ),
        (
            "rbac.authorization.k8s.io/v1/clusterrolebindings",
            #"{"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"view"},"subjects":[]}"#, ""
        ),
        (
            "rbac.authorization.k8s.io/v1/rolebindings",
            #"{"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"view"},"subjects":[]}"#, ""
        ),
        ("storage.k8s.io/v1/csidrivers", #"{"spec":{"attachRequired":false}}"#, ""),
        ("storage.k8s.io/v1/csinodes", #"{"spec":{"drivers":[]}}"#, ""),
        (
            "storage.k8s.io/v1/csistoragecapacities",
            #"{"storageClassName":"x","nodeTopology":{"matchLabels":{"a":"b"}},"capacity":"1Gi"}"#, ""
        ),
        ("storage.k8s.io/v1/storageclasses", #"{"provisioner":"example.com/p"}"#, ""),
        (
            "storage.k8s.io/v1/volumeattachments",
            #"{"spec":{"attacher":"a","nodeName":"n","source":{"persistentVolumeName":"pv"}}}"#, ""
        ),
        (
            "storage.k8s.io/v1/volumeattributesclasses", #"{"driverName":"example.com/d","parameters":{"a":"b"}}"#, ""
        ),
        ("scheduling.k8s.io/v1/priorityclasses", #"{"value":5}"#, ""),
        ("coordination.k8s.io/v1/leases", #"{"spec":{"leaseDurationSeconds":10,"holderIdentity":"me"}}"#, ""),
        (
            "discovery.k8s.io/v1/endpointslices",
            #"{"addressType":"IPv4","endpoints":[{"addresses":["10.1.2.3"]}],"ports":[{"name":"http","port":80}]}"#, ""
        ),
        (
            "events.k8s.io/v1/events",
            #"{"eventTime":"2026-01-02T03:04:05.000006Z","reportingController":"c","reportingInstance":"i","action":"A","reason":"R","type":"Normal","regarding":{"namespace":"default"}}"#,
            ""
        ),
        ("node.k8s.io/v1/runtimeclasses", #"{"handler":"runc"}"#, ""),
        (
            "admissionregistration.k8s.io/v1/mutatingadmissionpolicies",
            #"{"spec":{"matchConstraints":{"resourceRules":[{"apiGroups":[""],"apiVersions":["v1"],"operations":["CREATE"],"resources":["configmaps"]}]},"reinvocationPolicy":"Never","mutations":[{"patchType":"ApplyConfiguration","applyConfiguration":{"expression":"Object{metadata: Object.metadata{labels: {\"a\": \"b\"}}}"}}]}}"#,
            ""
        ),
        (
            "admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings", #"{"spec":{"policyName":"nobody"}}"#, ""
        ),
        ("admissionregistration.k8s.io/v1/mutatingwebhookconfigurations", #"{"webhooks":\#(hook)}"#, ""),
        (
            "admissionregistration.k8s.io/v1/validatingadmissionpolicies",
            #"{"spec":{"matchConstraints":{"resourceRules":[{"apiGroups":["apps"],"apiVersions":["v1"],"operations":["CREATE"],"resources":["deployments"]}]},"validations":[{"expression":"object.spec.replicas <= 5"}]}}"#,
            ""
        ),
        (
            "admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
            #"{"spec":{"policyName":"nobody","validationActions":["Deny"]}}"#, ""
        ),
        ("admissionregistration.k8s.io/v1/validatingwebhookconfigurations", #"{"webhooks":\#(hook)}"#, ""),
        (
            "apiextensions.k8s.io/v1/customresourcedefinitions",
            #"{"spec":{"group":"example.com","scope":"Namespaced","names":{"plural":"foos","singular":"foo","kind":"Foo","listKind":"FooList"},"versions":[{"name":"v1","served":true,"storage":true,"schema":{"openAPIV3Schema":{"type":"object"}}}]}}"#,
            "foos.example.com"
        ),
        (
            "apiregistration.k8s.io/v1/apiservices",
            #"{"spec":{"group":"wardle.example.com","version":"v1","groupPriorityMinimum":2000,"versionPriority":10,"insecureSkipTLSVerify":true,"service":{"namespace":"default","name":"s"}}}"#,
            "v1.wardle.example.com"
        ),
        (
            "flowcontrol.apiserver.k8s.io/v1/flowschemas",
            #"{"spec":{"matchingPrecedence":9000,"priorityLevelConfiguration":{"name":"nobody"},"rules":[{"subjects":[{"kind":"User","user":{"name":"u"}}],"nonResourceRules":[{"verbs":["*"],"nonResourceURLs":["*"]}]}]}}"#,
            ""
        ),
        (
            "flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations",
            #"{"spec":{"type":"Limited","limited":{"nominalConcurrencyShares":2,"limitResponse":{"type":"Reject"}}}}"#, ""
        ),
        (
            "resource.k8s.io/v1/deviceclasses",
            #"{"spec":{"selectors":[{"cel":{"expression":"device.driver == 'gpu.example.com'"}}]}}"#, ""
        ),
        (
            "resource.k8s.io/v1/resourceclaims",
            #"{"spec":{"devices":{"requests":[{"name":"r","exactly":{"deviceClassName":"c"}}]}}}"#, ""
        ),
        (
            "resource.k8s.io/v1/resourceclaimtemplates",
            #"{"spec":{"spec":{"devices":{"requests":[{"name":"r","exactly":{"deviceClassName":"c"}}]}}}}"#, ""
        ),
        (
            "resource.k8s.io/v1/resourceslices",
            #"{"spec":{"driver":"gpu.example.com","nodeName":"n","pool":{"name":"p","generation":1,"resourceSliceCount":1},"devices":[{"name":"d0"}]}}"#,
            ""
        ),
    ]

    /// CertificateSigningRequests need a signed request: `CertificateTests` has one. Reviews and bindings are not stored.
    static let all: [Sample] = bodies.map { row in
        let cut: String.Index = row.resource.lastIndex(of: "/")!
        let resource: GroupVersionResource = GroupVersionResource(
            String(row.resource[..<cut]), String(row.resource[row.resource.index(after: cut)...]))
        let facts: ResourceFacts = BuiltIn.resources.first { $0.gvr == resource }!
        var object: JSON = try! JSON.parse(row.body)
        object.apiVersion = .string(resource.groupVersion.description)
        object.kind = .string(facts.kind)
        object.metadata = ["name": .string(row.name.isEmpty ? "sample" : row.name), "labels": ["suite": "all"]]
        return Sample(resource: resource, kind: facts.kind, isNamespaced: facts.namespaced, object: object)
    }
}
