"""[sig-api-machinery] specs of upstream's suite that are not in the official list: server-side apply, rules of custom kinds
in CEL, streamed lists."""
import json
from harness import *
from apimachinery import definition

A = "[sig-api-machinery] ServerSideApply should "
CONFIG = lambda t: path("v1", "configmaps", t.ns, "cm")


def apply(t, url, body, manager="e2e", status=None, force=False):
    return t.patch(with_query(url, fieldManager=manager, **({"force": "true"} if force else {})), body, APPLY, status)


def config(**data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cm"}, "data": data}


def managers(o):
    return {(m["manager"], m["operation"], m.get("subresource", "")) for m in o["metadata"]["managedFields"]}


@spec(A + "create an applied object if it does not already exist")
def apply_create(t):
    made = apply(t, CONFIG(t), config(a="1"), status=201)
    t.same(sorted(managers(made)), [("e2e", "Apply", "")], "managers")
    again = apply(t, CONFIG(t), config(a="1"), status=200)
    t.same(again["metadata"]["resourceVersion"], made["metadata"]["resourceVersion"], "applying the same writes nothing")


@spec(A + "work for subresources")
def apply_status(t):
    body = t.pod("p", create=False, spec={"nodeSelector": {"none": "such"}})
    made = apply(t, path("v1", "pods", t.ns, "p"), dict(body, apiVersion="v1", kind="Pod"), status=201)
    c = {"type": "E2E", "status": "True"}
    done = apply(t, path("v1", "pods", t.ns, "p", "status"), {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "status": {"conditions": [c]}}, "status-manager")
    t.check(("status-manager", "Apply", "status") in managers(done), str(managers(done)))
    t.same(condition(done, "E2E")["status"], "True", "condition")


@spec(A + "remove a field if it is owned but removed in the apply request")
def apply_remove(t):
    apply(t, CONFIG(t), config(a="1", b="2"))
    t.same(apply(t, CONFIG(t), config(a="1"))["data"], {"a": "1"}, "data")


@spec(A + "not remove a field if an owner unsets the field but other managers still have ownership of the field")
def apply_shared(t):
    apply(t, CONFIG(t), config(a="1", b="2"), "one")
    apply(t, CONFIG(t), config(b="2"), "two")
    t.same(apply(t, CONFIG(t), config(a="1"), "one")["data"], {"a": "1", "b": "2"}, "data")
    t.same(apply(t, CONFIG(t), config(a="1"), "two").get("data"), {"a": "1"}, "data after the last owner")


@spec(A + "ignore conflict errors if force apply is used")
def apply_force(t):
    apply(t, CONFIG(t), config(a="1"), "one")
    answer = apply(t, CONFIG(t), config(a="2"), "two", status=409)
    t.check('conflict with "one"' in answer["message"] and ".data.a" in answer["message"], answer["message"])
    done = apply(t, CONFIG(t), config(a="2"), "two", force=True)
    t.same((done["data"], sorted(m for m, _, _ in managers(done))), ({"a": "2"}, ["two"]), "the other owns nothing any more")


@spec(A + "give up ownership of a field if forced applied by a controller")
def apply_owner(t):
    url = path("apps/v1", "deployments", t.ns, "d")
    apply(t, url, deployment("d", 0))
    t.patch(with_query(url, fieldManager="scaler"), {"metadata": {"labels": {"x": "y"}}, "spec": {"minReadySeconds": 1}}, MERGE)
    answer = apply(t, url, dict(deployment("d", 0), spec=dict(deployment("d", 0)["spec"], minReadySeconds=2)), status=409)
    t.check("scaler" in answer["message"] and ".spec.minReadySeconds" in answer["message"], answer["message"])


@spec(A + "work for CRDs")
def apply_custom(t):
    item = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "value": {"type": "integer"}}}
    gv = definition(t, schema={"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "set": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}}, "map": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"], "items": item}}}}})
    url, body = path(gv, "widgets", t.ns, "w"), lambda **s: {"apiVersion": gv, "kind": "Widget", "metadata": {"name": "w"}, "spec": s}
    apply(t, url, body(set=["a"], map=[{"name": "a", "value": 1}]), "one", 201)
    done = apply(t, url, body(set=["b"], map=[{"name": "b", "value": 2}]), "two")
    t.same((done["spec"]["set"], [m["name"] for m in done["spec"]["map"]]), (["a", "b"], ["a", "b"]), "merged")
    t.check('.spec.map[name="a"].value' in apply(t, url, body(map=[{"name": "a", "value": 3}]), "two", 409)["message"], "conflict by key")
    t.same(apply(t, url, body(set=["a"]), "one")["spec"], {"set": ["a", "b"], "map": [{"name": "b", "value": 2}]}, "what one gave up")


