"""Clients that abuse the server: slow, greedy, broken, too many. Each is closed or refused by a named limit, and the server goes on."""
import http.client, json, os, re, select, socket, ssl, struct, sys, threading, time, warnings
from api import API, check, ok

warnings.filterwarnings("ignore", category=DeprecationWarning)
api = API()
maps = "/api/v1/namespaces/default/configmaps"
quick = "--quick" in sys.argv


def tls(alpn=None, context=None):
    c = context or api.context
    if alpn:
        c.set_alpn_protocols(alpn)
    s = socket.create_connection((api.host, int(api.port)), timeout=100)
    return c.wrap_socket(s, server_hostname=api.host)


def alive(name):
    check(API().raw("GET", "/readyz")[0] == 200, name + ": the server goes on")


def read_all(s):
    out = b""
    try:
        while True:
            part = s.recv(65536)
            if not part:
                return out
            out += part
    except (ConnectionResetError, ssl.SSLError, BrokenPipeError):
        return out


# Heads
s = tls()
s.sendall(b"GET /version HTTP/1.1\r\nHost: x\r\nX-Big: " + b"a" * (1 << 20) + b"\r\n\r\n")
answer = read_all(s)
check(b" 431 " in answer.split(b"\r\n")[0] and b'"kind":"Status"' in answer, "a header of 1 MiB is refused with 431 and a Status", answer[:300].decode())
s = tls()
s.sendall(b"GET /" + b"a" * (1 << 20) + b" HTTP/1.1\r\nHost: x\r\n\r\n")
answer = read_all(s)
check(re.match(rb"HTTP/1.1 4(00|14|31) ", answer) is not None, "a URL of 1 MiB is refused", answer[:300].decode())
s = tls()
s.sendall(b"\x00\x01\x02 nonsense\r\n\r\n")
check(b" 400 " in read_all(s).split(b"\r\n")[0], "a head that is no HTTP is refused with 400")
s = tls()
s.sendall(b"GET /version HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\nGET /api HTTP/1.1\r\nHost: x\r\n\r\n")
answer = s.recv(65536)
check(answer.count(b"HTTP/1.1 200") <= 1, "a smuggled request is not answered with its host", answer[:300].decode())
alive("bad heads")

# Paths
for path, status in [
    (maps + "/..", 400), ("/api/v1/namespaces/../configmaps/x", 400), (maps + "/%2e%2e", 400), (maps + "/a%2fb", 400),
    ("/api/v1//namespaces", 404), (maps + "/a%00b", 404), (maps + "/" + "n" * 8000, 404), ("/%2e%2e/%2e%2e/etc/passwd", 404),
    ("/../../etc/passwd", 404), ("/api/v1/namespaces/default/configmaps;x", 404),
]:
    got, body = api.call("GET", path)
    check(got == status and body.get("kind") == "Status", f"{status} for {path[:60]}", f"{got} {body}")
got, body = api.call("GET", "/api/v1/namespaces?timeout=invalid")
check(got == 400 and "invalid timeout specified in the request URL" in body["message"], "a timeout that is no duration", str(body))

# TLS
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
for version, name in [(ssl.TLSVersion.TLSv1, "TLS 1.0"), (ssl.TLSVersion.TLSv1_1, "TLS 1.1")]:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = version
    try:
        tls(context=old)
        check(False, name + " is refused")
    except (ssl.SSLError, ConnectionResetError) as e:
        check("version" in str(e).lower() or "alert" in str(e).lower() or "reset" in str(e).lower() or "eof" in str(e).lower(), name + " is refused", str(e))
for version, name in [(ssl.TLSVersion.TLSv1_2, "TLS 1.2"), (ssl.TLSVersion.TLSv1_3, "TLS 1.3")]:
    new = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    new.check_hostname, new.verify_mode = False, ssl.CERT_NONE
    new.minimum_version = new.maximum_version = version
    tls(context=new).close()
    ok(name + " is taken")

