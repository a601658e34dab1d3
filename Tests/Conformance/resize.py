"""[sig-node]: pods resized in place (KEP-1287), seen in the cgroups of their containers."""
from harness import *

Z, MARK = "[sig-node] Pod InPlace Resize Container ", " [MinimumKubeletVersion:1.34]"
NEVER = [{"resourceName": r, "restartPolicy": "NotRequired"} for r in ("cpu", "memory")]
# Both versions of cgroups: the quota in microseconds of a period, and bytes.
SHOW = "if [ -e /sys/fs/cgroup/cpu.max ]; then cut -d' ' -f1 /sys/fs/cgroup/cpu.max; cat /sys/fs/cgroup/memory.max; else cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/memory/memory.limit_in_bytes; fi"


def amounts(requests=None, limits=None):
    """(cpu in millicores, memory in Mi) each; None leaves one out."""
    def one(pair):
        return {k: v for k, v in (("cpu", pair[0] and f"{pair[0]}m"), ("memory", pair[1] and f"{pair[1]}Mi")) if v}
    return {k: one(v) for k, v in (("requests", requests), ("limits", limits)) if v}


def start(t, *resources):
    """A pod of containers c1, c2, …"""
    containers = [{"name": f"c{i + 1}", "image": BUSYBOX, "imagePullPolicy": "IfNotPresent", "command": ["sleep", "3600"], "resizePolicy": NEVER, "resources": r} for i, r in enumerate(resources)]
    t.post(path("v1", "pods", t.ns), {"metadata": {"name": "p"}, "spec": {"terminationGracePeriodSeconds": 1, "containers": containers}})
    t.running("p")
    actuated(t, resources)


def normal(amount):
    """Quantities by value: millicores, bytes."""
    if amount.endswith("m"):
        return int(amount[:-1])
    for suffix, factor in (("Ki", 2**10), ("Mi", 2**20), ("Gi", 2**30)):
        if amount.endswith(suffix):
            return int(amount[:-2]) * factor
    return int(amount) * (1000 if len(amount) < 4 else 1)


def same(a, b):
    flat = lambda r: {(k, n): normal(v) for k in ("requests", "limits") for n, v in r.get(k, {}).items()}
    return flat(a) == flat(b)


def actuated(t, resources):
    """The status tells the resources, no container was restarted, and the cgroups hold the limits."""
    def done(o):
        states = {s["name"]: s for s in o["status"].get("containerStatuses", [])}
        return all(same(states.get(f"c{i + 1}", {}).get("resources", {}), r) for i, r in enumerate(resources)) and not condition(o, "PodResizePending") and not condition(o, "PodResizeInProgress")
    after = t.wait(path("v1", "pods", t.ns, "p"), done, f"resources in the status: {json.dumps(resources)}")
    t.check(all(s["restartCount"] == 0 for s in after["status"]["containerStatuses"]), "no restarts")
    for i, r in enumerate(resources):
        seen = t.sh("exec", "p", "-c", f"c{i + 1}", "--", "sh", "-c", SHOW).split()
        limits = r.get("limits", {})
        if "cpu" in limits:
            t.same(seen[0], str(max(1000, normal(limits["cpu"]) * 100)), f"quota of c{i + 1}")
        if "memory" in limits:
            t.same(seen[1], str(normal(limits["memory"])), f"bytes of c{i + 1}")


def resize(t, *resources):
    t.patch(path("v1", "pods", t.ns, "p", "resize"), {"spec": {"containers": [{"name": f"c{i + 1}", "resources": r} for i, r in enumerate(resources)]}}, STRATEGIC)
    actuated(t, resources)


def guaranteed(t, before, after):
    start(t, *[amounts(x, x) for x in before])
    t.same(t.get(path("v1", "pods", t.ns, "p"))["status"]["qosClass"], "Guaranteed", "class")
    resize(t, *[amounts(x, x) for x in after])


THREE = [(40, 40), (50, 50), (60, 60)]
G = Z + "guaranteed pods with multiple containers 3 containers - "


@spec(G + "increase cpu & mem on c1, c2, decrease cpu & mem on c3 - net increase" + MARK, pods=True)
def net_increase(t): guaranteed(t, THREE, [(60, 60), (70, 70), (50, 50)])


@spec(G + "increase cpu & mem on c1, decrease cpu & mem on c2, c3 - net decrease" + MARK, pods=True)
def net_decrease(t): guaranteed(t, THREE, [(50, 50), (40, 40), (50, 50)])


@spec(G + "increase: CPU (c1,c3), memory (c2, c3) ; decrease: CPU (c2)" + MARK, pods=True)
def mixed(t): guaranteed(t, THREE, [(60, 40), (40, 70), (80, 80)])


B = Z + "burstable pods - extended "


@spec(B + "6 containers - various operations performed (including adding limits and requests)" + MARK, pods=True)
def six(t):
    start(t, amounts((20, 20)), amounts((20, 20), (30, 30)), amounts((20, None), (30, None)), amounts((None, 20), (None, 30)), {}, amounts((20, 20), (40, 40)))
    resize(t, amounts((30, 30)), amounts((25, 25), (40, 40)), amounts((20, 20), (30, 30)), amounts((20, 20), (30, 30)), amounts((20, 20), (30, 30)), amounts((10, 20), (30, 40)))


@spec(B + "resize with equivalents" + MARK, pods=True)
def equivalents(t):
    """1m and 2m are the same shares to the kernel, 5m and 10m the same quota (it takes 1 ms at least)."""
    start(t, amounts((2, 20), (10, 40)))
    resize(t, amounts((1, 20), (5, 40)))


@spec(Z + "resize pod via the replace endpoint" + MARK, pods=True)
def replace(t):
    start(t, amounts((20, 20), (40, 40)))
    wanted = amounts((30, 30), (60, 60))
    t.update(path("v1", "pods", t.ns, "p", "resize"), lambda o: o["spec"]["containers"][0].update(resources=wanted))
    actuated(t, [wanted])
