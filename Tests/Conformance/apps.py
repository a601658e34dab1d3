"""[sig-apps]: workload controllers' API lifecycles, scales, statuses, stateful sets, disruption budgets."""
import json, time
from harness import *

APPS = "apps/v1"
A = "[sig-apps] "
COND = [{"type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "Set from e2e test"}]


def workload(t, kind, name, replicas=1, image=PAUSE, **spec):
    labels = {"app": name, "special-label": t.unique}
    body = {"apiVersion": APPS, "kind": kind, "metadata": {"name": name, "labels": labels},
            "spec": dict({"selector": {"matchLabels": labels}, "template": template(labels, image)}, **spec)}
    if kind != "DaemonSet":
        body["spec"]["replicas"] = replicas
    if kind == "StatefulSet":
        body["spec"]["serviceName"] = "test"
    return t.post(path(APPS, kind.lower() + "s", t.ns), body)


def ready(t, resource, name, n=None, seconds=LIMIT):
    field = {"daemonsets": "numberReady"}.get(resource, "readyReplicas")
    want = n if n is not None else 1
    return t.wait(path(APPS, resource, t.ns, name), lambda o: o and find(o, "status." + field, 0) == want and o["status"].get("observedGeneration") == o["metadata"]["generation"], f"{want} ready of {resource}/{name}", seconds)


def scale_of(t, resource, name, gv=APPS):
    """Read, replace, patch of the scale subresource."""
    url = path(gv, resource, t.ns, name)
    scale = t.get(url + "/scale")
    t.same((scale["kind"], scale["apiVersion"], scale["spec"]["replicas"]), ("Scale", "autoscaling/v1", 1), "scale")
    scale["spec"]["replicas"] = 2
    t.same(t.put(url + "/scale", scale)["spec"]["replicas"], 2, "replaced")
    t.same(t.get(url)["spec"]["replicas"], 2, "replicas of the object")
    t.same(t.patch(url + "/scale", {"spec": {"replicas": 4}})["spec"]["replicas"], 4, "patched")
    t.same(t.get(url)["spec"]["replicas"], 4, "replicas of the object")
    t.wait(url, lambda o: find(o, "status.replicas") == 4, "the controller to follow")


def status_conditions(t, resource, name):
    """A condition set through the status endpoint is seen by a watch, by patch and by replace."""
    url = path(APPS, resource, t.ns, name)
    watch = t.watch(path(APPS, resource, t.ns), fieldSelector="metadata.name=" + name)
    t.check("status" in t.get(url + "/status"), "status")
    t.update(url + "/status", lambda o: o["status"].setdefault("conditions", []).extend(COND))
    watch.until(lambda k, o: condition(o, "StatusUpdate").get("reason") == "E2E", "the replaced status")
    t.patch(url + "/status", {"status": {"conditions": [{"type": "StatusPatched", "status": "True"}]}})
    watch.until(lambda k, o: condition(o, "StatusPatched").get("status") == "True", "the patched status")


def collection(t, resource, names):
    url, label = path(APPS, resource, t.ns), {"labelSelector": "special-label=" + t.unique}
    t.same(sorted(o["metadata"]["name"] for o in t.get(path(APPS, resource, **label))["items"]), sorted(names), "listed in all namespaces")
    t.delete(with_query(url, **label), {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": "Background"})
    t.wait_list(url, lambda items: not items, "none to be left", **label)
    t.wait_list(path("v1", "pods", t.ns), lambda items: not items, "their pods to go", **label)


@spec(A + "ControllerRevision should manage the lifecycle of a ControllerRevision [Serial]", pods=True)
def controller_revisions(t):
    ds = workload(t, "DaemonSet", "ds")
    url = path(APPS, "controllerrevisions", t.ns)
    first = t.wait_list(url, lambda items: len(items) == 1, "the first revision", labelSelector="app=ds")[0]
    t.same((first["metadata"]["ownerReferences"][0]["uid"], first["revision"]), (ds["metadata"]["uid"], 1), "owner and number")
    one = url + "/" + first["metadata"]["name"]
    t.same(t.patch(one, {"metadata": {"labels": {first["metadata"]["name"]: "patched"}}}, STRATEGIC)["metadata"]["labels"][first["metadata"]["name"]], "patched", "label")
    copy_ = {"metadata": {"name": "copy", "labels": first["metadata"]["labels"], "ownerReferences": first["metadata"]["ownerReferences"]}, "data": first["data"], "revision": 2}
    t.post(url, copy_)
    t.update(one, lambda o: o["metadata"]["labels"].__setitem__("updated", "yes"))
    t.same(len(t.get(path(APPS, "controllerrevisions", labelSelector="updated=yes"))["items"]), 1, "by label everywhere")
    t.delete(url + "/copy")
    t.gone(url + "/copy")
    t.patch(path(APPS, "daemonsets", t.ns, "ds"), {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 2}}}}, STRATEGIC)
    items = t.wait_list(url, lambda items: len(items) == 2, "a second revision", labelSelector="app=ds")
    t.same(max(i["revision"] for i in items), 2, "number of the new revision")
    t.delete(with_query(url, labelSelector="app=ds"))
    t.wait_list(url, lambda items: all(i["metadata"]["uid"] != first["metadata"]["uid"] for i in items), "the old ones to go", labelSelector="app=ds")


@spec(A + "Daemon set should list and delete a collection of DaemonSets [Serial]", pods=True)
def daemon_collection(t):
    workload(t, "DaemonSet", "ds")
    ready(t, "daemonsets", "ds", len(t.get(path("v1", "nodes"))["items"]))
    collection(t, "daemonsets", ["ds"])


@spec(A + "Daemon set should verify changes to a daemon set status [Serial]", pods=True)
def daemon_status(t):
    workload(t, "DaemonSet", "ds")
    ready(t, "daemonsets", "ds", len(t.get(path("v1", "nodes"))["items"]))
    status_conditions(t, "daemonsets", "ds")


@spec(A + "Deployment Deployment should have a working scale subresource", pods=True)
def deployment_scale(t):
    workload(t, "Deployment", "d")
    ready(t, "deployments", "d")
    scale_of(t, "deployments", "d")


@spec(A + "Deployment should validate Deployment Status endpoints", pods=True)
def deployment_status(t):
    workload(t, "Deployment", "d")
    ready(t, "deployments", "d")
    status_conditions(t, "deployments", "d")


# ReplicaSet

@spec(A + "ReplicaSet Replace and Patch tests", pods=True)
def replica_replace(t):
    workload(t, "ReplicaSet", "rs")
    ready(t, "replicasets", "rs")
    url = path(APPS, "replicasets", t.ns, "rs")
    t.update(url, lambda o: o["spec"].update(replicas=3))
    ready(t, "replicasets", "rs", 3)
    t.patch(url, {"metadata": {"labels": {"test-rs": "patched"}}, "spec": {"replicas": 2, "template": {"spec": {"containers": [{"name": "c", "image": HTTPD}]}}}}, STRATEGIC)
    done = ready(t, "replicasets", "rs", 2)
    t.same((done["metadata"]["labels"]["test-rs"], done["spec"]["template"]["spec"]["containers"][0]["image"]), ("patched", HTTPD), "patched")


@spec(A + "ReplicaSet Replicaset should have a working scale subresource", pods=True)
def replica_scale(t):
    workload(t, "ReplicaSet", "rs")
    ready(t, "replicasets", "rs")
    scale_of(t, "replicasets", "rs")


@spec(A + "ReplicaSet should list and delete a collection of ReplicaSets", pods=True)
def replica_collection(t):
    workload(t, "ReplicaSet", "rs", 3)
    ready(t, "replicasets", "rs", 3)
    collection(t, "replicasets", ["rs"])


@spec(A + "ReplicaSet should validate Replicaset Status endpoints", pods=True)
def replica_status(t):
    workload(t, "ReplicaSet", "rs")
    ready(t, "replicasets", "rs")
    status_conditions(t, "replicasets", "rs")


@spec(A + "ReplicationController should get and update a ReplicationController scale", pods=True)
def controller_scale(t):
    t.post(path("v1", "replicationcontrollers", t.ns), {"metadata": {"name": "rc"}, "spec": {"replicas": 1, "selector": {"app": "rc"}, "template": template({"app": "rc"})}})
    t.wait(path("v1", "replicationcontrollers", t.ns, "rc"), lambda o: find(o, "status.readyReplicas") == 1, "one ready")
    scale_of(t, "replicationcontrollers", "rc", "v1")


# StatefulSet

S = A + "StatefulSet Basic StatefulSet functionality [StatefulSetBasic] "


def ordinals(t, name="ss"):
    return sorted((p["metadata"]["name"], p["spec"]["containers"][0]["image"]) for p in t.get(path("v1", "pods", t.ns, labelSelector="app=" + name))["items"])


def stateful(t, replicas, image=PAUSE, **spec):
    ss = workload(t, "StatefulSet", "ss", replicas, image, **spec)
    ready(t, "statefulsets", "ss", replicas)
    return ss


BREAKABLE = {"exec": {"command": ["test", "-e", "/tmp/healthy"]}}


def breakable(t, replicas, **spec):
    """Pods that are ready while /tmp/healthy is there."""
    labels = {"app": "ss", "special-label": t.unique}
    pod = template(labels, BUSYBOX)
    pod["spec"]["containers"][0].update(command=["sh", "-c", "touch /tmp/healthy; exec sleep 3600"], readinessProbe=dict(BREAKABLE, periodSeconds=1, failureThreshold=1))
    t.post(path(APPS, "statefulsets", t.ns), {"metadata": {"name": "ss", "labels": labels}, "spec": dict({"replicas": replicas, "serviceName": "test", "selector": {"matchLabels": labels}, "template": pod}, **spec)})
    ready(t, "statefulsets", "ss", replicas)


def health(t, name, well):
    t.sh("exec", name, "--", "touch" if well else "rm", "/tmp/healthy")
    t.wait(path("v1", "pods", t.ns, name), lambda p: p and (condition(p, "Ready").get("status") == "True") == well, f"{name} ready: {well}")


def resize(t, n): t.patch(path(APPS, "statefulsets", t.ns, "ss", "scale"), {"spec": {"replicas": n}})


@spec(S + "Scaling should happen in predictable order and halt if any stateful pod is unhealthy [Slow]", pods=True)
def ordered(t):
    watch = t.watch(path("v1", "pods", t.ns), labelSelector="app=ss")
    breakable(t, 1)
    health(t, "ss-0", False)
    resize(t, 3)
    t.wait(path(APPS, "statefulsets", t.ns, "ss"), lambda o: o["status"].get("observedGeneration") == o["metadata"]["generation"], "the controller to see it")
    stays(t, lambda: len(ordinals(t)) == 1, 2, "scaling up halts at an unhealthy pod")
    health(t, "ss-0", True)
    ready(t, "statefulsets", "ss", 3)
    watch.until(lambda k, o: k == "ADDED" and o["metadata"]["name"] == "ss-2", "ss-2")
    order = [o["metadata"]["name"] for k, o in watch.seen if k == "ADDED"]
    t.same(order, ["ss-0", "ss-1", "ss-2"], "order of creation")
    for name in ("ss-0", "ss-1", "ss-2"):
        health(t, name, False)
    resize(t, 0)
    t.wait(path(APPS, "statefulsets", t.ns, "ss"), lambda o: o["status"].get("observedGeneration") == o["metadata"]["generation"], "the controller to see it")
    stays(t, lambda: len(ordinals(t)) == 3, 2, "scaling down halts at unhealthy pods")
    for name in ("ss-2", "ss-1", "ss-0"):
        t.sh("exec", name, "--", "touch", "/tmp/healthy")
    t.wait_list(path("v1", "pods", t.ns), lambda items: not items, "no pods", labelSelector="app=ss")
    watch.until(lambda k, o: k == "DELETED" and o["metadata"]["name"] == "ss-0", "ss-0 deleted")
    t.same([o["metadata"]["name"] for k, o in watch.seen if k == "DELETED"], ["ss-2", "ss-1", "ss-0"], "order of deletion")


def stays(t, holds, seconds, what):
    """It holds for a while: nothing can be waited for where nothing shall happen."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        t.check(holds(), what)
        time.sleep(0.2)


@spec(S + "Burst scaling should run to completion even with unhealthy pods [Slow]", pods=True)
def burst(t):
    breakable(t, 1, podManagementPolicy="Parallel")
    health(t, "ss-0", False)
    resize(t, 3)
    ready(t, "statefulsets", "ss", 2)
    t.same(len(ordinals(t)), 3, "pods")
    health(t, "ss-1", False)
    resize(t, 0)
    t.wait_list(path("v1", "pods", t.ns), lambda items: not items, "no pods", labelSelector="app=ss")
    t.wait(path(APPS, "statefulsets", t.ns, "ss"), lambda o: o["status"].get("replicas") == 0, "status of none")


@spec(S + "Should recreate evicted statefulset", pods=True)
def evicted(t):
    node = next(n["metadata"]["name"] for n in t.get(path("v1", "nodes"))["items"] if not find(n, "spec.taints"))
    port = 21000 + int(t.unique[:3], 16)
    t.pod("blocker", labels={"b": "b"}, container={"ports": [{"containerPort": port, "hostPort": port}]}, spec={"nodeName": node})
    t.running("blocker")
    labels = {"app": "ss", "special-label": t.unique}
    pod = template(labels)
    pod["spec"]["containers"][0]["ports"] = [{"containerPort": port, "hostPort": port}]
    pod["spec"]["nodeName"] = node
    watch = t.watch(path("v1", "pods", t.ns), labelSelector="app=ss")
    t.post(path(APPS, "statefulsets", t.ns), {"metadata": {"name": "ss", "labels": labels}, "spec": {"replicas": 1, "serviceName": "test", "selector": {"matchLabels": labels}, "template": pod}})
    failed = watch.until(lambda k, o: o["status"].get("phase") == "Failed", "the pod to be refused")[1]
    watch.until(lambda k, o: k == "DELETED" and o["metadata"]["uid"] == failed["metadata"]["uid"], "the failed pod to be deleted")
    t.delete(path("v1", "pods", t.ns, "blocker"))
    t.wait_list(path("v1", "pods", t.ns), lambda items: any(condition(p, "Ready").get("status") == "True" for p in items), "the pod to run when the port is free", 90, labelSelector="app=ss")


@spec(S + "should have a working scale subresource", pods=True)
def stateful_scale(t):
    stateful(t, 1)
    scale_of(t, "statefulsets", "ss")


@spec(S + "should list, patch and delete a collection of StatefulSets", pods=True)
def stateful_collection(t):
    stateful(t, 1)
    url = path(APPS, "statefulsets", t.ns, "ss")
    t.patch(url, {"metadata": {"labels": {"test-ss": "patched"}}, "spec": {"replicas": 2, "template": {"spec": {"containers": [{"name": "c", "image": HTTPD}]}}}}, STRATEGIC)
    done = t.wait(url, lambda o: find(o, "status.readyReplicas") == 2 and o["status"].get("currentRevision") == o["status"].get("updateRevision"), "the rollout")
    t.same(done["metadata"]["labels"]["test-ss"], "patched", "label")
    collection(t, "statefulsets", ["ss"])


@spec(S + "should perform canary updates and phased rolling updates of template modifications", pods=True)
def canary(t):
    url = path(APPS, "statefulsets", t.ns, "ss")
    stateful(t, 3, updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 3}})
    before = t.get(url)["status"]["currentRevision"]

    def rolled(partition):
        old, new = [(f"ss-{i}", PAUSE) for i in range(partition)], [(f"ss-{i}", HTTPD) for i in range(partition, 3)]
        t.wait(url, lambda o: o["status"].get("observedGeneration") == o["metadata"]["generation"] and o["status"].get("updatedReplicas", 0) == 3 - partition and o["status"].get("readyReplicas") == 3, f"partition {partition}")
        t.same(ordinals(t), old + new, f"images at partition {partition}")
    t.patch(url, {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": HTTPD}]}}}}, STRATEGIC)
    t.wait(url, lambda o: o["status"].get("updateRevision") != before, "an update revision")
    rolled(3)
    t.patch(url, {"spec": {"updateStrategy": {"rollingUpdate": {"partition": 2}}}})
    rolled(2)
    t.delete(path("v1", "pods", t.ns, "ss-0"))
    t.delete(path("v1", "pods", t.ns, "ss-2"))
    t.wait_list(path("v1", "pods", t.ns), lambda items: sum(condition(p, "Ready").get("status") == "True" for p in items) == 3 and not any(p["metadata"].get("deletionTimestamp") for p in items), "the deleted to come back", labelSelector="app=ss")
    rolled(2)
    for partition in (1, 0):
        t.patch(url, {"spec": {"updateStrategy": {"rollingUpdate": {"partition": partition}}}})
        rolled(partition)
    t.wait(url, lambda o: o["status"]["currentRevision"] == o["status"]["updateRevision"] != before, "the revision to be current")


@spec(S + "should perform rolling updates and roll backs of template modifications", pods=True)
def roll_back(t):
    url = path(APPS, "statefulsets", t.ns, "ss")
    stateful(t, 3)
    first = t.get(url)["status"]["currentRevision"]
    watch = t.watch(path("v1", "pods", t.ns), labelSelector="app=ss")
    for image, revision in ((HTTPD, lambda r: r != first), (PAUSE, lambda r: r == first)):
        t.patch(url, {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}}}, STRATEGIC)
        done = t.wait(url, lambda o: o["status"].get("observedGeneration") == o["metadata"]["generation"] and o["status"].get("updatedReplicas") == 3 and o["status"]["currentRevision"] == o["status"]["updateRevision"] and o["status"].get("readyReplicas") == 3, "rollout to " + image)
        t.check(revision(done["status"]["currentRevision"]), "revision " + done["status"]["currentRevision"])
        t.same(ordinals(t), [(f"ss-{i}", image) for i in range(3)], "images")
    watch.until(lambda k, o: len([1 for k, o in watch.seen if k == "DELETED"]) >= 6, "six deletions")
    t.same([o["metadata"]["name"] for k, o in watch.seen if k == "DELETED"], ["ss-2", "ss-1", "ss-0"] * 2, "order of the rollouts")


@spec(S + "should validate Statefulset Status endpoints", pods=True)
def stateful_status(t):
    stateful(t, 1)
    status_conditions(t, "statefulsets", "ss")


# PodDisruptionBudget

D, POLICY = A + "DisruptionController ", "policy/v1"


def budget(t, name="pdb", minimum=1, labels=None, ns=None):
    return t.post(path(POLICY, "poddisruptionbudgets", ns or t.ns), {"metadata": {"name": name, "labels": labels or {}}, "spec": {"minAvailable": minimum, "selector": {"matchLabels": {"foo": "bar"}}}})


def observed(t, name="pdb", **fields):
    return t.wait(path(POLICY, "poddisruptionbudgets", t.ns, name), lambda o: o and find(o, "status.observedGeneration") == o["metadata"]["generation"] and all(o["status"].get(k) == v for k, v in fields.items()), f"the budget's status {fields}")


@spec(D + "Listing PodDisruptionBudgets for all namespaces should list and delete a collection of PodDisruptionBudgets")
def budget_collection(t):
    label = {"labelSelector": "pdb-e2e=" + t.unique}
    other = t.namespace() if t.ns else None
    for name, ns in (("one", t.ns), ("two", t.ns), ("three", other)):
        budget(t, name, labels={"pdb-e2e": t.unique}, ns=ns)
    t.same(len(t.get(path(POLICY, "poddisruptionbudgets", **label))["items"]), 3, "in all namespaces")
    t.same(len(t.get(path(POLICY, "poddisruptionbudgets", t.ns, **label))["items"]), 2, "in one")
    t.delete(path(POLICY, "poddisruptionbudgets", t.ns, **label))
    t.wait_list(path(POLICY, "poddisruptionbudgets", t.ns), lambda items: not items, "none to be left", **label)
    t.same(len(t.get(path(POLICY, "poddisruptionbudgets", **label))["items"]), 1, "the other namespace keeps its own")


@spec(D + "should create a PodDisruptionBudget")
def budget_create(t):
    budget(t)
    observed(t)
    url = path(POLICY, "poddisruptionbudgets", t.ns, "pdb")
    t.update(url, lambda o: o["spec"].update(minAvailable="60%"))
    t.same(observed(t)["spec"]["minAvailable"], "60%", "replaced")
    t.same(t.patch(url, {"spec": {"minAvailable": 3}}, STRATEGIC)["spec"]["minAvailable"], 3, "patched")
    t.delete(url)
    t.gone(url)


@spec(D + "should observe PodDisruptionBudget status updated", pods=True)
def budget_observed(t):
    budget(t)
    for i in range(3):
        t.pod(f"p{i}", labels={"foo": "bar"})
    done = observed(t, currentHealthy=3, disruptionsAllowed=2, expectedPods=3, desiredHealthy=1)
    t.same(condition(done, "DisruptionAllowed").get("status"), "True", "condition")


@spec(D + "should update/patch PodDisruptionBudget status")
def budget_status(t):
    budget(t)
    observed(t)
    url = path(POLICY, "poddisruptionbudgets", t.ns, "pdb")
    watch = t.watch(path(POLICY, "poddisruptionbudgets", t.ns))
    t.update(url + "/status", lambda o: o["status"].update(disruptedPods={"pod0": "2126-01-01T00:00:00Z", "pod1": "2126-01-01T00:00:00Z"}))
    watch.until(lambda k, o: len(o["status"].get("disruptedPods", {})) == 2, "the replaced status")
    t.patch(url + "/status", {"status": {"disruptedPods": {"pod0": None, "pod1": None, "pod2": "2126-01-01T00:00:00Z"}}})
    watch.until(lambda k, o: list(o["status"].get("disruptedPods", {})) == ["pod2"], "the patched status")


def evict(t, name, status):
    return t.call("POST", path("v1", "pods", t.ns, name, "eviction"), {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": t.ns}}, status=status)


@spec(D + "should block an eviction until the PDB is updated to allow it", pods=True)
def budget_blocks(t):
    for i in range(3):
        t.pod(f"p{i}", labels={"foo": "bar"})
    url = path(POLICY, "poddisruptionbudgets", t.ns, "pdb")
    budget(t, minimum=3)
    observed(t, currentHealthy=3, disruptionsAllowed=0)
    answer = evict(t, "p0", 429)
    t.check("Cannot evict pod as it would violate the pod's disruption budget." in answer["message"], answer["message"])
    t.same(answer["details"]["causes"][0]["reason"], "DisruptionBudget", "cause")
    t.update(url, lambda o: o["spec"].update(minAvailable=2))
    observed(t, disruptionsAllowed=1)
    evict(t, "p0", 201)
    t.gone(path("v1", "pods", t.ns, "p0"))
    t.patch(url, {"spec": {"minAvailable": 3}})
    observed(t, currentHealthy=2, disruptionsAllowed=0)
    evict(t, "p1", 429)
    t.delete(url)
    t.gone(url)
    evict(t, "p1", 201)
    t.gone(path("v1", "pods", t.ns, "p1"))
