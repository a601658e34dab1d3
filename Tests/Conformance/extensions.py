"""[sig-api-machinery]: match conditions of webhooks, field selectors of custom resources."""
import base64, json, os, subprocess, tempfile, time
from harness import *
from apimachinery import definition

W = "[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should "
ADMISSION = "admissionregistration.k8s.io/v1"
SKIP = [{"name": "skip-me", "expression": "object.metadata.name != 'skip-me'"}]


def hooks(t, client=None, conditions=None, mark=None, url="/mutating-configmaps"):
    return {"metadata": {"name": "e2e-hooks-" + t.unique}, "webhooks": [{
        "name": "hook.e2e.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1", "v1beta1"], "failurePolicy": "Fail", "timeoutSeconds": 10,
        "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["configmaps"]}],
        "namespaceSelector": {"matchLabels": {"e2e-hooked": t.unique}}, "matchConditions": conditions or [],
        "clientConfig": client or {"url": "https://127.0.0.1:1/unused"}}]}


def configured(t, resource):
    url = path(ADMISSION, resource)
    expected = [{"name": "expression-1", "expression": "object.metadata.namespace == 'production'"}]
    made = t.make(url, hooks(t, conditions=expected))
    one = url + "/" + made["metadata"]["name"]
    t.same(made["webhooks"][0]["matchConditions"], expected, "created")
    t.same(t.get(one)["webhooks"][0]["matchConditions"], expected, "stored")
    more = expected + [{"name": "expression-2", "expression": "object.metadata.namespace == 'staging'"}]
    t.update(one, lambda o: o["webhooks"][0].__setitem__("matchConditions", more))
    t.same(t.get(one)["webhooks"][0]["matchConditions"], more, "updated")


def refused(t, resource):
    for conditions, message in (([{"name": "bad", "expression": "... [] bad expression"}], "compilation failed"),
                                ([{"name": "twice", "expression": "true"}, {"name": "twice", "expression": "true"}], "Duplicate value"),
                                ([{"name": "number", "expression": "1 + 1"}], "must evaluate to bool"),
                                ([{"name": "", "expression": "true"}], "Required value"),
                                ([{"name": f"c{i}", "expression": "true"} for i in range(65)], "must have at most 64 items")):
        answer = t.post(path(ADMISSION, resource), hooks(t, conditions=conditions), status=422)
        t.check(message in answer["message"], f"{message!r} is not in {answer['message']!r}")


@spec(W + "be able to create and update mutating webhook configurations with match conditions")
def mutating_conditions(t): configured(t, "mutatingwebhookconfigurations")


@spec(W + "be able to create and update validating webhook configurations with match conditions")
def validating_conditions(t): configured(t, "validatingwebhookconfigurations")


@spec(W + "reject mutating webhook configurations with invalid match conditions")
def mutating_refused(t): refused(t, "mutatingwebhookconfigurations")


@spec(W + "reject validating webhook configurations with invalid match conditions")
def validating_refused(t): refused(t, "validatingwebhookconfigurations")


def webhook_server(t):
    """agnhost as a webhook behind a Service; its client configuration."""
    with tempfile.TemporaryDirectory() as folder:
        pem = lambda name: os.path.join(folder, name)
        host = f"e2e-webhook.{t.ns}.svc"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", pem("key"), "-out", pem("crt"), "-subj", "/CN=" + host, "-addext", "subjectAltName=DNS:" + host], check=True, capture_output=True)
        crt, key = (base64.b64encode(open(pem(n), "rb").read()).decode() for n in ("crt", "key"))
    t.post(path("v1", "secrets", t.ns), {"metadata": {"name": "serving"}, "data": {"tls.crt": crt, "tls.key": key}})
    t.pod("webhook", AGNHOST, args=["webhook", "--tls-cert-file=/w/tls.crt", "--tls-private-key-file=/w/tls.key", "--port=8444", "-v=4"], labels={"app": "webhook"},
          container={"volumeMounts": [{"name": "w", "mountPath": "/w"}], "readinessProbe": {"httpGet": {"scheme": "HTTPS", "port": 8444, "path": "/readyz"}, "periodSeconds": 1}},
          spec={"volumes": [{"name": "w", "secret": {"secretName": "serving"}}]})
    t.running("webhook")
    t.post(path("v1", "services", t.ns), {"metadata": {"name": "e2e-webhook"}, "spec": {"selector": {"app": "webhook"}, "ports": [{"port": 8443, "targetPort": 8444}]}})
    t.wait_list(path("discovery.k8s.io/v1", "endpointslices", t.ns), lambda s: any(find(e, "conditions.ready") for x in s for e in x["endpoints"] or []), "the webhook's endpoint")
    return {"service": {"namespace": t.ns, "name": "e2e-webhook", "port": 8443, "path": "/mutating-configmaps"}, "caBundle": crt}


