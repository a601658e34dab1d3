"""What stands on both sides of the Ingress proxy: an endpoint that tells what it got, a WebSocket client, a load.

  ingress.py serve ADDRESS PORT        the endpoint
  ingress.py websocket PORT HOST       one echo through the proxy on 127.0.0.1
  ingress.py load PORT HOST STOPFILE   GETs by four workers until STOPFILE exists; prints "N ok, M failed"
"""
import base64
import hashlib
import http.client
import json
import os
import socket
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Endpoint(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, text):
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.headers.get("Upgrade", "").lower() == "websocket":
            return self.websocket()
        if self.path == "/stream":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for i in range(3):
                self.wfile.write(b"8\r\n%7.3f\n\r\n" % (time.time() % 1000))
                self.wfile.flush()
                time.sleep(0.3)
            return self.wfile.write(b"0\r\n\r\n")
        if self.path == "/slow":
            time.sleep(3)
            return self.answer("slow but whole\n")
        if self.path == "/big":
            self.send_response(200)
            self.send_header("Content-Length", str(20 << 20))
            self.end_headers()
            for _ in range(20):
                self.wfile.write(b"x" * (1 << 20))
            return
        self.answer(json.dumps({"path": self.path, **{k.lower(): v for k, v in self.headers.items()}}))

    def do_POST(self):
        digest, total = hashlib.sha256(), 0
        chunked = "chunked" in self.headers.get("Transfer-Encoding", "")
        left = None if chunked else int(self.headers.get("Content-Length", 0))
        while chunked or left:
            if chunked:
                size = int(self.rfile.readline(), 16)
                part = self.rfile.read(size)
                self.rfile.readline()
                if not size:
                    break
            else:
                part = self.rfile.read(min(left, 65536))
                left -= len(part)
            digest.update(part)
            total += len(part)
        self.answer("%d %s\n" % (total, digest.hexdigest()))

    def websocket(self):
        key = self.headers["Sec-WebSocket-Key"].encode()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", base64.b64encode(hashlib.sha1(key + GUID).digest()).decode())
        self.end_headers()
        self.wfile.flush()
        self.close_connection = True
        while True:
            opcode, data = frame(self.rfile)
            self.wfile.write(bytes([0x80 | opcode, len(data)]) + data)
            self.wfile.flush()
            if opcode == 8:
                return


def frame(stream):
    """One short frame, unmasked."""
    first, second = stream.read(2)
    mask = stream.read(4) if second & 0x80 else bytes(4)
    return first & 15, bytes(b ^ mask[i % 4] for i, b in enumerate(stream.read(second & 0x7F)))


def websocket(port, host):
    s = socket.create_connection(("127.0.0.1", port), 10)
    key = base64.b64encode(os.urandom(16))
    s.sendall(b"GET /ws HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
              b"Sec-WebSocket-Key: %s\r\n\r\n" % (host.encode(), key))
    stream = s.makefile("rb")
    status = stream.readline().decode().strip()
    headers = dict(line.decode().strip().lower().split(": ", 1) for line in iter(stream.readline, b"\r\n"))
    accept = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
    assert headers.get("sec-websocket-accept") == accept.lower(), (status, headers)
    for word in (b"hello", b"again"):
        mask = os.urandom(4)
        s.sendall(bytes([0x81, 0x80 | len(word)]) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(word)))
        assert frame(stream) == (1, word)
    s.sendall(bytes([0x88, 0x80, 0, 0, 0, 0]))
    assert frame(stream) == (8, b"")
    print(status)


def load(port, host, stop):
    """Two workers keep their connection, two make a new one for each request."""
    results, lock = Counter(), threading.Lock()

    def work(keeps):
        connection, seen = None, Counter()
        while not os.path.exists(stop):
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", port, timeout=20)
                connection.request("GET", "/", headers={"Host": host})
                answer = connection.getresponse()
                body = answer.read()
                seen["ok" if answer.status == 200 and body else "failed: %d" % answer.status] += 1
            except Exception as error:
                seen["failed: %r" % error] += 1
                connection = None
                continue
            if not keeps:
                connection.close()
                connection = None
        with lock:
            results.update(seen)

    threads = [threading.Thread(target=work, args=(i < 2,)) for i in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    failed = {k: v for k, v in results.items() if k != "ok"}
    print("%d ok, %d failed %s" % (results["ok"], sum(failed.values()), failed or ""))


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        ThreadingHTTPServer((sys.argv[2], int(sys.argv[3])), Endpoint).serve_forever()
    elif sys.argv[1] == "websocket":
        websocket(int(sys.argv[2]), sys.argv[3])
    else:
        load(int(sys.argv[2]), sys.argv[3], sys.argv[4])
