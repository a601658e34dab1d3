"""What every spec uses: requests, watches, waits by watch with a limit, and a namespace of its own. Standard library only."""
import base64, copy, http.client, json, os, re, ssl, subprocess, tempfile, threading, time, urllib.parse, uuid

LIMIT = 60  # seconds that a wait may last unless it says otherwise
AGNHOST, BUSYBOX = "k8s.gcr.io/e2e-test-images/agnhost:2.21", "docker.io/library/busybox:1.29"
PAUSE, HTTPD = "k8s.gcr.io/pause:3.2", "docker.io/library/httpd:2.4.38-alpine"
JSON_PATCH, MERGE = "application/json-patch+json", "application/merge-patch+json"
STRATEGIC, APPLY = "application/strategic-merge-patch+json", "application/apply-patch+yaml"
SPECS = []


class Failed(Exception):
    pass


def spec(name, pods=False, serial=False):
    """A spec by its name in the official list; `pods` starts containers, `serial` runs alone."""
    def add(body):
        SPECS.append({"name": name, "body": body, "pods": pods, "serial": serial})
        return body
    return add


def path(gv, resource, ns=None, name=None, sub=None, **query):
    """The URL of a resource: path("apps/v1", "deployments", ns, "web", "scale")."""
    parts = ["/api/v1" if gv == "v1" else "/apis/" + gv]
    parts += ["namespaces/" + ns] if ns else []
    parts += [x for x in (resource, name, sub) if x]
    return "/".join(parts) + ("?" + urllib.parse.urlencode(query) if query else "")


def with_query(url, **query):
    return url + ("&" if "?" in url else "?") + urllib.parse.urlencode(query)


def find(obj, dotted, default=None):
    """A field by its dotted path; indexes are numbers."""
    for part in dotted.split("."):
        if isinstance(obj, list):
            obj = obj[int(part)] if int(part) < len(obj) else None
        else:
            obj = obj.get(part) if isinstance(obj, dict) else None
        if obj is None:
            return default
    return obj


def condition(obj, kind):
    """The condition of that type, or {}."""
    return next((c for c in find(obj, "status.conditions", []) if c["type"] == kind), {})


class Cluster:
    """Address and identity from a kubeconfig."""
    def __init__(self, kubeconfig):
        kubectl = os.environ.get("KUBECTL", "kubectl")
        config = json.loads(subprocess.check_output([kubectl, "--kubeconfig", kubeconfig, "config", "view", "--raw", "-o", "json"]))
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.kubeconfig, self.kubectl, self.server = kubeconfig, kubectl, cluster["server"]
        self.host, self.port = re.match(r"https://([^:/]+):(\d+)", cluster["server"]).groups()
        self.ca = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self.anonymous = ssl.create_default_context(cadata=self.ca)
        self.admin = ssl.create_default_context(cadata=self.ca)
        with tempfile.NamedTemporaryFile() as pem:
            pem.write(base64.b64decode(user["client-certificate-data"]) + b"\n" + base64.b64decode(user["client-key-data"]))
            pem.flush()
            self.admin.load_cert_chain(pem.name)

    def connect(self, certificate=True, timeout=LIMIT):
        context = self.admin if certificate else self.anonymous
        return http.client.HTTPSConnection(self.host, int(self.port), context=context, timeout=timeout)


