"""[sig-api-machinery]: fairness, discovery, field validation, namespaces, quotas, chunked lists, storage migration."""
import json, time
from harness import *

M = "[sig-api-machinery] "
FLOW = "flowcontrol.apiserver.k8s.io/v1"


@spec(M + "API priority and fairness should support FlowSchema API operations")
def flow_schemas(t):
    operations(t, FLOW, "flowschemas", {"spec": {
        "matchingPrecedence": 10000, "priorityLevelConfiguration": {"name": "global-default"}, "distinguisherMethod": {"type": "ByUser"},
        "rules": [{"subjects": [{"kind": "User", "user": {"name": "example-e2e-non-existent-user"}}],
                   "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}]}]}}, namespaced=False,
        change=("spec.matchingPrecedence", 9999), finalizes=False,
        status={"conditions": [{"type": "E2E", "status": "True", "reason": "E2E", "message": "set by e2e", "lastTransitionTime": "2026-01-01T00:00:00Z"}]})


@spec(M + "API priority and fairness should support PriorityLevelConfiguration API operations")
def priority_levels(t):
    operations(t, FLOW, "prioritylevelconfigurations", {"spec": {
        "type": "Limited", "limited": {"nominalConcurrencyShares": 2, "limitResponse": {"type": "Reject"}}}}, namespaced=False,
        change=("spec.limited.nominalConcurrencyShares", 4),
        status={"conditions": [{"type": "E2E", "status": "True", "reason": "E2E", "message": "set by e2e", "lastTransitionTime": "2026-01-01T00:00:00Z"}]})


@spec(M + "Discovery should locate the groupVersion and a resource within each APIGroup")
def discovery(t):
    seen = 0
    for gv, resource in [("admissionregistration.k8s.io/v1", "validatingwebhookconfigurations"), ("apiextensions.k8s.io/v1", "customresourcedefinitions"),
                         ("apiregistration.k8s.io/v1", "apiservices"), ("apps/v1", "deployments"), ("authentication.k8s.io/v1", "tokenreviews"),
                         ("authorization.k8s.io/v1", "selfsubjectaccessreviews"), ("autoscaling/v1", "horizontalpodautoscalers"),
                         ("autoscaling/v2", "horizontalpodautoscalers"), ("batch/v1", "jobs"), ("certificates.k8s.io/v1", "certificatesigningrequests"),
                         ("coordination.k8s.io/v1", "leases"), ("discovery.k8s.io/v1", "endpointslices"), ("events.k8s.io/v1", "events"),
                         ("networking.k8s.io/v1", "ingresses"), ("node.k8s.io/v1", "runtimeclasses"), ("policy/v1", "poddisruptionbudgets"),
                         ("rbac.authorization.k8s.io/v1", "roles"), ("scheduling.k8s.io/v1", "priorityclasses"), ("storage.k8s.io/v1", "storageclasses")]:
        group, version = gv.split("/")
        entry = next((g for g in t.get("/apis")["groups"] if g["name"] == group), None)
        t.check(entry and any(v["version"] == version for v in entry["versions"]), f"{gv} not in /apis")
        t.same(t.get("/apis/" + group)["preferredVersion"], entry["preferredVersion"], "preferredVersion of " + group)
        listed = t.get("/apis/" + gv)
        t.same(listed["groupVersion"], gv, "groupVersion")
        t.check(any(r["name"] == resource for r in listed["resources"]), f"{resource} not in {gv}")
        seen += 1
    t.same(seen, 19)


AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def aggregated(t, url, accept=AGGREGATED):
    code, headers, text = t.raw("GET", url, None, {"Accept": accept})
    t.same(code, 200, url)
    return headers["Content-Type"], json.loads(text)


def definition(t, group=None, kind="Widget", schema=None, scope="Namespaced", preserve=False, wait=True, **version):
    """A CRD of the plural `widgets` in a group of its own, established; its gv."""
    group = group or f"e2e-{t.unique}.example.com"
    plural = kind.lower() + "s"
    body = {"type": "object", "x-kubernetes-preserve-unknown-fields": True} if schema is None else schema
    v = dict({"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": body}}, **version)
    t.make(path("apiextensions.k8s.io/v1", "customresourcedefinitions"), {
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "scope": scope, "names": {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": kind + "List"}, "versions": [v]}})
    t.wait(path("apiextensions.k8s.io/v1", "customresourcedefinitions", name=f"{plural}.{group}"),
           lambda o: o and condition(o, "Established").get("status") == "True", "the definition to be established")
    return group + "/v1"


@spec(M + "AggregatedDiscovery should support aggregated discovery interface")
def aggregated_interface(t):
    expected = {"apps/v1/deployments", "apps/v1/daemonsets", "batch/v1/jobs", "rbac.authorization.k8s.io/v1/roles", "admissionregistration.k8s.io/v1/validatingwebhookconfigurations",
                "apiextensions.k8s.io/v1/customresourcedefinitions", "apiregistration.k8s.io/v1/apiservices", "networking.k8s.io/v1/ingresses", "storage.k8s.io/v1/csinodes", "policy/v1/poddisruptionbudgets"}
    found = set()
    kind, groups = aggregated(t, "/apis")
    for group in groups["items"]:
        for version in group["versions"]:
            for r in version.get("resources", []):
                found.add(f"{group['metadata']['name']}/{version['version']}/{r['resource']}")
                t.check(r["scope"] in ("Namespaced", "Cluster") and r["verbs"] and r["responseKind"].get("kind"), str(r))
    t.check(not expected - found, f"not in /apis: {expected - found}")
    _, core = aggregated(t, "/api")
    names = {r["resource"] for v in core["items"][0]["versions"] for r in v["resources"]}
    t.check({"pods", "services", "nodes", "secrets", "configmaps", "namespaces"} <= names, f"/api holds {names}")
    pods = next(r for v in core["items"][0]["versions"] for r in v["resources"] if r["resource"] == "pods")
    t.check({"log", "exec", "status", "eviction"} <= {s["subresource"] for s in pods["subresources"]}, "subresources of pods")
    # The same contents as without aggregation.
    legacy = {f"{g['name']}/{v['version']}" for g in t.get("/apis")["groups"] for v in g["versions"]}
    t.same(sorted(legacy), sorted({f"{g['metadata']['name']}/{v['version']}" for g in groups["items"] for v in g["versions"]}), "groups and versions")


@spec(M + "AggregatedDiscovery should support raw aggregated discovery endpoint Accept headers")
def aggregated_accept(t):
    for url in ("/api", "/apis"):
        kind, body = aggregated(t, url)
        t.check("as=APIGroupDiscoveryList" in kind and "v=v2" in kind and "g=apidiscovery.k8s.io" in kind, f"content type {kind}")
        t.same((body["kind"], body["apiVersion"]), ("APIGroupDiscoveryList", "apidiscovery.k8s.io/v2"), "kind")
        kind, body = aggregated(t, url, "application/json")
        t.same(kind.split(";")[0], "application/json", "unaggregated")
        t.same(body["kind"], "APIVersions" if url == "/api" else "APIGroupList", "kind")
        kind, body = aggregated(t, url, "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json")
        t.same(body["kind"], "APIGroupDiscoveryList", "the first acceptable")


@spec(M + "AggregatedDiscovery should support aggregated discovery interface for CRDs")
def aggregated_crd_interface(t):
    crd_in_discovery(t)


@spec(M + "AggregatedDiscovery should support raw aggregated discovery request for CRDs")
def aggregated_crd_raw(t):
    crd_in_discovery(t)


def crd_in_discovery(t):
    gv = definition(t)
    end = time.monotonic() + 30
    while True:  # discovery has no watch
        _, body = aggregated(t, "/apis")
        group = next((g for g in body["items"] if g["metadata"]["name"] == gv.split("/")[0]), None)
        if group or time.monotonic() > end:
            break
        time.sleep(0.05)
    t.check(group, f"{gv} does not appear in aggregated discovery")
    r = group["versions"][0]["resources"][0]
    t.same((group["versions"][0]["version"], r["resource"], r["scope"], r["responseKind"]["kind"]), ("v1", "widgets", "Namespaced", "Widget"), "resource")
    t.check({"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"} <= set(r["verbs"]), f"verbs {r['verbs']}")
    t.same(group["versions"][0].get("freshness"), "Current", "freshness")


# Field validation

SCHEMA = {"type": "object", "properties": {
    "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {
        "cronSpec": {"type": "string", "pattern": r"^(\d+|\*)(/\d+)?(\s+(\d+|\*)(/\d+)?){4}$"},
        "ports": {"type": "array", "x-kubernetes-list-map-keys": ["containerPort", "protocol"], "x-kubernetes-list-type": "map", "items": {
            "type": "object", "required": ["containerPort", "protocol"], "properties": {"containerPort": {"type": "integer", "format": "int32"},
            "hostIP": {"type": "string"}, "hostPort": {"type": "integer"}, "name": {"type": "string"}, "protocol": {"type": "string"}}}},
        "embeddedObj": {"type": "object", "x-kubernetes-embedded-resource": True, "properties": {"apiVersion": {"type": "string"}, "kind": {"type": "string"},
            "spec": {"type": "object", "properties": {"foo": {"type": "string"}}}}}}}}}
STRICT_SCHEMA = json.loads(json.dumps(SCHEMA).replace('"x-kubernetes-preserve-unknown-fields": true, ', ""))


def strict(t, method, url, text, expect, content="application/json"):
    """Strict refuses with every message; Warn accepts and warns; Ignore accepts silently."""
    def send(mode, query=""):
        return t.raw(method, with_query(url, fieldValidation=mode, fieldManager="e2e", dryRun="All", **({"force": "true"} if method == "PATCH" and "apply" in content else {})), text.encode(), {"Content-Type": content})
    code, _, body = send("Strict")
    t.check(code in (400, 422), f"Strict answered {code}: {body[:300]}")
    for message in expect:
        t.check(message in json.loads(body)["message"], f"{message!r} is not in {json.loads(body)['message']!r}")
    code, headers, body = send("Warn")
    t.check(code in (200, 201), f"Warn answered {code}: {body[:300]}")
    warnings = " ".join(headers.get_all("Warning") or []).replace('\\"', '"')
    for message in expect:
        t.check(message in warnings, f"{message!r} is not in the warnings {warnings!r}")
    code, headers, body = send("Ignore")
    t.check(code in (200, 201), f"Ignore answered {code}: {body[:300]}")
    t.check(not headers.get_all("Warning"), f"Ignore warned: {headers.get_all('Warning')}")


@spec(M + "FieldValidation should detect unknown and duplicate fields of a typed object")
def typed(t):
    text = json.dumps(deployment("d"))[:-1] + ', "spec2": 1}'
    text = text.replace('"replicas": 1', '"unknownField": "foo", "replicas": 1, "replicas": 2')
    strict(t, "POST", path("apps/v1", "deployments", t.ns), text, ['unknown field "spec.unknownField"', 'duplicate field "spec.replicas"', 'unknown field "spec2"'])
    yaml = f"apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: d\nspec:\n  replicas: 1\n  replicas: 2\n  unknownField: foo\n  selector:\n    matchLabels:\n      app: d\n  template:\n    metadata:\n      labels:\n        app: d\n    spec:\n      containers:\n      - name: c\n        image: nginx\n"
    strict(t, "PATCH", path("apps/v1", "deployments", t.ns, "d"), yaml, ['key "replicas" already set in map'], APPLY)


@spec(M + "FieldValidation should detect unknown metadata fields of a typed object")
def typed_metadata(t):
    text = json.dumps(deployment("d")).replace('"metadata": {"name": "d"', '"metadata": {"unknownMeta": "x", "name": "d"', 1)
    strict(t, "POST", path("apps/v1", "deployments", t.ns), text, ['unknown field "metadata.unknownMeta"'])


def custom(gv, **spec):
    return json.dumps({"apiVersion": gv, "kind": "Widget", "metadata": {"name": "mycr", "finalizers": ["test-finalizer.example.com/e2e"]}, "spec": dict({"cronSpec": "* * * * */5"}, **spec)})


PORTS = [{"name": "x", "containerPort": 80, "protocol": "TCP", "hostPort": 8080}]


@spec(M + "FieldValidation should create/apply a CR with unknown fields for CRD with no validation schema")
def no_schema(t):
    gv = definition(t)
    text = custom(gv, knownField1="val1", unknownNested={"unknown": [1, 2]})
    for method, content in (("POST", "application/json"), ("PATCH", APPLY)):
        url = path(gv, "widgets", t.ns, None if method == "POST" else "mycr")
        code, headers, body = t.raw(method, with_query(url, fieldValidation="Strict", fieldManager="e2e", dryRun="All"), text.encode(), {"Content-Type": content})
        t.check(code == 201 and not headers.get_all("Warning"), f"{method}: {code} {body[:300]}")
        t.same(json.loads(body)["spec"]["unknownNested"], {"unknown": [1, 2]}, "kept")


@spec(M + "FieldValidation should create/apply a valid CR for CRD with validation schema")
def valid_schema(t):
    gv = definition(t, schema=STRICT_SCHEMA)
    text = custom(gv, ports=PORTS)
    for method, content in (("POST", "application/json"), ("PATCH", APPLY)):
        url = path(gv, "widgets", t.ns, None if method == "POST" else "mycr")
        code, headers, body = t.raw(method, with_query(url, fieldValidation="Strict", fieldManager="e2e", dryRun="All"), text.encode(), {"Content-Type": content})
        t.check(code == 201 and not headers.get_all("Warning"), f"{method}: {code} {body[:300]}")
        t.same(json.loads(body)["spec"]["ports"], PORTS, "ports")


@spec(M + "FieldValidation should create/apply an invalid CR with extra properties for CRD with validation schema")
def invalid_schema(t):
    gv = definition(t, schema=STRICT_SCHEMA)
    text = custom(gv, foo="foo1", ports=[dict(PORTS[0], unknownNested="x")])
    expect = ['unknown field "spec.foo"', 'unknown field "spec.ports[0].unknownNested"']
    strict(t, "POST", path(gv, "widgets", t.ns), text, expect)
    code, _, body = t.raw("PATCH", path(gv, "widgets", t.ns, "mycr", fieldManager="e2e", fieldValidation="Strict"), text.encode(), {"Content-Type": APPLY})
    t.check(code >= 400 and b"foo" in body, f"strict apply answered {code}: {body[:300]}")


@spec(M + "FieldValidation should detect duplicates in a CR when preserving unknown fields")
def duplicates_preserving(t):
    gv = definition(t, schema=SCHEMA)
    text = custom(gv, unknownField="unknown", foo="foo1").replace('"foo": "foo1"', '"foo": "foo1", "foo": "foo2", "knownField": 1')
    strict(t, "POST", path(gv, "widgets", t.ns), text, ['duplicate field "spec.foo"'])
    code, headers, body = t.raw("POST", path(gv, "widgets", t.ns, fieldValidation="Warn", dryRun="All"), text.encode(), {"Content-Type": "application/json"})
    t.check("unknown field" not in str(headers.get_all("Warning")), "preserved fields are not unknown")


@spec(M + "FieldValidation should detect unknown metadata fields in both the root and embedded object of a CR")
def embedded_metadata(t):
    gv = definition(t, schema=SCHEMA)
    text = custom(gv, embeddedObj={"apiVersion": "example.com/v1", "kind": "Foo", "metadata": {"name": "embedded", "unknownSubMeta": "unknown"}})
    text = text.replace('"metadata": {"name": "mycr"', '"metadata": {"unknownMeta": "unknown", "name": "mycr"')
    strict(t, "POST", path(gv, "widgets", t.ns), text, ['unknown field "metadata.unknownMeta"', 'unknown field "spec.embeddedObj.metadata.unknownSubMeta"'])


# Namespaces

@spec(M + "Namespaces should apply a finalizer to a Namespace [Serial]")
def namespace_finalizer(t):
    url = path("v1", "namespaces", name=t.ns)
    ns = t.get(url)
    ns["spec"]["finalizers"] = ns["spec"]["finalizers"] + ["e2e.example.com/fakeFinalizer"]
    done = t.put(url + "/finalize", ns)
    t.check("e2e.example.com/fakeFinalizer" in done["spec"]["finalizers"], str(done["spec"]))
    back = t.get(url)
    t.check("e2e.example.com/fakeFinalizer" in back["spec"]["finalizers"], str(back["spec"]))
    back["spec"]["finalizers"].remove("e2e.example.com/fakeFinalizer")
    t.same(t.put(url + "/finalize", back)["spec"]["finalizers"], ["kubernetes"], "finalizers")


@spec(M + "Namespaces should apply an update to a Namespace [Serial]")
def namespace_update(t):
    url = path("v1", "namespaces", name=t.ns)
    t.update(url, lambda o: o["metadata"]["labels"].__setitem__(t.ns, "updated"))
    t.same(t.get(url)["metadata"]["labels"][t.ns], "updated", "label")


@spec(M + "Namespaces should apply changes to a namespace status [Serial]")
def namespace_status(t):
    url = path("v1", "namespaces", name=t.ns)
    t.same(t.get(url + "/status")["status"]["phase"], "Active", "phase")
    patched = t.patch(url + "/status", {"metadata": {"annotations": {"e2e-patched-ns-status": t.ns}}, "status": {"conditions": [{"type": "StatusPatch", "status": "True", "reason": "E2E", "message": "Patched by an e2e test"}]}})
    t.same((condition(patched, "StatusPatch").get("reason"), patched["metadata"]["annotations"]["e2e-patched-ns-status"]), ("E2E", t.ns), "patched")
    t.update(url + "/status", lambda o: o["status"]["conditions"].append({"type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "Updated by an e2e test"}))
    t.same(condition(t.get(url), "StatusUpdate").get("message"), "Updated by an e2e test", "updated")


@spec(M + "OrderedNamespaceDeletion namespace deletion should delete pod first", pods=True)
def ordered_deletion(t):
    ns = t.ns
    t.pod("held", spec={}, container={}, labels={"held": "yes"})
    t.patch(path("v1", "pods", ns, "held"), {"metadata": {"finalizers": ["e2e.example.com/finalizer"]}})
    t.post(path("v1", "configmaps", ns), {"metadata": {"name": "kept"}, "data": {"a": "b"}})
    t.delete(path("v1", "namespaces", name=ns))
    t.wait(path("v1", "namespaces", name=ns), lambda o: o and condition(o, "NamespaceDeletionContentFailure").get("status") and condition(o, "NamespaceContentRemaining").get("status") == "True", "the namespace to tell what remains")
    t.check(t.get(path("v1", "configmaps", ns, "kept"))["data"], "the config map is still there while a pod is")
    t.patch(path("v1", "pods", ns, "held"), {"metadata": {"finalizers": None}})
    t.gone(path("v1", "namespaces", name=ns))


# Quotas

def quota(t, name, hard="1"):
    return {"metadata": {"name": name, "labels": {"quota": name}}, "spec": {"hard": {"pods": hard, "memory": "500Gi", "services": "10"}}}


@spec(M + "ResourceQuota should manage the lifecycle of a ResourceQuota")
def quota_lifecycle(t):
    url, label = path("v1", "resourcequotas", t.ns), {"labelSelector": "e2e-rq=" + t.unique}
    body = quota(t, "e2e-quota-" + t.unique)
    body["metadata"]["labels"] = {"e2e-rq": t.unique}
    t.post(url, body)
    one = url + "/" + body["metadata"]["name"]
    t.same(t.get(one)["spec"]["hard"]["memory"], "500Gi", "memory")
    t.same(len(t.get(path("v1", "resourcequotas", **label))["items"]), 1, "listed everywhere")
    patched = t.patch(one, {"metadata": {"labels": {"e2e-rq-patched": "yes"}}, "spec": {"hard": {"memory": "750Gi"}}}, STRATEGIC)
    t.same((patched["spec"]["hard"]["memory"], patched["metadata"]["labels"]["e2e-rq-patched"]), ("750Gi", "yes"), "patched")
    t.wait(one, lambda o: find(o, "status.hard.memory") == "750Gi", "the status to follow")
    t.delete(with_query(url, **label))
    t.gone(one)
    t.same(t.get(with_query(url, **label))["items"], [], "after deletecollection")


@spec(M + "ResourceQuota should apply changes to a resourcequota status")
def quota_status(t):
    url = path("v1", "resourcequotas", t.ns, "q")
    watch = t.watch(path("v1", "resourcequotas", t.ns))
    t.post(path("v1", "resourcequotas", t.ns), quota(t, "q", "2"))
    t.wait(url, lambda o: find(o, "status.hard.pods") == "2" and find(o, "status.used.pods") is not None, "the status to be calculated")
    t.update(url, lambda o: o["spec"]["hard"].update({"memory": "750Gi"}))
    watch.until(lambda k, o: find(o, "status.hard.memory") == "750Gi", "the status to follow the spec")
    t.patch(url + "/status", {"metadata": {"annotations": {"rq-status": "patched"}}, "status": {"hard": {"memory": "999Gi"}}})
    watch.until(lambda k, o: find(o, "status.hard.memory") == "999Gi" and find(o, "metadata.annotations.rq-status") == "patched", "the patched status")
    t.wait(url, lambda o: find(o, "status.hard.memory") == "750Gi", "the controller to set the status right")
    t.update(url + "/status", lambda o: o["status"]["hard"].update({"memory": "111Gi"}))
    watch.until(lambda k, o: find(o, "status.hard.memory") == "111Gi", "the replaced status")
    t.same(t.get(url)["spec"]["hard"]["memory"], "750Gi", "spec")


# Chunked lists

def chunk_objects(t, n):
    url = path("v1", "podtemplates", t.ns)
    for i in range(n):
        t.post(url, {"metadata": {"name": f"template-{i:04d}"}, "template": template({"chunk": "x"})})
    return url


@spec(M + "Servers with support for API chunking should return chunks of results for list calls")
def chunks(t):
    url, total, seen, token, version = chunk_objects(t, 80), 80, [], None, None
    while True:
        page = t.get(with_query(url, limit=7, **({"continue": token} if token else {})))
        t.check(len(page["items"]) <= 7, "a page is not longer than its limit")
        version = version or page["metadata"]["resourceVersion"]
        t.same(page["metadata"]["resourceVersion"], version, "all pages are of one revision")
        seen += [i["metadata"]["name"] for i in page["items"]]
        token = page["metadata"].get("continue")
        t.same(page["metadata"].get("remainingItemCount", 0), total - len(seen), "remainingItemCount")
        if not token:
            break
        t.same(len(page["items"]), 7, "full page")
    t.same(seen, [f"template-{i:04d}" for i in range(total)], "names in order")
    t.same(len(t.get(with_query(url, limit=total + 20))["items"]), total, "one page")


@spec(M + "Servers with support for API chunking should support continue listing from the last key if the original version has been compacted away, though the list is inconsistent [Slow]")
def compacted_chunks(t):
    """The history of a server is too long to wait for its end; a token of a revision of long ago stands in for one that aged."""
    import base64
    url = chunk_objects(t, 30)
    page = t.get(with_query(url, limit=10))
    token = page["metadata"]["continue"]
    decoded = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    t.check("rv" in decoded, f"token {decoded}")
    decoded["rv"] = 1
    old = base64.urlsafe_b64encode(json.dumps(decoded).encode()).decode().rstrip("=")
    answer = t.call("GET", with_query(url, limit=10, **{"continue": old}), status=[200, 410])
    if answer["kind"] == "Status":
        t.same(answer["reason"], "Expired", "reason")
        token = answer["metadata"]["continue"]
    else:  # a young server still has all its revisions: take the token of the form that 410 would have offered
        t.same(answer["items"], [], "what revision 1 held")
        decoded["rv"] = -1
        token = base64.urlsafe_b64encode(json.dumps(decoded).encode()).decode().rstrip("=")
    rest = t.get(with_query(url, limit=100, **{"continue": token}))
    t.same([i["metadata"]["name"] for i in rest["items"]], [f"template-{i:04d}" for i in range(10, 30)], "the rest, inconsistent")
    t.check(int(rest["metadata"]["resourceVersion"]) >= int(page["metadata"]["resourceVersion"]), "revision of the rest")


@spec(M + "StorageVersionMigration CRUD Tests storagemigration.k8s.io/v1 StorageVersionMigration")
def storage_migration(t):
    operations(t, "storagemigration.k8s.io/v1", "storageversionmigrations", {"spec": {"resource": {"group": "", "resource": "e2e" + t.unique}}}, namespaced=False)