# HTTP/2, framed by hand.
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def frame(kind, flags, stream, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def literal(name, value):
    return b"\x00" + bytes([len(name)]) + name + (bytes([len(value)]) if len(value) < 127 else b"\x7f" + bytes([(len(value) - 127) | 0x80 if len(value) - 127 > 127 else len(value) - 127])) + value


def head(path):
    return literal(b":method", b"GET") + literal(b":scheme", b"https") + literal(b":path", path) + literal(b":authority", b"x")


class Conversation(threading.Thread):
    """An HTTP/2 connection that is read while it is written to. One TLS object must not be used by two threads at once, so
    both take turns; the thread lives as long as the connection."""

    def __init__(self):
        super().__init__(daemon=True)
        self.turn = threading.Lock()
        self.socket = tls(["h2"], API().context)
        self.socket.setblocking(False)
        self.start()
        self.send(PREFACE + frame(4, 0, 0))

    def send(self, data):
        view = memoryview(data)
        while view:
            with self.turn:
                try:
                    view = view[self.socket.send(view):]
                    continue
                except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    pass
            select.select([], [self.socket], [], 1)

    def run(self):
        try:
            while True:
                with self.turn:
                    try:
                        if not self.socket.recv(65536):
                            return
                        continue
                    except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                        pass
                select.select([self.socket], [], [], 1)
        except OSError:
            pass


# A client that cancels 2,000 watches is no attacker.
s = Conversation()
stream = 1
for _ in range(2000):
    s.send(frame(1, 5, stream, head(maps.encode() + b"?watch=1")) + frame(3, 0, stream, struct.pack(">I", 8)))
    stream += 2
s.join(1)
check(s.is_alive(), "2,000 cancelled watches on one connection are taken")
# First the reader: a closed number would be another connection's next.
s.socket.shutdown(socket.SHUT_RDWR)
s.join()
s.socket.close()
# Rapid reset (CVE-2023-44487): the connection ends long before 200,000.
s = Conversation()
sent, stream, begin = 0, 1, time.time()
try:
    while sent < 200000 and s.is_alive():
        block = b"".join(frame(1, 5, stream + 2 * i, head(b"/version")) + frame(3, 0, stream + 2 * i, struct.pack(">I", 8)) for i in range(100))
        s.send(block)
        stream += 200
        sent += 100
except (OSError, ssl.SSLError):
    pass
s.join(5)
check(sent < 200000 and not s.is_alive(), f"rapid resets end the connection (after {sent} in {time.time() - begin:.1f} s)", str(sent))
alive("rapid resets")

# Bodies
got, body = api.call("POST", maps, b"x" * (4 << 20))
check(got == 413 and body["reason"] == "RequestEntityTooLarge", "a body of 4 MiB is refused with 413 and a Status", str(body)[:300])

# A request that fails badly takes nobody with it.
stop, errors, served = threading.Event(), [], [0]


def bystander():
    mine = API()
    while not stop.is_set():
        try:
            if mine.raw("GET", maps + "?limit=1")[0] != 200:
                errors.append("status")
            served[0] += 1
        except Exception as e:
            errors.append(repr(e))


threads = [threading.Thread(target=bystander) for _ in range(4)]
for t in threads:
    t.start()
for i in range(60):
    try:
        s = tls()
        s.sendall([b"POST " + maps.encode() + b" HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
                   b"GET " + maps.encode() + b"?watch=1 HTTP/1.1\r\nHost: x\r\n\r\n", b"\x16\x03\x01\xff\xff" * 50][i % 3])
        s.close()
    except (OSError, ssl.SSLError):
        pass
time.sleep(1)
stop.set()
for t in threads:
    t.join()
check(not errors and served[0] > 20, f"bystanders are served meanwhile ({served[0]} requests)", str(errors[:3]))

# Idle connections
count = 500 if quick else 5000
pid = os.environ.get("SERVER_PID")
rss = lambda: int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{pid}/status").read()).group(1)) if pid else 0
before, idle = rss(), []
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (min(65536, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
for i in range(count):
    c = tls()
    c.sendall(b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n")
    idle.append(c)
for c in idle:
    check_ok = c.recv(16).startswith(b"HTTP/1.1 200")
    if not check_ok:
        check(False, "an idle connection was served")
after = rss()
ok(f"{count} idle connections are held" + (f", {(after - before) / count:.1f} KiB each ({after >> 10} MiB in all)" if pid else ""))
begin = time.time()
alive(f"{count} idle connections")
check(time.time() - begin < 5, "a new connection is served beside them")
for c in idle:
    c.close()

# Slow clients; these take as long as the limits are.
if not quick:
    def lasts(send, drip, most):
        """Seconds until the server ends a connection that sends `drip` each second."""
        s = tls()
        s.settimeout(1)
        s.sendall(send)
        begin, got = time.time(), b""
        while time.time() - begin < most:
            try:
                if drip:
                    s.sendall(drip)
                part = s.recv(65536)
                if not part:
                    return time.time() - begin, got
                got += part
            except (TimeoutError, socket.timeout, ssl.SSLWantReadError):
                continue
            except (OSError, ssl.SSLError):
                return time.time() - begin, got
        return None, got

    results = {}

    def measure(name, *a):
        results[name] = lasts(*a)

    runs = [
        threading.Thread(target=measure, args=("head", b"GET /version HTTP/1.1\r\nHost: x\r\n", b"X-A: b\r\n", 60)),
        threading.Thread(target=measure, args=("body", b"POST " + maps.encode() + b" HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{", b" ", 90)),
        threading.Thread(target=measure, args=("idle", b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n", b"", 120)),
        threading.Thread(target=measure, args=("second head", b"GET /version HTTP/1.1\r\nHost: x\r\n\r\nGET /ver", b"s", 120)),
    ]
    half_open = socket.create_connection((api.host, int(api.port)))
    half_begin = time.time()
    for t in runs:
        t.start()
    half_open.settimeout(60)
    check(half_open.recv(1) == b"" and time.time() - half_begin < 45, f"a connection without a handshake is closed after {time.time() - half_begin:.0f} s")
    for t in runs:
        t.join()
    seconds, _ = results["head"]
    check(seconds and 25 < seconds < 45, f"a slow head is closed after {seconds:.0f} s", str(results["head"]))
    seconds, got = results["body"]
    check(seconds and 50 < seconds < 75 and (b" 408 " in got or got == b""), f"a slow body is refused after {seconds:.0f} s", str(results["body"])[:300])
    seconds, _ = results["idle"]
    check(seconds and 80 < seconds < 110, f"an idle connection is closed after {seconds:.0f} s", str(seconds))
    seconds, _ = results["second head"]
    check(seconds and 80 < seconds < 110, f"a slow second head is closed after {seconds:.0f} s", str(seconds))
alive("all of it")