class Watch:
    """A watch of a collection; keeps what it saw."""
    def __init__(self, t, url, version, **query):
        self.t, self.seen, self.url = t, [], url
        self.connection = t.cluster.connect(timeout=LIMIT)
        self.connection.request("GET", with_query(url, watch="true", resourceVersion=version, timeoutSeconds="300", **query))
        self.answer = self.connection.getresponse()
        t.check(self.answer.status == 200, f"watch {url}: {self.answer.status} {self.answer.read(400) if self.answer.status != 200 else ''}")
        t.watches.append(self)

    def until(self, predicate, what, seconds=LIMIT):
        """The first event (type, object) for which predicate holds, among those seen already or to come."""
        end = time.monotonic() + seconds
        for event in list(self.seen):
            if predicate(*event):
                return event
        while True:
            left = end - time.monotonic()
            if left <= 0:
                self.give_up(what, seconds)
            self.connection.sock and self.connection.sock.settimeout(left)
            try:
                line = self.answer.readline()
            except (TimeoutError, ssl.SSLError, OSError):
                self.give_up(what, seconds)
            if not line:
                raise Failed(f"the watch of {self.url} ended while waiting for {what}")
            event = json.loads(line)
            event = (event["type"], event["object"])
            self.seen.append(event)
            if predicate(*event):
                return event

    def give_up(self, what, seconds):
        last = json.dumps(self.seen[-1][1].get("status", self.seen[-1][1]))[:600] if self.seen else "nothing"
        raise Failed(f"not within {seconds} s: {what}; last seen: {last}")

    def close(self):
        self.connection.close()


