"""legacy-secrets.py KUBECONFIG: what clusters before 1.24 did and the v1.20 suite waits for: each ServiceAccount gets a
token Secret. Runs until it is killed."""
import base64, json, ssl, sys, tempfile, http.client, yaml
kc = yaml.safe_load(open(sys.argv[1]))
c, u = kc["clusters"][0]["cluster"], kc["users"][0]["user"]
def tmp(b):
    f = tempfile.NamedTemporaryFile(delete=False); f.write(base64.b64decode(b)); f.close(); return f.name
ctx = ssl.create_default_context(cafile=tmp(c["certificate-authority-data"]))
ctx.load_cert_chain(tmp(u["client-certificate-data"]), tmp(u["client-key-data"]))
host = c["server"].split("//")[1]
def conn(): return http.client.HTTPSConnection(host, context=ctx)
w = conn()
def call(m, p, body=None, t="application/json"):
    global w
    for _ in range(2):
        try:
            w.request(m, p, body and json.dumps(body), {"Content-Type": t}); r = w.getresponse(); return r.status, r.read()
        except (http.client.HTTPException, OSError): w = conn()
while True:
    s = conn(); s.request("GET", "/api/v1/serviceaccounts?watch=1"); r = s.getresponse()
    for line in r:
        e = json.loads(line); o = e["object"]; m = o.get("metadata", {})
        if e["type"] not in ("ADDED", "MODIFIED") or o.get("secrets"): continue
        ns, n = m["namespace"], m["name"]; sec = n + "-token"
        call("POST", f"/api/v1/namespaces/{ns}/secrets", {"metadata": {"name": sec, "annotations": {"kubernetes.io/service-account.name": n}}, "type": "kubernetes.io/service-account-token"})
        call("PATCH", f"/api/v1/namespaces/{ns}/serviceaccounts/{n}", {"secrets": [{"name": sec}]}, "application/merge-patch+json")
