// Every row of defaults.json, applied.

import KubeAPI
import KubeModel
import KubeWire
import Testing

@Suite struct DefaultsTests {
    private static let schema: Schema = BuiltIn.schema

    /// An object in which the path's lists have one element, so that a default has a place.
    private static func start(_ type: String, _ path: ArraySlice<String>) -> JSON {
        guard let name = path.first, path.count > 1,
            let field = schema.type(type)?.members.first(where: { $0.name == name })
        else { return [:] }
        switch field.type {
        case .list(.object(let i)):
            let element: JSON = start(schema.types[i].name, path.dropFirst())
            return .object(JSONObject([(name, .array([element]))]))
        case .object(let i): return .object(JSONObject([(name, start(schema.types[i].name, path.dropFirst()))]))
        default: return [:]
        }
    }

    private static func value(_ object: JSON, _ path: ArraySlice<String>) -> JSON {
        guard let name = path.first else { return object }
        let here: JSON = object[name]
        return value(here.asArray == nil || path.count == 1 ? here : here[0], path.dropFirst())
    }

    private static func isZero(_ value: JSON) -> Bool { value == "" || value == 0 || value == false }

    @Test func unconditionalRows() throws {
        let text: StaticString = Tables.defaults
        let table: JSON = try JSON.parse(
            Array(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)))
        var tried: Int = 0
        for row in table.defaults.elements where row.value.exists && !row.when.exists && !row.gate.exists {
            let type: String = row.type.text
            guard Self.schema.contains(type: type) else { continue }
            let path: [String] = row.field.text.split(separator: ".").map { String($0) }
            let result: JSON = Self.schema.applyDefaults(Self.start(type, path[...]), as: type)
            let found: JSON = Self.value(result, path[...])
            #expect(
                found == row.value || !found.exists && Self.isZero(row.value),
                "\(type) \(row.field.text): \(found) instead of \(row.value)")
            tried += 1
        }
        #expect(tried > 90)
    }

    private struct Case: Sendable {
        var type: String
        var given: String
        var path: String
        var value: String
        init(_ type: String, _ given: String, _ path: String, _ value: String) {
            self.type = type
            self.given = given
            self.path = path
            self.value = value
        }
    }

    private static let conditional: [Case] = [
        Case("core/v1.ReplicationController", #"{"spec":{"template":{"metadata":{"labels":{"a":"b"}}}}}"#, "spec.selector", #"{"a":"b"}"#),
        Case("core/v1.ReplicationController", #"{"spec":{"template":{"metadata":{"labels":{"a":"b"}}}}}"#, "metadata.labels", #"{"a":"b"}"#),
        Case("core/v1.Volume", #"{"name":"v"}"#, "emptyDir", "{}"),
        Case("core/v1.Container", #"{"name":"c","image":"i"}"#, "imagePullPolicy", #""Always""#),
        Case("core/v1.Container", #"{"name":"c","image":"h:5000/i:1"}"#, "imagePullPolicy", #""IfNotPresent""#),
        Case("core/v1.Container", #"{"name":"c","image":"i@sha256:0000000000000000000000000000000000000000000000000000000000000000"}"#, "imagePullPolicy", #""IfNotPresent""#),
        Case("core/v1.Service", #"{"spec":{"sessionAffinity":"None","sessionAffinityConfig":{"clientIP":{}}}}"#, "spec.sessionAffinityConfig", "null"),
        Case("core/v1.Service", #"{"spec":{"sessionAffinity":"ClientIP"}}"#, "spec.sessionAffinityConfig.clientIP.timeoutSeconds", "10800"),
        Case("core/v1.Service", #"{"spec":{"ports":[{"port":80}]}}"#, "spec.ports.targetPort", "80"),
        Case("core/v1.Service", #"{"spec":{"type":"NodePort"}}"#, "spec.externalTrafficPolicy", #""Cluster""#),
        Case("core/v1.Service", #"{"spec":{"type":"ClusterIP"}}"#, "spec.externalTrafficPolicy", "null"),
        Case("core/v1.Service", #"{"spec":{"externalIPs":["1.2.3.4"]}}"#, "spec.externalTrafficPolicy", #""Cluster""#),
        Case("core/v1.Service", #"{"spec":{}}"#, "spec.internalTrafficPolicy", #""Cluster""#),
        Case("core/v1.Service", #"{"spec":{"type":"LoadBalancer"}}"#, "spec.allocateLoadBalancerNodePorts", "true"),
        Case("core/v1.Service", #"{"spec":{"type":"LoadBalancer"},"status":{"loadBalancer":{"ingress":[{"ip":"1.2.3.4"}]}}}"#, "status.loadBalancer.ingress.ipMode", #""VIP""#),
        Case("core/v1.Pod", #"{"spec":{"containers":[{"name":"c","resources":{"limits":{"cpu":"1"}}}]}}"#, "spec.containers.resources.requests", #"{"cpu":"1"}"#),
        Case("core/v1.Pod", #"{"spec":{"initContainers":[{"name":"c","resources":{"limits":{"cpu":"1"}}}]}}"#, "spec.initContainers.resources.requests", #"{"cpu":"1"}"#),
        Case("core/v1.Pod", #"{"spec":{}}"#, "spec.enableServiceLinks", "true"),
        Case("core/v1.PodTemplateSpec", #"{"spec":{}}"#, "spec.enableServiceLinks", "null"),
        Case("core/v1.Pod", #"{"spec":{"hostNetwork":true,"containers":[{"name":"c","ports":[{"containerPort":80}]}]}}"#, "spec.containers.ports.hostPort", "80"),
        Case("core/v1.Probe", #"{"timeoutSeconds":0}"#, "timeoutSeconds", "1"),
        Case("core/v1.Probe", "{}", "periodSeconds", "10"), Case("core/v1.Probe", "{}", "successThreshold", "1"),
        Case("core/v1.Probe", "{}", "failureThreshold", "3"),
        Case("core/v1.Endpoints", #"{"subsets":[{"ports":[{"port":1}]}]}"#, "subsets.ports.protocol", #""TCP""#),
        Case("core/v1.Namespace", #"{"metadata":{"name":"n"}}"#, "metadata.labels", #"{"kubernetes.io/metadata.name":"n"}"#),
        Case("core/v1.NodeStatus", #"{"capacity":{"cpu":"1"}}"#, "allocatable", #"{"cpu":"1"}"#),
        Case("core/v1.LimitRangeItem", #"{"type":"Container","max":{"cpu":"2"}}"#, "default", #"{"cpu":"2"}"#),
        Case("core/v1.LimitRangeItem", #"{"type":"Container","max":{"cpu":"2"},"min":{"memory":"1Mi"}}"#, "defaultRequest", #"{"cpu":"2","memory":"1Mi"}"#),
        Case("core/v1.ResourceRequirements", #"{"limits":{"cpu":"100u"}}"#, "limits", #"{"cpu":"1m"}"#),
        Case("core/v1.PersistentVolumeSpec", #"{"capacity":{"storage":"1100u"}}"#, "capacity", #"{"storage":"2m"}"#),
        Case("apps/v1.Deployment", #"{"spec":{}}"#, "spec.strategy.rollingUpdate", #"{"maxUnavailable":"25%","maxSurge":"25%"}"#),
        Case("apps/v1.Deployment", #"{"spec":{"strategy":{"type":"Recreate"}}}"#, "spec.strategy.rollingUpdate", "null"),
        Case("apps/v1.DaemonSet", #"{"spec":{}}"#, "spec.updateStrategy.rollingUpdate", #"{"maxUnavailable":1,"maxSurge":0}"#),
        Case("apps/v1.StatefulSet", #"{"spec":{}}"#, "spec.updateStrategy.rollingUpdate.partition", "0"),
        Case("apps/v1.StatefulSet", #"{"spec":{"updateStrategy":{"type":"OnDelete"}}}"#, "spec.updateStrategy.rollingUpdate", "null"),
        Case("batch/v1.Job", #"{"spec":{}}"#, "spec.completions", "1"),
        Case("batch/v1.Job", #"{"spec":{"parallelism":3}}"#, "spec.completions", "null"),
        Case("batch/v1.Job", #"{"spec":{}}"#, "spec.backoffLimit", "6"),
        Case("batch/v1.Job", #"{"spec":{"backoffLimitPerIndex":1}}"#, "spec.backoffLimit", "2147483647"),
        Case("batch/v1.Job", #"{"spec":{}}"#, "spec.podReplacementPolicy", #""TerminatingOrFailed""#),
        Case("batch/v1.Job", #"{"spec":{"podFailurePolicy":{"rules":[]}}}"#, "spec.podReplacementPolicy", #""Failed""#),
        Case("autoscaling/v2.HorizontalPodAutoscaler", #"{"spec":{}}"#, "spec.metrics.resource.target.averageUtilization", "80"),
        Case("autoscaling/v2.HorizontalPodAutoscaler", #"{"spec":{"behavior":{}}}"#, "spec.behavior.scaleUp.selectPolicy", #""Max""#),
        Case("autoscaling/v2.HorizontalPodAutoscaler", #"{"spec":{"behavior":{}}}"#, "spec.behavior.scaleDown.policies.periodSeconds", "15"),
        Case("networking/v1.NetworkPolicy", #"{"spec":{}}"#, "spec.policyTypes", #"["Ingress"]"#),
        Case("networking/v1.NetworkPolicy", #"{"spec":{"egress":[{}]}}"#, "spec.policyTypes", #"["Ingress","Egress"]"#),
        Case("networking/v1.IngressClass", #"{"spec":{"parameters":{}}}"#, "spec.parameters.scope", #""Cluster""#),
        Case("rbac/v1.Subject", #"{"kind":"User"}"#, "apiGroup", #""rbac.authorization.k8s.io""#),
        Case("rbac/v1.Subject", #"{"kind":"ServiceAccount"}"#, "apiGroup", "null"),
        Case("flowcontrol/v1.FlowSchemaSpec", "{}", "matchingPrecedence", "1000"),
        Case("flowcontrol/v1.LimitedPriorityLevelConfiguration", #"{"nominalConcurrencyShares":0}"#, "nominalConcurrencyShares", "0"),
        Case("flowcontrol/v1.QueuingConfiguration", "{}", "queueLengthLimit", "50"),
        Case("resource/v1.ExactDeviceRequest", "{}", "count", "1"),
        Case("resource/v1.ExactDeviceRequest", #"{"allocationMode":"All"}"#, "count", "null"),
        Case("apiextensions/v1.CustomResourceDefinitionSpec", #"{"names":{"kind":"Foo"}}"#, "names.singular", #""foo""#),
        Case("apiextensions/v1.CustomResourceDefinitionSpec", #"{"names":{"kind":"Foo"}}"#, "names.listKind", #""FooList""#),
        Case("apiextensions/v1.CustomResourceDefinitionSpec", "{}", "conversion.strategy", #""None""#),
    ]

    @Test func conditionalRows() throws {
        for c in Self.conditional {
            let result: JSON = Self.schema.applyDefaults(try JSON.parse(c.given), as: c.type)
            let found: JSON = Self.value(result, c.path.split(separator: ".").map { String($0) }[...])
            let wanted: JSON = try JSON.parse(c.value)
            #expect(found == wanted, "\(c.type) \(c.path): \(found) instead of \(wanted)")
        }
    }
}
