"""The server is killed with SIGKILL in the middle of 500 concurrent creates: after a restart each acknowledged object is
there, and none is there half."""
import json, os, signal, subprocess, sys, threading
from api import API, check, ok

total, workers, kill_after = 500, 16, int(sys.argv[1]) if len(sys.argv) > 1 else 150
run = f"/run/apus/{os.environ['APUS_NAME']}"
record = json.load(open(f"{run}/server.json"))
acknowledged, lock, numbers, killed = set(), threading.Lock(), iter(range(total)), threading.Event()


def payload(n):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"crash-{n}"},
            "data": {"number": str(n), "filling": f"{n:04d}" * 256}}


def work():
    api = API()
    while True:
        with lock:
            n = next(numbers, None)
        if n is None:
            return
        try:
            status, body = api.call("POST", "/api/v1/namespaces/default/configmaps", payload(n))
        except Exception:
            continue
        if status == 201:
            with lock:
                acknowledged.add(n)
                if len(acknowledged) == kill_after and not killed.is_set():
                    killed.set()
                    os.kill(record["pid"], signal.SIGKILL)


threads = [threading.Thread(target=work) for _ in range(workers)]
[t.start() for t in threads]
[t.join() for t in threads]
check(killed.is_set(), "the server was killed in the middle")
check(len(acknowledged) < total, f"{len(acknowledged)} of {total} were acknowledged")
subprocess.check_call([os.environ["APUS"], "up"], stdout=subprocess.DEVNULL)
status, body = API().call("GET", "/api/v1/namespaces/default/configmaps")
check(status == 200, "it answers after the restart", str(body)[:300])
found = {o["metadata"]["name"]: o for o in body["items"] if o["metadata"]["name"].startswith("crash-")}
missing = [n for n in acknowledged if f"crash-{n}" not in found]
check(not missing, "each acknowledged object is there", f"missing: {missing[:10]}")
half = [name for name, o in found.items() if o.get("data") != payload(int(name[6:]))["data"]]
check(not half, "none is there half", str(half[:10]))
revisions = [int(o["metadata"]["resourceVersion"]) for o in found.values()]
check(len(set(revisions)) == len(revisions), "revisions are distinct")
ok(f"{len(found)} objects, {len(acknowledged)} acknowledged")