@spec(W + "mutate everything except 'skip-me' configmaps", pods=True)
def skip_me(t):
    client = webhook_server(t)
    t.patch(path("v1", "namespaces", name=t.ns), {"metadata": {"labels": {"e2e-hooked": t.unique}}})
    t.make(path(ADMISSION, "mutatingwebhookconfigurations"), hooks(t, client, SKIP))
    url, end = path("v1", "configmaps", t.ns, dryRun="All"), time.monotonic() + 30
    while True:  # configurations take effect in a moment that nothing tells
        probe = t.post(url, {"metadata": {"name": "probe"}, "data": {"mutation-start": "yes"}})
        if "mutation-stage-1" in probe["data"]:
            break
        t.check(time.monotonic() < end, "the webhook does not take effect")
        time.sleep(0.05)
    url = path("v1", "configmaps", t.ns)
    t.same(t.post(url, {"metadata": {"name": "skip-me"}, "data": {"mutation-start": "yes"}})["data"], {"mutation-start": "yes"}, "skip-me")
    t.same(t.post(url, {"metadata": {"name": "mutate-me"}, "data": {"mutation-start": "yes"}})["data"], {"mutation-start": "yes", "mutation-stage-1": "yes"}, "mutate-me")


@spec("[sig-api-machinery] CustomResourceFieldSelectors [Privileged:ClusterAdmin] CustomResourceFieldSelectors MUST list and watch custom resources matching the field selector")
def custom_fields(t):
    gv = definition(t, schema={"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "color": {"type": "string"}, "quantity": {"type": "integer"}, "ok": {"type": "boolean"}}}}},
        selectableFields=[{"jsonPath": ".spec.color"}, {"jsonPath": ".spec.quantity"}, {"jsonPath": ".spec.ok"}])
    url = path(gv, "widgets", t.ns)
    selectors = ["spec.color=blue", "spec.quantity=2", "spec.color=blue,spec.quantity=2", "spec.color!=blue", "spec.ok=true"]
    watches = {s: t.watch(url, fieldSelector=s) for s in selectors}
    things = {"a": {"color": "blue", "quantity": 2, "ok": True}, "b": {"color": "blue", "quantity": 1}, "c": {"color": "red", "quantity": 2}, "d": {}}
    for name, fields in things.items():
        t.post(url, {"apiVersion": gv, "kind": "Widget", "metadata": {"name": name}, "spec": fields})
    expected = {selectors[0]: "ab", selectors[1]: "ac", selectors[2]: "a", selectors[3]: "cd", selectors[4]: "a"}
    for s in selectors:
        t.same("".join(i["metadata"]["name"] for i in t.get(with_query(url, fieldSelector=s))["items"]), expected[s], s)
        for name in expected[s]:
            watches[s].until(lambda k, o: k == "ADDED" and o["metadata"]["name"] == name, f"{name} of {s}")
    # An object enters and leaves a selection as its fields change.
    t.patch(url + "/a", {"spec": {"color": "red"}})
    watches["spec.color=blue"].until(lambda k, o: k == "DELETED" and o["metadata"]["name"] == "a", "a leaves")
    watches["spec.color!=blue"].until(lambda k, o: k == "ADDED" and o["metadata"]["name"] == "a", "a enters")
    t.delete(with_query(url, fieldSelector="spec.color=blue"))
    t.same([i["metadata"]["name"] for i in t.get(url)["items"]], ["a", "c", "d"], "deletecollection by field")
    answer = t.get(with_query(url, fieldSelector="spec.unknown=1"), status=400)
    t.check("field label not supported" in answer["message"], answer["message"])