R = "[sig-api-machinery] CustomResourceValidationRules [Privileged:ClusterAdmin] MUST "


def ruled(rule, **more):
    return {"type": "object", "properties": {"spec": {"type": "object", "x-kubernetes-validations": [dict({"rule": rule}, **more)], "properties": {
        "x": {"type": "integer"}, "y": {"type": "integer"}, "items": {"type": "array", "items": {"type": "string"}}}}}}


def refused_rule(t, schema, text):
    group = f"e2e-{t.unique}.example.com"
    answer = t.post(path("apiextensions.k8s.io/v1", "customresourcedefinitions"), {"metadata": {"name": "widgets." + group}, "spec": {
        "group": group, "scope": "Namespaced", "names": {"plural": "widgets", "singular": "widget", "kind": "Widget"},
        "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}]}}, status=422)
    t.check(text in answer["message"], answer["message"])


@spec(R + "NOT fail validation for create of a custom resource that satisfies the x-kubernetes-validations rules")
def rule_holds(t):
    gv = definition(t, schema=ruled("self.x + self.y > 0"))
    t.post(path(gv, "widgets", t.ns), {"apiVersion": gv, "kind": "Widget", "metadata": {"name": "w"}, "spec": {"x": 1, "y": 0}})


@spec(R + "fail validation for create of a custom resource that does not satisfy the x-kubernetes-validations rules")
def rule_fails(t):
    gv = definition(t, schema=ruled("self.x + self.y > 0", messageExpression="'sum is ' + string(self.x + self.y)"))
    answer = t.post(path(gv, "widgets", t.ns), {"apiVersion": gv, "kind": "Widget", "metadata": {"name": "w"}, "spec": {"x": 0, "y": 0}}, status=422)
    t.check("sum is 0" in answer["message"], answer["message"])


@spec(R + "fail create of a custom resource definition that contains a x-kubernetes-validations rule that refers to a property that do not exist")
def rule_unknown(t): refused_rule(t, ruled("self.z == 1"), "undefined field 'z'")


@spec(R + "fail create of a custom resource definition that contains an x-kubernetes-validations rule that contains a syntax error")
def rule_syntax(t): refused_rule(t, ruled("self = 42"), "Syntax error")


@spec(R + "fail create of a custom resource definition that contains an x-kubernetes-validations rule that exceeds the estimated cost limit")
def rule_cost(t): refused_rule(t, ruled("self.items.all(a, self.items.all(b, self.items.all(c, a + b != c)))"), "estimated rule cost exceeds budget")


@spec(R + "fail update of a custom resource that does not satisfy a x-kubernetes-validations transition rule")
def rule_transition(t):
    gv = definition(t, schema=ruled("self.x >= oldSelf.x", message="x may only grow"))
    url = path(gv, "widgets", t.ns)
    t.post(url, {"apiVersion": gv, "kind": "Widget", "metadata": {"name": "w"}, "spec": {"x": 5}})
    t.patch(url + "/w", {"spec": {"x": 6}})
    t.check("x may only grow" in t.patch(url + "/w", {"spec": {"x": 4}}, status=422)["message"], "transition")


@spec("[sig-api-machinery] API Streaming (aka. WatchList) should stream the list, then a bookmark that ends it, then changes")
def watch_list(t):
    url = path("v1", "configmaps", t.ns, labelSelector="watchlist=" + t.unique)
    names = [f"c{i}" for i in range(5)]
    for name in names:
        t.post(path("v1", "configmaps", t.ns), {"metadata": {"name": name, "labels": {"watchlist": t.unique}}})
    watch = Watch(t, url, "", sendInitialEvents="true", allowWatchBookmarks="true", resourceVersionMatch="NotOlderThan")
    mark = watch.until(lambda k, o: k == "BOOKMARK", "the bookmark")[1]
    t.same(mark["metadata"]["annotations"]["k8s.io/initial-events-end"], "true", "annotation")
    t.same([(k, o["metadata"]["name"]) for k, o in watch.seen[:-1]], [("ADDED", n) for n in names], "the list")
    t.check(int(mark["metadata"]["resourceVersion"]) >= int(t.get(path("v1", "configmaps", t.ns, "c4"))["metadata"]["resourceVersion"]), "revision of the bookmark")
    t.delete(path("v1", "configmaps", t.ns, "c0"))
    watch.until(lambda k, o: k == "DELETED" and o["metadata"]["name"] == "c0", "what comes after")
    answer = t.call("GET", with_query(url, watch="true", sendInitialEvents="true"), status=[422, 400])
    t.check("resourceVersionMatch" in answer["message"], answer["message"])


E = "[sig-api-machinery] Every kind should run through create, get, list, watch, patch, update, delete and deletecollection: "
META = lambda **more: dict({"metadata": {}}, **more)
TEMPLATE = template({"app": "none"}, nodeSelector={"none": "such"})
SPEC = {"selector": {"matchLabels": {"app": "none"}}, "template": TEMPLATE}
RULES = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
KINDS = [
    ("v1", "configmaps", True, {"data": {"a": "b"}}, {}), ("v1", "secrets", True, {"data": {"a": "Yg=="}}, {}), ("v1", "serviceaccounts", True, {}, {}),
    ("v1", "endpoints", True, {}, {}), ("v1", "podtemplates", True, {"template": TEMPLATE}, {}),
    ("v1", "replicationcontrollers", True, {"spec": {"replicas": 0, "selector": {"app": "none"}, "template": TEMPLATE}}, {"finalizes": True, "status": {"observedGeneration": 1}}),
    ("apps/v1", "deployments", True, {"spec": dict(SPEC, replicas=0)}, {"change": ("spec.minReadySeconds", 3)}), ("apps/v1", "replicasets", True, {"spec": dict(SPEC, replicas=0)}, {}),
    ("apps/v1", "statefulsets", True, {"spec": dict(SPEC, replicas=0, serviceName="x")}, {}), ("apps/v1", "daemonsets", True, {"spec": SPEC}, {}),
    ("apps/v1", "controllerrevisions", True, {"revision": 1, "data": {"a": 1}}, {}),
    ("autoscaling/v2", "horizontalpodautoscalers", True, {"spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "none"}, "maxReplicas": 3}}, {"change": ("spec.maxReplicas", 5)}),
    ("coordination.k8s.io/v1", "leases", True, {"spec": {"holderIdentity": "me", "leaseDurationSeconds": 30}}, {"change": ("spec.leaseTransitions", 2)}),
    ("networking.k8s.io/v1", "networkpolicies", True, {"spec": {"podSelector": {}, "policyTypes": ["Ingress"]}}, {"change": ("spec.policyTypes", ["Ingress", "Egress"])}),
    ("networking.k8s.io/v1", "ingresses", True, {"spec": {"defaultBackend": {"service": {"name": "none", "port": {"number": 80}}}}}, {"change": ("spec.ingressClassName", "none")}),
    ("networking.k8s.io/v1", "ingressclasses", False, {"spec": {"controller": "example.com/e2e"}}, {}),
    ("node.k8s.io/v1", "runtimeclasses", False, {"handler": "e2e"}, {}), ("scheduling.k8s.io/v1", "priorityclasses", False, {"value": 5}, {"change": ("description", "x")}),
    ("rbac.authorization.k8s.io/v1", "roles", True, {"rules": RULES}, {}), ("rbac.authorization.k8s.io/v1", "clusterroles", False, {"rules": RULES}, {}),
    ("rbac.authorization.k8s.io/v1", "rolebindings", True, {"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}}, {}),
    ("rbac.authorization.k8s.io/v1", "clusterrolebindings", False, {"roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "r"}}, {}),
]
for gv, resource, namespaced, body, more in KINDS:
    spec(E + f"{gv} {resource}")(lambda t, gv=gv, resource=resource, namespaced=namespaced, body=body, more=more: operations(t, gv, resource, body, namespaced=namespaced, **more))
