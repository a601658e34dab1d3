"""[sig-auth], [sig-instrumentation], [sig-cli], [sig-architecture]."""
import base64, json, re, time
from harness import *

A = "[sig-auth] "


@spec(A + "PodCertificateRequest API [Privileged:ClusterAdmin] should support PodCertificateRequest API operations")
def pod_certificates(t):
    discovered(t, "certificates.k8s.io/v1", "podcertificaterequests", True)


@spec(A + "ServiceAccounts ServiceAccountIssuerDiscovery should support OIDC discovery of service account issuer")
def issuer(t):
    token = t.post(path("v1", "serviceaccounts", t.ns, "default", "token"), {"spec": {"audiences": ["oidc-discovery-test"], "expirationSeconds": 600}})["status"]["token"]

    def as_account(url):
        connection = t.cluster.connect(certificate=False)
        connection.request("GET", url, None, {"Authorization": "Bearer " + plain})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        t.same(answer.status, 200, f"{url} as a service account: {body[:200]}")
        return answer.headers["Content-Type"], json.loads(body)
    plain = t.post(path("v1", "serviceaccounts", t.ns, "default", "token"), {"spec": {}})["status"]["token"]
    kind, document = as_account("/.well-known/openid-configuration")
    t.same(kind.split(";")[0], "application/json", "content type")
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    head = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
    t.same(document["issuer"], claims["iss"], "issuer")
    t.same((document["response_types_supported"], document["subject_types_supported"]), (["id_token"], ["public"]), "types")
    t.check(head["alg"] in document["id_token_signing_alg_values_supported"], "alg")
    t.check(document["jwks_uri"].endswith("/openid/v1/jwks"), document["jwks_uri"])
    kind, keys = as_account("/openid/v1/jwks")
    t.same(kind.split(";")[0], "application/jwk-set+json", "content type of keys")
    t.check(any(k["kid"] == head["kid"] and k["use"] == "sig" for k in keys["keys"]), "the token's key is published")
    t.same(claims["sub"], f"system:serviceaccount:{t.ns}:default", "subject")
    t.same(claims["aud"], ["oidc-discovery-test"], "audience")
    t.same(claims["kubernetes.io"]["namespace"], t.ns, "claims")


@spec(A + "ServiceAccounts should create a serviceAccountToken and ensure a successful TokenReview")
def token_review(t):
    account = t.post(path("v1", "serviceaccounts", t.ns), {"metadata": {"name": "e2e-sa"}})
    request = t.post(path("v1", "serviceaccounts", t.ns, "e2e-sa", "token"), {"spec": {}})
    t.check(request["status"]["token"] and request["status"]["expirationTimestamp"], "status of the token request")
    review = t.post(path("authentication.k8s.io/v1", "tokenreviews"), {"spec": {"token": request["status"]["token"]}})
    t.check(review["status"]["authenticated"] and not review["status"].get("error"), str(review["status"]))
    t.same((review["status"]["user"]["username"], review["status"]["user"]["uid"]), (f"system:serviceaccount:{t.ns}:e2e-sa", account["metadata"]["uid"]), "user")
    t.check({"system:serviceaccounts", f"system:serviceaccounts:{t.ns}", "system:authenticated"} <= set(review["status"]["user"]["groups"]), "groups")
    t.delete(path("v1", "serviceaccounts", t.ns, "e2e-sa"))
    end = time.monotonic() + 30
    while True:  # the authenticator sees the deletion in a moment
        again = t.post(path("authentication.k8s.io/v1", "tokenreviews"), {"spec": {"token": request["status"]["token"]}})
        if not again["status"].get("authenticated"):
            break
        t.check(time.monotonic() < end, "the token outlives its account")
        time.sleep(0.1)


@spec(A + "ServiceAccounts should guarantee kube-root-ca.crt exist in any namespace")
def root_ca(t):
    url = path("v1", "configmaps", t.ns, "kube-root-ca.crt")
    first = t.wait(url, lambda o: o is not None, "kube-root-ca.crt")
    t.check("BEGIN CERTIFICATE" in first["data"]["ca.crt"], "a certificate")
    t.delete(url)
    t.wait(url, lambda o: o and o["metadata"]["uid"] != first["metadata"]["uid"], "it to come back")
    t.update(url, lambda o: o.__setitem__("data", {"ca.crt": ""}))
    back = t.wait(url, lambda o: o and o["data"].get("ca.crt"), "its data to come back")
    t.same(back["data"], first["data"], "data")


@spec(A + "ServiceAccounts should update a ServiceAccount")
def update_account(t):
    t.post(path("v1", "serviceaccounts", t.ns), {"metadata": {"name": "e2e-sa"}})
    url = path("v1", "serviceaccounts", t.ns, "e2e-sa")
    t.check(t.get(url).get("automountServiceAccountToken") is None, "not set")
    t.update(url, lambda o: o.__setitem__("automountServiceAccountToken", False))
    t.same(t.get(url)["automountServiceAccountToken"], False, "updated")