class Test:
    """One run of one spec."""
    def __init__(self, cluster, base):
        self.cluster, self.base, self.unique = cluster, base, uuid.uuid4().hex[:6]
        self.watches, self.cleanups, self.connection, self.namespaces = [], [], None, []
        self._ns, self.used = None, 0

    # Requests

    def check(self, holds, text="assertion"):
        if not holds:
            raise Failed(text)

    def same(self, a, b, text=""):
        if a != b:
            raise Failed(f"{text}: {json.dumps(a)[:500]} is not {json.dumps(b)[:500]}")

    def raw(self, method, url, body=None, headers=None):
        """Status, headers and bytes, over a connection kept open."""
        if self.connection and time.monotonic() - self.used > 15:  # the server closes what is idle
            self.connection.close()
            self.connection = None
        self.connection, self.used = self.connection or self.cluster.connect(), time.monotonic()
        try:
            self.connection.request(method, url, body, headers or {})
            answer = self.connection.getresponse()
            return answer.status, answer.headers, answer.read()
        except Exception:
            self.connection.close()
            self.connection = None
            raise

    def call(self, method, url, body=None, content="application/json", status=None, headers=None):
        """The parsed answer; fails unless its status is the one expected (any 2xx by default)."""
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        code, _, text = self.raw(method, url, data, dict({"Content-Type": content} if data is not None else {}, **(headers or {})))
        expected = status if isinstance(status, (list, tuple)) else [status]
        if not (200 <= code < 300 if status is None else code in expected):
            raise Failed(f"{method} {url}: {code}, expected {status or '2xx'}: {text.decode(errors='replace')[:600]}")
        try:
            return json.loads(text)
        except ValueError:
            return {"raw": text.decode(errors="replace")}

    def get(self, url, status=None): return self.call("GET", url, status=status)
    def post(self, url, body, status=201, **more): return self.call("POST", url, body, status=status, **more)
    def put(self, url, body, status=None, **more): return self.call("PUT", url, body, status=status, **more)
    def patch(self, url, body, content=MERGE, status=None, **more): return self.call("PATCH", url, body, content, status, **more)
    def delete(self, url, body=None, status=None): return self.call("DELETE", url, body, status=status)

    def update(self, url, change, get=None):
        """Read, change, replace; again on conflict."""
        for _ in range(20):
            obj = self.get(get or url)
            change(obj)
            answer = self.call("PUT", url, obj, status=[200, 201, 409])
            if answer.get("kind") != "Status":
                return answer
        raise Failed(f"conflicts without end at {url}")

    def make(self, url, body, **more):
        """Create something outside the spec's namespace; removed at the end."""
        made = self.post(url, body, **more)
        self.cleanups.append(url.split("?")[0] + "/" + made["metadata"]["name"])
        return made

    # Waits

    def watch(self, url, version=None, **query):
        version = version or self.get(with_query(url, **query) if query else url)["metadata"]["resourceVersion"]
        return Watch(self, url, version, **query)

    def wait(self, url, predicate, what, seconds=LIMIT):
        """The object at url once predicate holds for it; predicate sees None when it is gone."""
        base, name = url.split("?")[0].rsplit("/", 1)
        items = self.get(with_query(base, fieldSelector="metadata.name=" + name))
        current = items["items"][0] if items["items"] else None
        if predicate(current):
            return current
        watch = Watch(self, base, items["metadata"]["resourceVersion"], fieldSelector="metadata.name=" + name)
        try:
            return watch.until(lambda kind, obj: predicate(None if kind == "DELETED" else obj), what, seconds)[1]
        finally:
            watch.close()
            self.watches.remove(watch)

    def gone(self, url, seconds=LIMIT):
        self.wait(url, lambda obj: obj is None, url + " to be gone", seconds)

    def wait_list(self, url, predicate, what, seconds=LIMIT, **query):
        """The items of a collection once predicate holds for them."""
        answer = self.get(with_query(url, **query) if query else url)
        items = {i["metadata"]["uid"]: i for i in answer["items"]}
        if predicate(list(items.values())):
            return list(items.values())
        watch = Watch(self, url, answer["metadata"]["resourceVersion"], **query)

        def fold(kind, obj):
            items.pop(obj["metadata"]["uid"], None) if kind == "DELETED" else items.__setitem__(obj["metadata"]["uid"], obj)
            return predicate(list(items.values()))
        try:
            watch.until(fold, what, seconds)
            return list(items.values())
        finally:
            watch.close()
            self.watches.remove(watch)

    # Objects

    @property
    def ns(self):
        if self._ns is None:
            self._ns = self.namespace()
        return self._ns

    def namespace(self, labels=None):
        name = f"{self.base}-{self.unique}" + (f"-{len(self.namespaces)}" if self.namespaces else "")
        labels = dict({"e2e-run": self.unique, "pod-security.kubernetes.io/enforce": "privileged"}, **(labels or {}))
        self.post("/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
        self.namespaces.append(name)
        self.wait(path("v1", "serviceaccounts", name, "default"), lambda o: o is not None, "the default service account")
        return name

    def pod(self, name, image=PAUSE, args=None, command=None, labels=None, ns=None, spec=None, container=None, create=True):
        c = {"name": "c", "image": image, "imagePullPolicy": "IfNotPresent"}
        c.update({"args": args} if args else {}); c.update({"command": command} if command else {}); c.update(container or {})
        body = {"metadata": {"name": name, "labels": labels or {}}, "spec": {"terminationGracePeriodSeconds": 1, "containers": [c]}}
        body["spec"].update(spec or {})
        return self.post(path("v1", "pods", ns or self.ns), body) if create else body

    def shell(self, name, script, **more):
        return self.pod(name, BUSYBOX, command=["sh", "-c", script], **more)

    def running(self, name, seconds=LIMIT, ns=None):
        return self.wait(path("v1", "pods", ns or self.ns, name), lambda p: p and condition(p, "Ready").get("status") == "True", f"pod {name} to be ready", seconds)

    def finished(self, name, seconds=LIMIT, phase="Succeeded"):
        done = self.wait(path("v1", "pods", self.ns, name), lambda p: p and find(p, "status.phase") in ("Succeeded", "Failed"), f"pod {name} to finish", seconds)
        self.same(done["status"]["phase"], phase, f"phase of {name}: {json.dumps(done['status'].get('containerStatuses'))[:300]}")
        return done

    def logs(self, name, **query):
        code, _, text = self.raw("GET", path("v1", "pods", self.ns, name, "log", **query))
        self.check(code == 200, f"log of {name}: {code} {text[:300]}")
        return text.decode()

    def output(self, name, script, **more):
        """What a shell script prints in a pod of its own."""
        self.shell(name, script, spec=dict({"restartPolicy": "Never"}, **more.pop("spec", {})), **more)
        self.finished(name)
        return self.logs(name)

    def sh(self, *args, ok=True, **more):
        """A kubectl command in the spec's namespace; its output."""
        done = subprocess.run([self.cluster.kubectl, "--kubeconfig", self.cluster.kubeconfig, "-n", self.ns, *args], capture_output=True, text=True, timeout=LIMIT, **more)
        self.check((done.returncode == 0) == ok, f"kubectl {' '.join(args)}: {done.returncode} {done.stdout[-300:]} {done.stderr[-500:]}")
        return done.stdout + done.stderr

    def end(self):
        for watch in self.watches:
            watch.close()
        for url in reversed(self.cleanups):
            self.call("DELETE", url, status=[200, 202, 404])
        for name in self.namespaces:
            self.call("DELETE", path("v1", "namespaces", name=name), status=[200, 202, 404, 409])
        if self.connection:
            self.connection.close()


# What nearly every "should support … API operations" spec does.

def discovered(t, gv, resource, namespaced):
    """The group, its version and the resource stand in discovery, with every verb."""
    if gv != "v1":
        group, version = gv.split("/")
        groups = t.get("/apis")["groups"]
        entry = next((g for g in groups if g["name"] == group), None)
        t.check(entry, f"group {group} is not in /apis")
        t.check(any(v["groupVersion"] == gv for v in entry["versions"]), f"{gv} is not among the group's versions")
        t.check(any(v["groupVersion"] == gv for v in t.get("/apis/" + group)["versions"]), f"{gv} is not in /apis/{group}")
    listed = {r["name"]: r for r in t.get("/api/v1" if gv == "v1" else "/apis/" + gv)["resources"]}
    t.check(resource in listed, f"{resource} is not in the discovery of {gv}")
    t.same(listed[resource]["namespaced"], namespaced, "namespaced")
    lacking = {"create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"} - set(listed[resource]["verbs"])
    t.check(not lacking, f"verbs of {resource} lack {sorted(lacking)}")
    return listed


def operations(t, gv, resource, body, namespaced=True, status=None, change=None, finalizes=False, discovery=True):
    """Create, get, list, watch, patch, update, status, delete and deletecollection of a kind.
    status: a merge patch of the status subresource. change: (dotted path, value) of the spec that an update sets.
    finalizes: the object may linger with a deletionTimestamp. Returns the name of a kind's first object's final state."""
    if discovery:
        listed = discovered(t, gv, resource, namespaced)
        if status:
            t.check(resource + "/status" in listed, f"{resource}/status is not in discovery")
    ns = t.ns if namespaced else None
    label = "special-" + t.unique
    url = path(gv, resource, ns)
    one = lambda name, sub=None: path(gv, resource, ns, name, sub)

    def fresh():
        copied = body(t) if callable(body) else copy.deepcopy(body)
        meta = copied.setdefault("metadata", {})
        meta.setdefault("labels", {})["special-label"] = label
        if "name" not in meta:
            meta["generateName"] = "e2e-example-" + t.unique + "-"
        return copied
    select = {"labelSelector": "special-label=" + label}
    watch = t.watch(url, **select)
    names = []
    for _ in range(3):
        made = t.post(url, fresh())
        t.check(made["metadata"].get("uid") and made["metadata"].get("resourceVersion"), "a created object has uid and resourceVersion")
        names.append(made["metadata"]["name"])
        if not namespaced:
            t.cleanups.append(one(names[-1]))
    first = names[0]
    got = t.get(one(first))
    t.same((got["metadata"]["name"], got["metadata"]["uid"]), (first, got["metadata"]["uid"]), "get")
    t.same(sorted(i["metadata"]["name"] for i in t.get(with_query(url, **select))["items"]), sorted(names), "list by label")
    if namespaced:
        everywhere = t.get(path(gv, resource, **select))["items"]
        t.same(sorted(i["metadata"]["name"] for i in everywhere), sorted(names), "list across namespaces")
        wide = t.watch(path(gv, resource), version=got["metadata"]["resourceVersion"], **select)
    for name in names:
        watch.until(lambda kind, o: kind == "ADDED" and o["metadata"]["name"] == name, f"ADDED {name}")
    patched = t.patch(one(first), {"metadata": {"annotations": {"patched": "true"}}})
    t.same(find(patched, "metadata.annotations.patched"), "true", "patched annotation")

    def edit(o):
        o["metadata"].setdefault("annotations", {})["updated"] = "true"
        if change:
            node = o
            for part in change[0].split(".")[:-1]:
                node = node[int(part)] if isinstance(node, list) else node.setdefault(part, {})
            node[change[0].split(".")[-1]] = change[1]
    updated = t.update(one(first), edit)
    t.same((updated["metadata"]["annotations"]["patched"], updated["metadata"]["annotations"]["updated"]), ("true", "true"), "annotations")
    if change:
        t.same(find(t.get(one(first)), change[0]), change[1], change[0])
    watch.until(lambda kind, o: kind == "MODIFIED" and find(o, "metadata.annotations.updated") == "true", "MODIFIED")
    if namespaced:
        wide.until(lambda kind, o: kind == "MODIFIED" and find(o, "metadata.annotations.updated") == "true", "MODIFIED across namespaces")
    if status:
        status_of(t, one(first), status)
    t.delete(one(first), status=[200, 202])
    if not finalizes:
        t.get(one(first), status=404)
    else:
        left = t.call("GET", one(first), status=[200, 404])
        t.check(left["kind"] == "Status" or left["metadata"].get("deletionTimestamp"), "deleted or being deleted")
    t.delete(with_query(url, **select), status=[200, 202])
    if not finalizes:
        watch.until(lambda kind, o: kind == "DELETED" and o["metadata"]["name"] == names[2], "DELETED")
        t.same(t.get(with_query(url, **select))["items"], [], "after deletecollection")
    else:
        rest = t.get(with_query(url, **select))["items"]
        t.check(all(o["metadata"].get("deletionTimestamp") for o in rest), "all are being deleted")
    return first


def status_of(t, url, status):
    """Read, patch and replace the status subresource; the main endpoint takes no status, the status endpoint no spec."""
    sub = url + "/status"
    t.same(t.get(sub)["metadata"]["name"], url.rsplit("/", 1)[1], "status get")
    patched = t.patch(sub, {"metadata": {"annotations": {"patchedstatus": "true"}}, "status": status})
    contains(t, patched.get("status", {}), status, "patched status")
    t.same(find(patched, "metadata.annotations.patchedstatus"), "true", "annotation set through status")
    replaced = t.update(sub, lambda o: o["metadata"].setdefault("annotations", {}).__setitem__("updatedstatus", "true"), get=url)
    t.same(find(replaced, "metadata.annotations.updatedstatus"), "true", "annotation replaced through status")
    contains(t, t.get(sub).get("status", {}), status, "status read back")


def contains(t, have, want, what):
    """Every field of want stands in have; lists of typed objects by their type."""
    if isinstance(want, dict):
        t.check(isinstance(have, dict), f"{what}: {have!r}")
        for key, value in want.items():
            t.check(key in have, f"{what}.{key} is not set in {json.dumps(have)[:300]}")
            contains(t, have[key], value, f"{what}.{key}")
    elif isinstance(want, list):
        t.check(len(have) >= len(want), f"{what}: {have!r}")
        for value in want:
            if isinstance(value, dict) and "type" in value:
                match = next((h for h in have if h.get("type") == value["type"]), None)
                t.check(match, f"{what} has no {value['type']}")
                contains(t, match, value, what)
            else:
                t.check(value in have, f"{what}: {value!r} is not in {have!r}")
    else:
        t.same(have, want, what)


# Deployments of one container, for many specs.

def template(labels, image=PAUSE, **spec):
    return {"metadata": {"labels": labels}, "spec": dict({"terminationGracePeriodSeconds": 1, "containers": [{"name": "c", "image": image, "imagePullPolicy": "IfNotPresent"}]}, **spec)}


def deployment(name, replicas=1, labels=None, **more):
    labels = labels or {"app": name}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": dict({"name": name, "labels": labels}, **more),
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template(labels)}}
