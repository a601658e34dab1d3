"""Bad input: each a clear error in Kubernetes' own words, and the server goes on."""
import json, re
from api import API, check

api = API()
maps = "/api/v1/namespaces/default/configmaps"
deployments = "/apis/apps/v1/namespaces/default/deployments"


def pod(**spec):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bad"}, "spec": dict({"containers": [{"name": "c", "image": "busybox"}]}, **spec)}


def deployment(**spec):
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "busybox"}]}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "bad"},
            "spec": dict({"selector": {"matchLabels": {"a": "b"}}, "template": template}, **spec)}


def expect(name, status, pattern, method, path, body=None, content="application/json", headers=None, on=None):
    got, answer = (on or api).call(method, path, body, content, headers)
    text = json.dumps(answer, ensure_ascii=False)
    check(got == status and re.search(pattern, answer.get("message", text)), name, f"{got} {text[:600]}")
    if status >= 400:
        check(answer.get("kind") == "Status" and answer.get("status") == "Failure", name + ": a Status")


expect("malformed JSON", 400, r"invalid character|unexpected end of JSON", "POST", maps, b'{"kind": "ConfigMap", ')
expect("malformed YAML", 400, r"yaml|YAML", "POST", maps, b"a: b: c: [", "application/yaml")
expect("a wrong type", 400, r"cannot unmarshal string into Go struct field .*replicas of type int32", "POST", deployments, deployment(replicas="three"))
expect("an unknown field, strict", 400, r'strict decoding error: unknown field "spec\.bogus"', "POST", deployments + "?fieldValidation=Strict", deployment(bogus=1))
expect("a duplicate field, strict", 400, r'duplicate field "data\.a"|duplicate field "data"', "POST", maps + "?fieldValidation=Strict",
       b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"dup"},"data":{"a":"1","a":"2"}}')
status, headers, _ = api.raw("POST", deployments + "?fieldValidation=Warn&dryRun=All", json.dumps(deployment(bogus=1)).encode(), {"Content-Type": "application/json"})
check(status == 201 and 'unknown field \\"spec.bogus\\"' in headers.get("Warning", ""), "an unknown field, warn", f"{status} {headers}")
expect("an unknown field, ignored", 201, "", "POST", deployments + "?fieldValidation=Ignore&dryRun=All", deployment(bogus=1))
expect("a body of 4 MiB", 413, r"too large", "POST", maps, json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "big"}, "data": {"x": "y" * (4 << 20)}}).encode())
bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9))
expect("a YAML alias bomb", 400, r"alias|excessive|YAML|yaml", "POST", maps, bomb.encode(), "application/yaml")
expect("JSON 20,000 levels deep", 400, r"exceeded max depth", "POST", maps, b"[" * 20000)
expect("a bad name", 422, r'ConfigMap "Bad_Name" is invalid: metadata\.name: Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain', "POST", maps,
       {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "Bad_Name"}})
expect("no name", 422, r"name or generateName is required", "POST", maps, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}})
expect("an absent namespace", 404, r'namespaces "nowhere" not found', "POST", "/api/v1/namespaces/nowhere/configmaps",
       {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}})
expect("another namespace in the object", 400, r"the namespace of the provided object does not match the namespace sent on the request", "POST", maps,
       {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "kube-system"}})
expect("an absent object", 404, r'configmaps "nothing" not found', "GET", maps + "/nothing")
expect("an absent resource", 404, r"could not find the requested resource", "GET", "/api/v1/namespaces/default/wombats")
expect("a pod without containers", 422, r'Pod "bad" is invalid: spec\.containers: Required value', "POST", "/api/v1/namespaces/default/pods", pod(containers=[]))
expect("a bad port", 422, r"spec\.containers\[0\]\.ports\[0\]\.containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive", "POST",
       "/api/v1/namespaces/default/pods", pod(containers=[{"name": "c", "image": "i", "ports": [{"containerPort": 70000}]}]))
expect("a bad quantity", 400, r"quantities must match the regular expression", "POST", "/api/v1/namespaces/default/pods",
       pod(containers=[{"name": "c", "image": "i", "resources": {"limits": {"cpu": "lots"}}}]))
expect("a bad restart policy", 422, r'spec\.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", ', "POST", "/api/v1/namespaces/default/pods", pod(restartPolicy="Sometimes"))
expect("a selector that misses its template", 422, r"spec\.template\.metadata\.labels: Invalid value: .*`selector` does not match template `labels`", "POST",
       deployments, deployment(selector={"matchLabels": {"a": "c"}}))
expect("a bad label selector", 400, r"unable to parse requirement|couldn't parse the selector string|found", "GET", maps + "?labelSelector=a%20in%20(")
expect("an unsupported field selector", 400, r"\"spec\.foo\" is not a known field selector|field label not supported: spec\.foo", "GET", maps + "?fieldSelector=spec.foo%3Dx")
expect("a bad limit", 400, r"limit|invalid", "GET", maps + "?limit=many")
expect("a bad continue token", 400, r"continue key is not valid|invalid continue token", "GET", maps + "?continue=garbage")
expect("a wrong method", 405, r"does not allow this method", "PATCH", maps, {}, "application/merge-patch+json")
expect("a wrong media type", 415, r"the body of the request was in an unknown format", "POST", maps, b"<xml/>", "application/xml")
status, old = api.call("POST", maps, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "stale"}, "data": {"a": "1"}})
check(status == 201, "create", str(old))
api.call("PUT", maps + "/stale", dict(old, data={"a": "2"}))
expect("a stale resourceVersion", 409, r"the object has been modified; please apply your changes to the latest version", "PUT", maps + "/stale", dict(old, data={"a": "3"}))
expect("a wrong token", 401, r"Unauthorized", "GET", "/api/v1/namespaces", headers={"Authorization": "Bearer not-a-token"}, on=API(certificate=False))
expect("nobody", 403, r'namespaces is forbidden: User "system:anonymous" cannot list resource "namespaces" in API group "" at the cluster scope', "GET",
       "/api/v1/namespaces", on=API(certificate=False))
check(api.call("GET", "/readyz")[0] == 200, "the server goes on")