@spec(A + "SubjectReview should support SubjectReview API operations")
def subject_reviews(t):
    gv, user = "authorization.k8s.io/v1", f"system:serviceaccount:{t.ns}:e2e"
    t.post(path("v1", "serviceaccounts", t.ns), {"metadata": {"name": "e2e"}})
    ask = {"verb": "list", "resource": "configmaps", "version": "v1", "namespace": t.ns}
    review = lambda: t.post(path(gv, "subjectaccessreviews"), {"spec": {"user": user, "resourceAttributes": ask}})["status"]
    t.same(review()["allowed"], False, "before")
    t.post(path("rbac.authorization.k8s.io/v1", "roles", t.ns), {"metadata": {"name": "r"}, "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}]})
    t.post(path("rbac.authorization.k8s.io/v1", "rolebindings", t.ns), {"metadata": {"name": "r"}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}, "subjects": [{"kind": "ServiceAccount", "name": "e2e", "namespace": t.ns}]})
    end = time.monotonic() + 30
    while not review()["allowed"]:  # the authorizer sees the binding in a moment
        t.check(time.monotonic() < end, "the binding does not take effect")
        time.sleep(0.05)
    local = t.post(path(gv, "localsubjectaccessreviews", t.ns), {"metadata": {"namespace": t.ns}, "spec": {"user": user, "resourceAttributes": ask}})
    t.check(local["status"]["allowed"] and not local["status"].get("denied"), str(local["status"]))
    t.same(t.post(path(gv, "selfsubjectaccessreviews"), {"spec": {"resourceAttributes": ask}})["status"]["allowed"], True, "self")
    t.same(t.raw("GET", path("v1", "configmaps", t.ns), None, {"Impersonate-User": user})[0], 200, "as the account")
    t.same(t.raw("GET", path("v1", "secrets", t.ns), None, {"Impersonate-User": user})[0], 403, "what it may not")


@spec("[sig-instrumentation] Events should manage the lifecycle of an event")
def events(t):
    url, gv = path("v1", "events", t.ns), "v1"
    name = "event-" + t.unique
    body = {"metadata": {"name": name, "labels": {"testevent-constant": t.unique}}, "message": "This is a test event", "reason": "Test", "type": "Normal", "count": 1,
            "involvedObject": {"namespace": t.ns, "kind": "Pod", "name": "p"}}
    t.post(url, body)
    found = [e for e in t.get(path("v1", "events", labelSelector="testevent-constant=" + t.unique))["items"] if e["metadata"]["name"] == name]
    t.same(len(found), 1, "listed in all namespaces")
    t.patch(url + "/" + name, {"message": "This is a test event - patched"}, STRATEGIC)
    t.same(t.get(url + "/" + name)["message"], "This is a test event - patched", "message")

    def series(o):
        o["series"] = {"count": 100, "lastObservedTime": "2026-11-25T01:02:03.000000Z"}
    t.update(url + "/" + name, series)
    t.same(t.get(url + "/" + name)["series"], {"count": 100, "lastObservedTime": "2026-11-25T01:02:03.000000Z"}, "series")
    t.same(t.get(path("events.k8s.io/v1", "events", t.ns, name))["note"], "This is a test event - patched", "the same event in events.k8s.io")
    t.same(len(t.get(with_query(url, fieldSelector="involvedObject.name=p,reason=Test"))["items"]), 1, "by fields")
    t.delete(url + "/" + name)
    t.same(t.get(path("v1", "events", labelSelector="testevent-constant=" + t.unique))["items"], [], "after delete")
    for i in range(3):
        t.post(url, dict(body, metadata={"name": f"{name}-{i}", "labels": {"testevent-set": "true"}}))
    t.delete(with_query(url, labelSelector="testevent-set=true"))
    t.same(t.get(with_query(url, labelSelector="testevent-set=true"))["items"], [], "after deletecollection")


@spec("[sig-architecture] Conformance Tests should have at least two untainted nodes")
def two_nodes(t):
    nodes = [n for n in t.get(path("v1", "nodes"))["items"] if not find(n, "spec.taints") and condition(n, "Ready").get("status") == "True"]
    t.check(len(nodes) >= 2, f"{len(nodes)} nodes")


@spec("[sig-cli] Kubectl logs logs should be able to retrieve and filter logs", pods=True)
def logs(t):
    t.pod("logger", AGNHOST, args=["logs-generator", "--log-lines-total", "20", "--run-duration", "2s"], spec={"restartPolicy": "Never"})
    t.finished("logger")
    lines = t.sh("logs", "logger", "-c", "c").splitlines()
    t.same(len(lines), 20, "lines")
    t.same(t.sh("logs", "logger", "--tail=1").splitlines(), lines[-1:], "--tail")
    t.same(t.sh("logs", "logger", "--limit-bytes=1"), lines[0][0], "--limit-bytes")
    stamped = t.sh("logs", "logger", "--tail=1", "--timestamps").strip()
    t.check(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d) ", stamped), stamped)
    t.same(stamped.split(" ", 1)[1], lines[-1], "the stamped line")
    t.same(len(t.sh("logs", "logger", "--since=24h").splitlines()), 20, "--since=24h")
    time.sleep(1.2)  # the option counts from now
    t.check(len(t.sh("logs", "logger", "--since=1s").splitlines()) < 20, "--since=1s")
