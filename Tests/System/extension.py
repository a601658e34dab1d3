"""An operator as users write them: mutating, validating and converting webhooks behind TLS of its own, and a controller
that uses the API as its service account. `extension.py serve CERT KEY HOST PORT LOG` and `extension.py control SERVER CA TOKEN`.
Every review that came is a line of LOG. Standard library only."""
import base64, http.client, http.server, json, ssl, sys, threading, urllib.parse

GROUP = "stable.example.com"


def patch(*operations):
    return {"patchType": "JSONPatch", "patch": base64.b64encode(json.dumps(operations).encode()).decode()}


def mutate(request):
    """Labels pods; a new pod that wants it gets a second container."""
    pod = request["object"]
    if pod is None:
        return {"allowed": True}
    operations = []
    if "labels" not in pod["metadata"]:
        operations.append({"op": "add", "path": "/metadata/labels", "value": {}})
    operations.append({"op": "add", "path": "/metadata/labels/mutated-by", "value": "operator"})
    if request["operation"] == "CREATE" and pod["metadata"].get("annotations", {}).get("sidecar") == "yes":
        operations.append({"op": "add", "path": "/spec/containers/-", "value": {"name": "sidecar", "image": "pause"}})
    return dict(allowed=True, **patch(*operations))


def stage2(request):
    """Asks to be called again: counts the containers that it has seen."""
    if request["object"] is None:
        return {"allowed": True}
    count = len(request["object"]["spec"]["containers"])
    return dict(allowed=True, **patch({"op": "add", "path": "/metadata/annotations", "value": dict(request["object"]["metadata"].get("annotations") or {}, containers=str(count))}))


def validate(request):
    subject = request["object"] or request["oldObject"]
    labels = subject.get("metadata", {}).get("labels") or {}
    if "unwanted" in labels:
        return {"allowed": False, "status": {"code": 403, "reason": "Forbidden", "message": "this pod is unwanted"}}
    if "teapot" in labels:
        return {"allowed": False, "status": {"code": 418, "message": "short and stout"}}
    if "silent" in labels:
        return {"allowed": False}
    answer = {"allowed": True, "auditAnnotations": {"seen": "yes"}}
    if "noisy" in labels:
        answer["warnings"] = ["this pod is noisy"]
    return answer


def crontab(request):
    if not request["object"]["spec"].get("port"):
        return {"allowed": False, "status": {"message": "spec.port is needed"}}
    return {"allowed": True}


def connection(request):
    return {"allowed": False, "status": {"message": f"{request['subResource']} of {request['name']} is closed"}}


ADMISSION = {"/mutate": mutate, "/stage2": stage2, "/validate": validate, "/crontab": crontab, "/connect": connection,
             "/wrong-uid": lambda r: {"allowed": True, "uid": "wrong"}, "/always": lambda r: {"allowed": True}}


def converted(thing, version):
    spec = thing["spec"]
    if thing["apiVersion"].endswith("/v1") and version.endswith("/v2"):
        host, _, port = spec.pop("hostPort").partition(":")
        spec.update(host=host, port=port)
    elif thing["apiVersion"].endswith("/v2") and version.endswith("/v1"):
        spec["hostPort"] = f"{spec.pop('host')}:{spec.pop('port')}"
    thing["apiVersion"] = version
    return thing


def convert(request):
    things = request["objects"]
    if any("inconvertible" in (t["metadata"].get("labels") or {}) for t in things):
        return {"result": {"status": "Failure", "message": "cannot convert that"}}
    return {"result": {"status": "Success"}, "convertedObjects": [converted(t, request["desiredAPIVersion"]) for t in things]}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    log = None
    gate = threading.Lock()

    def log_message(self, *_):
        pass

    def do_POST(self):
        url = urllib.parse.urlsplit(self.path)
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with Handler.gate, open(Handler.log, "a") as log:
            log.write(json.dumps({"path": self.path, "host": self.headers["Host"], "review": review}) + "\n")
        if url.path == "/slow":
            threading.Event().wait(5)
            return
        if url.path == "/broken":
            return self.answer(500, b"out of order\n")
        if url.path == "/garbage":
            return self.answer(200, b"{nonsense")
        handler = convert if url.path == "/convert" else ADMISSION.get(url.path)
        if handler is None:
            return self.answer(404, b"no such webhook\n")
        response = dict({"uid": review["request"]["uid"]}, **handler(review["request"]))
        self.answer(200, json.dumps({"apiVersion": review["apiVersion"], "kind": review["kind"], "response": response}).encode())

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def serve(certificate, key, host, port, log):
    Handler.log = log
    server = http.server.ThreadingHTTPServer((host, int(port)), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


def control(server, ca, token):
    """Writes status.endpoint of every CronTab: list, then watch from there; ends with its connection."""
    url = urllib.parse.urlsplit(server)
    context = ssl.create_default_context(cafile=ca)
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
    path = f"/apis/{GROUP}/v2/crontabs"

    def call(method, path, body=None, content="application/json"):
        c = http.client.HTTPSConnection(url.hostname, url.port, context=context)
        c.request(method, path, body and json.dumps(body), dict(headers, **{"Content-Type": content}))
        answer = c.getresponse()
        assert answer.status < 300, (method, path, answer.status, answer.read())
        return answer

    def reconcile(thing):
        wanted = f"{thing['spec']['host']}:{thing['spec']['port']}"
        if thing.get("status", {}).get("endpoint") != wanted:
            name = thing["metadata"]
            call("PATCH", f"/apis/{GROUP}/v2/namespaces/{name['namespace']}/crontabs/{name['name']}/status",
                 {"status": {"endpoint": wanted}}, "application/merge-patch+json").read()

    things = json.loads(call("GET", path).read())
    for thing in things["items"]:
        reconcile(thing)
    for line in call("GET", f"{path}?watch=true&resourceVersion={things['metadata']['resourceVersion']}"):
        event = json.loads(line)
        if event["type"] in ("ADDED", "MODIFIED"):
            reconcile(event["object"])


if __name__ == "__main__":
    {"serve": serve, "control": control}[sys.argv[1]](*sys.argv[2:])
