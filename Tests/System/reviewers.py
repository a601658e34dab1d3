"""Servers that an API server asks about users: a token webhook, an access webhook and an OpenID Connect issuer, behind TLS.
`reviewers.py serve CERT KEY PORT FOLDER` and `reviewers.py token FOLDER ISSUER CLAIMS`, which prints an RS256 token.
FOLDER has the issuer's key `issuer.key`; every question is a line of its `log`. Standard library and openssl only."""
import base64, http.server, json, os, ssl, subprocess, sys, time


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwks(folder):
    text = subprocess.check_output(["openssl", "rsa", "-in", f"{folder}/issuer.key", "-noout", "-modulus"]).decode()
    return {"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "k1", "e": "AQAB", "n": b64(bytes.fromhex(text.split("=")[1].strip()))}]}


def token(folder, issuer, claims):
    body = dict({"iss": issuer, "aud": "kube", "exp": int(time.time()) + 600}, **json.loads(claims))
    text = b64(json.dumps({"alg": "RS256", "kid": "k1"}).encode()) + "." + b64(json.dumps(body).encode())
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", f"{folder}/issuer.key"], input=text.encode(), capture_output=True, check=True).stdout
    print(text + "." + b64(signature))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    folder = None

    def log_message(self, *_):
        pass

    def note(self, what):
        with open(f"{Handler.folder}/log", "a") as log:
            log.write(json.dumps({"path": self.path, "body": what}) + "\n")

    def answer(self, thing):
        body = json.dumps(thing).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.note(None)
        issuer = "https://" + self.headers["Host"]
        if self.path == "/.well-known/openid-configuration":
            return self.answer({"issuer": issuer, "jwks_uri": issuer + "/keys"})
        self.answer(jwks(Handler.folder))

    def do_POST(self):
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.note(review)
        spec = review["spec"]
        if self.path == "/token":
            known = {"token-ann": {"username": "ann", "uid": "7", "groups": ["readers"], "extra": {"example.com/team": ["blue"]}}}
            user = known.get(spec["token"])
            status = {"authenticated": True, "user": user} if user else {"authenticated": False}
        else:
            what = spec.get("resourceAttributes", {})
            readers = "readers" in (spec.get("groups") or spec.get("group") or [])
            if what.get("resource") == "secrets":
                status = {"allowed": False, "denied": True, "reason": "secrets are not for webhooks"}
            else:
                status = {"allowed": readers and what.get("verb") in ("get", "list"), "reason": "asked"}
        self.answer({"apiVersion": review["apiVersion"], "kind": review["kind"], "status": status})


def serve(certificate, key, port, folder):
    Handler.folder = folder
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


if __name__ == "__main__":
    {"serve": serve, "token": token}[sys.argv[1]](*sys.argv[2:])
