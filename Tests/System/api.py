"""A bare HTTPS client of the cluster in KUBECONFIG, for tests that need exact requests. Standard library only."""
import http.client, json, os, re, ssl, subprocess, sys, tempfile, base64

passed = 0


def ok(name):
    global passed
    passed += 1
    print(f"  ok {name}", flush=True)


def fail(name, text):
    print(f"FAILED: {name}: {text}", file=sys.stderr)
    sys.exit(1)


def check(condition, name, text=""):
    ok(name) if condition else fail(name, text)


class API:
    def __init__(self, certificate=True):
        kubectl = os.environ.get("KUBECTL", "kubectl")
        config = json.loads(subprocess.check_output([kubectl, "--kubeconfig", os.environ["KUBECONFIG"], "config", "view", "--raw", "-o", "json"]))
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.host, self.port = re.match(r"https://([^:/]+):(\d+)", cluster["server"]).groups()
        self.context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        if certificate:
            with tempfile.NamedTemporaryFile() as pem:
                pem.write(base64.b64decode(user["client-certificate-data"]) + b"\n" + base64.b64decode(user["client-key-data"]))
                pem.flush()
                self.context.load_cert_chain(pem.name)
        self.connection = None

    def raw(self, method, path, body=None, headers=None, timeout=30):
        """Status, headers and body bytes; a fresh connection after any failure."""
        if self.connection is None:
            self.connection = http.client.HTTPSConnection(self.host, int(self.port), context=self.context, timeout=timeout)
        try:
            self.connection.request(method, path, body, headers or {})
            answer = self.connection.getresponse()
            return answer.status, answer.headers, answer.read()
        except Exception:
            self.connection.close()
            self.connection = None
            raise

    def call(self, method, path, body=None, content="application/json", headers=None):
        """Status and parsed body."""
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        status, _, text = self.raw(method, path, data, dict({"Content-Type": content} if data is not None else {}, **(headers or {})))
        try:
            return status, json.loads(text)
        except ValueError:
            return status, {"raw": text.decode(errors="replace")}
