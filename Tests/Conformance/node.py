"""[sig-node]: pods, containers, probes, runtime classes, device claims."""
import json, time
from harness import *

K = "[sig-node] "
POD = lambda t, name: path("v1", "pods", t.ns, name)


def env_prefix(t, resource, data, source):
    t.post(path("v1", resource, t.ns), {"metadata": {"name": "keys"}, "data": data})
    t.pod("env", BUSYBOX, command=["env"], spec={"restartPolicy": "Never"}, container={"envFrom": [{source: {"name": "keys"}}, {"prefix": "p-", source: {"name": "keys"}}, {"prefix": "1_weird.", source: {"name": "keys"}}]})
    t.finished("env")
    out = t.logs("env").splitlines()
    for line in ("data-1=value-1", "p-data-1=value-1", "1_weird.data-1=value-1", "data.2=value-1", "p-data.2=value-1"):
        t.check(line in out, f"{line} is not in {out}")


@spec(K + "ConfigMap should be consumable as environment variable names with various prefixes", pods=True)
def config_prefixes(t): env_prefix(t, "configmaps", {"data-1": "value-1", "data.2": "value-1"}, "configMapRef")


@spec(K + "Secrets should be consumable as environment variable names variable names with various prefixes", pods=True)
def secret_prefixes(t): env_prefix(t, "secrets", {"data-1": "dmFsdWUtMQ==", "data.2": "dmFsdWUtMQ=="}, "secretRef")


@spec(K + "ConfigMap should update ConfigMap successfully [NodeConformance]")
def config_update(t):
    url = path("v1", "configmaps", t.ns)
    t.post(url, {"metadata": {"name": "cm"}, "data": {"data": "value"}})
    t.update(url + "/cm", lambda o: o["data"].update(data="value-2"))
    t.same(t.get(url + "/cm")["data"], {"data": "value-2"}, "data")


C = K + "Containers should "


def entry(t, **container):
    t.pod("c", AGNHOST, container=container, spec={"restartPolicy": "Never"})
    t.finished("c")
    return t.logs("c")


@spec(C + "be able to override the image's default arguments (container cmd) [NodeConformance]", pods=True)
def override_args(t): t.check("[/agnhost entrypoint-tester override arguments]" in entry(t, args=["entrypoint-tester", "override", "arguments"]), t.logs("c"))


@spec(C + "be able to override the image's default command (container entrypoint) [NodeConformance]", pods=True)
def override_command(t): t.check("[/agnhost-2 entrypoint-tester]" in entry(t, command=["/agnhost-2", "entrypoint-tester"]), t.logs("c"))


@spec(C + "be able to override the image's default command and arguments [NodeConformance]", pods=True)
def override_both(t): t.check("[/agnhost-2 entrypoint-tester override arguments]" in entry(t, command=["/agnhost-2"], args=["entrypoint-tester", "override", "arguments"]), t.logs("c"))


@spec(C + "use the image defaults if command and args are blank [NodeConformance]", pods=True)
def defaults(t):
    t.pod("c", AGNHOST)  # its default is `pause`, which runs for ever
    t.check("Paused" in (t.running("c") and t.logs("c")), "the image's default command runs: " + t.logs("c"))


@spec(K + "Downward API should provide hostIPs as an env var [NodeConformance]", pods=True)
def host_ips(t):
    out = t.output("c", "echo $HOST_IP $HOST_IPS", container={"env": [{"name": n, "valueFrom": {"fieldRef": {"fieldPath": f}}} for n, f in (("HOST_IP", "status.hostIP"), ("HOST_IPS", "status.hostIPs"))]}).split()
    status = t.get(POD(t, "c"))["status"]
    t.same(out, [status["hostIP"], ",".join(i["ip"] for i in status["hostIPs"])], "addresses")


def debugged(t):
    t.pod("p")
    t.running("p")
    t.patch(POD(t, "p") + "/ephemeralcontainers", {"spec": {"ephemeralContainers": [{"name": "debugger", "image": BUSYBOX, "imagePullPolicy": "IfNotPresent", "command": ["sh", "-c", "while true; do echo polo; sleep 2; done"]}]}}, STRATEGIC)
    t.wait(POD(t, "p"), lambda o: find(o, "status.ephemeralContainerStatuses.0.state.running"), "the ephemeral container to run")
    end = time.monotonic() + 30
    while "polo" not in t.logs("p", container="debugger"):
        t.check(time.monotonic() < end, "no output")
        time.sleep(0.2)


@spec(K + "Ephemeral Containers will start an ephemeral container in an existing pod [NodeConformance]", pods=True)
def ephemeral(t): debugged(t)


@spec(K + "Ephemeral Containers should update the ephemeral containers in an existing pod [NodeConformance]", pods=True)
def ephemeral_update(t):
    debugged(t)
    names = lambda: [c["name"] for c in t.get(POD(t, "p"))["spec"]["ephemeralContainers"]]
    t.update(POD(t, "p") + "/ephemeralcontainers", lambda o: o["spec"]["ephemeralContainers"].append({"name": "second", "image": BUSYBOX, "imagePullPolicy": "IfNotPresent", "command": ["sleep", "60"]}))
    t.same(names(), ["debugger", "second"], "names")
    t.wait(POD(t, "p"), lambda o: len([s for s in o["status"].get("ephemeralContainerStatuses", []) if "running" in s["state"]]) == 2, "both to run")
    t.call("PATCH", POD(t, "p"), {"spec": {"ephemeralContainers": []}}, MERGE, status=[200, 422])
    t.same(names(), ["debugger", "second"], "the main endpoint takes none away")


@spec(K + "ImageVolume should succeed with pod and pull policy of Always [LinuxOnly] [MinimumKubeletVersion:1.35]", pods=True)
def image_volume(t):
    t.shell("p", "ls /volume/agnhost; exec sleep 3600", spec={"volumes": [{"name": "v", "image": {"reference": AGNHOST, "pullPolicy": "IfNotPresent"}}]}, container={"volumeMounts": [{"name": "v", "mountPath": "/volume"}]})
    t.running("p")
    t.check("agnhost" in t.sh("exec", "p", "--", "ls", "/volume"), "files of the image")
    t.sh("exec", "p", "--", "touch", "/volume/x", ok=False)


@spec(K + "Kubelet when scheduling an agnhost Pod with hostAliases should write entries to /etc/hosts [NodeConformance]", pods=True)
def aliases(t):
    out = t.output("c", "cat /etc/hosts", spec={"hostAliases": [{"ip": "123.45.67.89", "hostnames": ["foo", "bar"]}]})
    t.check("# Entries added by HostAliases.\n123.45.67.89\tfoo\tbar" in out, out)


T = K + "NoExecuteTaintManager "


def tainted(t, change):
    node = next(n["metadata"]["name"] for n in t.get(path("v1", "nodes"))["items"] if not find(n, "spec.taints"))
    url, key = path("v1", "nodes", name=node), "kubernetes.io/e2e-evict-" + t.unique

    def put(o, on):
        o["spec"]["taints"] = [x for x in o["spec"].get("taints", []) if x["key"] != key] + ([{"key": key, "value": "v", "effect": "NoExecute"}] if on else [])
    tolerate = lambda seconds: {"nodeName": node, "tolerations": [{"key": key, "value": "v", "effect": "NoExecute", "tolerationSeconds": seconds}]}
    everything = [p for p in t.get(path("v1", "pods", fieldSelector="spec.nodeName=" + node))["items"] if not p["metadata"]["namespace"].startswith(t.base)]
    t.check(all(p["metadata"].get("deletionTimestamp") or p["status"]["phase"] not in ("Running", "Pending") or any(x.get("operator") == "Exists" and not x.get("key") for x in p["spec"].get("tolerations", [])) for p in everything), "other pods on the node would be evicted")
    try:
        change(lambda on: t.update(url, lambda o: put(o, on)), tolerate)
    finally:
        t.update(url, lambda o: put(o, False))


@spec(T + "Single Pod removing taint cancels eviction [Disruptive] [Serial]", pods=True, serial=True)
def taint_cancel(t):
    def body(taint, tolerate):
        t.pod("p", spec=tolerate(6))
        t.running("p")
        taint(True)
        time.sleep(2)
        taint(False)
        time.sleep(7)  # longer than the toleration: nothing shall happen
        t.check(not t.get(POD(t, "p"))["metadata"].get("deletionTimestamp"), "the pod is left alone")
    tainted(t, body)


@spec(T + "Multiple Pods evicts pods with minTolerationSeconds [Disruptive] [Serial]", pods=True, serial=True)
def taint_two(t):
    def body(taint, tolerate):
        for name, seconds in (("p1", 2), ("p2", 10)):
            t.pod(name, spec=tolerate(seconds))
            t.running(name)
        taint(True)
        t.wait(POD(t, "p1"), lambda o: o is None or o["metadata"].get("deletionTimestamp"), "the first to be evicted", 10)
        t.check(not t.get(POD(t, "p2"))["metadata"].get("deletionTimestamp"), "the second stays longer")
        t.gone(POD(t, "p2"), 30)
    tainted(t, body)


@spec(K + "Node Lifecycle should run through the lifecycle of a node")
def node_lifecycle(t):
    name = "e2e-fake-node-" + t.unique
    url = path("v1", "nodes", name=name)
    t.make(path("v1", "nodes"), {"metadata": {"name": name, "labels": {"e2e": t.unique}}, "spec": {"unschedulable": True}, "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "False", "message": "Set from e2e test"}]}})
    t.patch(url, {"metadata": {"labels": {"e2e-patched": "yes"}}}, STRATEGIC)
    t.update(url, lambda o: o["metadata"]["labels"].update(updated="yes"))
    t.same(t.get(url)["metadata"]["labels"]["updated"], "yes", "label")
    watch = t.watch(path("v1", "nodes"), labelSelector="e2e=" + t.unique)
    t.patch(url + "/status", {"status": {"conditions": [{"type": "E2E", "status": "True", "reason": "E2E", "message": "x"}]}}, STRATEGIC)
    t.same(condition(t.get(url + "/status"), "E2E").get("reason"), "E2E", "status")
    t.delete(path("v1", "nodes", labelSelector="e2e=" + t.unique))
    watch.until(lambda k, o: k == "DELETED", "DELETED")
    t.get(url, status=404)


@spec(K + "PodTemplates should replace a pod template")
def pod_template(t):
    url = path("v1", "podtemplates", t.ns)
    t.post(url, {"metadata": {"name": "pt", "labels": {"e2e": t.unique}}, "template": template({"a": "b"})})
    t.update(url + "/pt", lambda o: o["metadata"].setdefault("annotations", {}).update(updated="true"))
    t.same(t.get(url + "/pt")["metadata"]["annotations"]["updated"], "true", "annotation")


G = K + "Pods Extended (pod generation) Pod Generation "


@spec(G + "custom-set generation on new pods and graceful delete", pods=True)
def generation_set(t):
    body = t.pod("p", BUSYBOX, command=["sleep", "3600"], create=False, spec={"terminationGracePeriodSeconds": 3})
    body["metadata"]["generation"] = 100
    t.same(t.post(path("v1", "pods", t.ns), body)["metadata"]["generation"], 1, "what the client says is ignored")
    t.running("p")
    t.delete(POD(t, "p"))
    t.same(t.get(POD(t, "p"))["metadata"]["generation"], 2, "a graceful delete raises it")
    t.gone(POD(t, "p"))


@spec(G + "issue 500 podspec updates and verify generation and observedGeneration eventually converge [MinimumKubeletVersion:1.34]", pods=True)
def generation_many(t):
    t.pod("p", spec={"activeDeadlineSeconds": 20000})
    t.running("p")
    for i in range(499):
        t.patch(POD(t, "p"), {"spec": {"activeDeadlineSeconds": 19999 - i}}, STRATEGIC)
    t.same(t.get(POD(t, "p"))["metadata"]["generation"], 500, "generation")
    t.wait(POD(t, "p"), lambda o: find(o, "status.observedGeneration") == 500, "observedGeneration")


@spec(G + "pod generation should start at 1 and increment per update [MinimumKubeletVersion:1.34]", pods=True)
def generation_steps(t):
    made = t.pod("p")
    t.same(made["metadata"]["generation"], 1, "generation of a new pod")
    t.running("p")
    steps = [({"spec": {"activeDeadlineSeconds": 5000}}, 1), ({"spec": {"containers": [{"name": "c", "image": AGNHOST}]}}, 1), (lambda o: o["spec"]["tolerations"].append({"key": "x", "operator": "Exists"}), 1),
             ({"metadata": {"labels": {"l": "1"}}}, 0), ({"metadata": {"annotations": {"l": "1"}}}, 0), ({"metadata": {"finalizers": []}}, 0)]
    expected = 1
    for change, more in steps:
        expected += more
        done = t.update(POD(t, "p"), change) if callable(change) else t.patch(POD(t, "p"), change, STRATEGIC)
        t.same(done["metadata"]["generation"], expected, f"generation after {change}")
        t.wait(POD(t, "p"), lambda o: find(o, "status.observedGeneration") == expected, f"observedGeneration {expected}")
    for kind in ("Ready", "PodScheduled", "ContainersReady"):
        t.check(condition(t.get(POD(t, "p")), kind).get("observedGeneration"), f"observedGeneration of {kind}")


@spec(K + "Pods Extended Pods Set QOS Class should be set on Pods with matching resource requests and limits for memory and cpu")
def qos(t):
    r = {"cpu": "100m", "memory": "100Mi"}
    t.same(t.pod("p", container={"resources": {"requests": r, "limits": r}})["status"]["qosClass"], "Guaranteed", "class")


@spec(K + "Pods should patch a pod status", pods=True)
def pod_status(t):
    t.pod("p")
    t.running("p")
    t.patch(POD(t, "p") + "/status", {"metadata": {"annotations": {"patched": "yes"}}, "status": {"message": "Patched by e2e test", "reason": "E2E"}}, STRATEGIC)
    back = t.get(POD(t, "p") + "/status")
    t.same((back["status"].get("message"), back["status"].get("reason"), back["metadata"]["annotations"].get("patched")), ("Patched by e2e test", "E2E", "yes"), "status")


@spec(K + "PreStop should call prestop when killing a pod", pods=True)
def pre_stop(t):
    t.pod("server", AGNHOST, args=["netexec", "--http-port=8080"], container={"readinessProbe": {"httpGet": {"path": "/hostName", "port": 8080}, "periodSeconds": 1}})
    ip = t.running("server")["status"]["podIP"]
    t.pod("tester", AGNHOST, args=["pause"], spec={"terminationGracePeriodSeconds": 10}, container={"lifecycle": {"preStop": {"exec": {"command": ["curl", "-s", f"http://{ip}:8080/echo?msg=prestop-was-called"]}}}})
    t.running("tester")
    t.delete(POD(t, "tester"))
    t.gone(POD(t, "tester"))
    t.check("prestop-was-called" in t.logs("server"), t.logs("server")[-500:])


# grpc.health.v1 over plain HTTP/2, which answers every call with SERVING: agnhost 2.21 has none yet.
HEALTH = r"""
use strict; use Socket;
$SIG{CHLD} = 'IGNORE';
socket(my $l, PF_INET, SOCK_STREAM, 0); setsockopt($l, SOL_SOCKET, SO_REUSEADDR, 1);
bind($l, sockaddr_in(5000, INADDR_ANY)) or die $!; listen($l, 64); $| = 1; print "listening\n";
sub frame { my ($c, $type, $flags, $stream, $data) = @_; syswrite $c, substr(pack("N", length $data), 1) . pack("CCN", $type, $flags, $stream) . $data; }
sub field { my ($n, $v) = @_; return chr(0) . chr(length $n) . $n . chr(length $v) . $v; }
while (accept(my $c, $l)) {
    if (fork()) { close $c; next; }
    my $take = sub { my $want = shift; my $b = ""; while (length $b < $want) { sysread($c, $b, $want - length $b, length $b) or exit; } return $b; };
    $take->(24); frame($c, 4, 0, 0, "");
    while (1) {
        my ($h, $l2, $type, $flags, $stream) = unpack("CnCCN", $take->(9));
        my $data = $take->($h * 65536 + $l2);
        frame($c, 4, 1, 0, "") if $type == 4 && !($flags & 1);
        frame($c, 6, 1, 0, $data) if $type == 6 && !($flags & 1);
        if (($type == 0 || $type == 1) && ($flags & 1)) {
            frame($c, 1, 4, $stream, chr(0x88) . field("content-type", "application/grpc"));
            frame($c, 0, 0, $stream, pack("CN", 0, 2) . chr(8) . chr(1));
            frame($c, 1, 5, $stream, field("grpc-status", "0"));
            print "served\n";
        }
    }
}
"""


@spec(K + "Probing container should *not* be restarted with a GRPC liveness probe [NodeConformance]", pods=True)
def grpc_alive(t):
    t.pod("p", "docker.io/library/perl:5.26", command=["perl", "-e", HEALTH], container={"livenessProbe": {"grpc": {"port": 5000}, "initialDelaySeconds": 1, "periodSeconds": 1, "failureThreshold": 1, "timeoutSeconds": 2}})
    t.running("p")
    time.sleep(10)  # nothing shall happen
    t.same(t.get(POD(t, "p"))["status"]["containerStatuses"][0]["restartCount"], 0, "restarts")
    t.check(t.logs("p").count("served") >= 5, "the probe asked: " + t.logs("p"))


@spec(K + "Probing container should be restarted with a GRPC liveness probe [NodeConformance]", pods=True)
def grpc_dead(t):
    t.pod("p", AGNHOST, args=["pause"], container={"livenessProbe": {"grpc": {"port": 2333}, "initialDelaySeconds": 1, "periodSeconds": 1, "failureThreshold": 1}})
    t.wait(POD(t, "p"), lambda o: find(o, "status.containerStatuses.0.restartCount", 0) >= 1, "a restart")


# RuntimeClass

R = K + "RuntimeClass should "


def runtime(t, name, handler=None, **more):
    handler = handler or t.get(path("v1", "nodes"))["items"][0]["status"].get("runtimeHandlers", [{}])[0].get("name") or next((c["handler"] for c in t.get(path("node.k8s.io/v1", "runtimeclasses"))["items"]), "runc")
    return t.make(path("node.k8s.io/v1", "runtimeclasses"), dict({"metadata": {"name": name}, "handler": handler}, **more))


@spec(R + "reject a Pod requesting a deleted RuntimeClass [NodeConformance]")
def runtime_deleted(t):
    name = "e2e-" + t.unique
    runtime(t, name)
    t.delete(path("node.k8s.io/v1", "runtimeclasses", name=name))
    end = time.monotonic() + 10
    body = t.pod("p", create=False, spec={"runtimeClassName": name})
    while t.raw("POST", path("v1", "pods", t.ns, dryRun="All"), json.dumps(body).encode(), {"Content-Type": "application/json"})[0] != 403:
        t.check(time.monotonic() < end, "a pod of a deleted class is admitted")


@spec(R + "reject a Pod requesting a non-existent RuntimeClass [NodeConformance]")
def runtime_none(t):
    answer = t.post(path("v1", "pods", t.ns), t.pod("p", create=False, spec={"runtimeClassName": "none-" + t.unique}), status=403)
    t.check(f'RuntimeClass "none-{t.unique}" not found' in answer["message"], answer["message"])


@spec(R + "schedule a Pod requesting a RuntimeClass and initialize its Overhead [NodeConformance]", pods=True)
def runtime_overhead(t):
    name, fixed = "e2e-" + t.unique, {"cpu": "10m", "memory": "1Mi"}
    runtime(t, name, overhead={"podFixed": fixed})
    made = t.pod("p", spec={"runtimeClassName": name})
    t.same(made["spec"]["overhead"], fixed, "overhead")
    t.running("p")


@spec(R + "schedule a Pod requesting a RuntimeClass without PodOverhead [NodeConformance]", pods=True)
def runtime_plain(t):
    name = "e2e-" + t.unique
    runtime(t, name)
    t.check("overhead" not in t.pod("p", spec={"runtimeClassName": name})["spec"], "no overhead")
    t.running("p")


# Security contexts, sysctls

@spec(K + "Security Context should support container.SecurityContext.RunAsUser And container.SecurityContext.RunAsGroup [LinuxOnly]", pods=True)
def user_container(t):
    t.same(t.output("p", "id -u; id -g", container={"securityContext": {"runAsUser": 1001, "runAsGroup": 2002}}).split(), ["1001", "2002"], "id")


@spec(K + "Security Context should support pod.Spec.SecurityContext.RunAsUser And pod.Spec.SecurityContext.RunAsGroup [LinuxOnly]", pods=True)
def user_pod(t):
    t.same(t.output("p", "id -u; id -g", spec={"securityContext": {"runAsUser": 1001, "runAsGroup": 2002}}).split(), ["1001", "2002"], "id")


@spec(K + "Sysctls [LinuxOnly] should reject invalid sysctls [NodeConformance]")
def sysctl_bad(t):
    names = ["foo-", "kernel.shmmax", "safe-and-unsafe", "a..b", "net/", "bar.."]
    answer = t.post(path("v1", "pods", t.ns), t.pod("p", create=False, spec={"securityContext": {"sysctls": [{"name": n, "value": "1"} for n in names]}}), status=422)
    for i in (0, 3, 4, 5):
        t.check(f'spec.securityContext.sysctls[{i}].name: Invalid value: "{names[i]}"' in answer["message"], answer["message"])
    t.check("sysctls[1]" not in answer["message"], answer["message"])


@spec(K + "Sysctls [LinuxOnly] should support sysctls [Environment:NotInUserNS] [NodeConformance]", pods=True)
def sysctl(t):
    t.same(t.output("p", "cat /proc/sys/kernel/shm_rmid_forced", spec={"securityContext": {"sysctls": [{"name": "kernel.shm_rmid_forced", "value": "1"}]}}).strip(), "1", "sysctl")


# Subpaths by expansion

X = K + "Variable Expansion should "


def expanding(t, expression, annotation="mysubpath", command=None, **more):
    name, value = "p", {"fieldRef": {"fieldPath": "metadata.annotations['mysubpath']"}}
    body = t.pod(name, BUSYBOX, command=["sh", "-c", command or "exec sleep 3600"], create=False, spec={"volumes": [{"name": "w", "emptyDir": {}}], **more.pop("spec", {})},
                 container={"env": [{"name": "P", "valueFrom": value}, {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
                            "volumeMounts": [{"name": "w", "mountPath": "/sub", "subPathExpr": expression}, {"name": "w", "mountPath": "/all"}]})
    body["metadata"]["annotations"] = {"mysubpath": annotation}
    return t.post(path("v1", "pods", t.ns), body, **more)


def stuck(t):
    done = t.wait(POD(t, "p"), lambda o: find(o, "status.containerStatuses.0.state.waiting.reason", "") in ("CreateContainerConfigError", "CreateContainerError"), "the container to be refused")
    return find(done, "status.containerStatuses.0.state.waiting.message", "")


@spec(X + "allow substituting values in a volume subpath", pods=True)
def expand(t):
    expanding(t, "$(POD_NAME)", command="test -d /all/p && echo made; echo x > /sub/f; cat /all/p/f", spec={"restartPolicy": "Never"})
    t.finished("p")
    t.same(t.logs("p").split(), ["made", "x"], "the subpath")


@spec(X + "fail substituting values in a volume subpath with absolute path", pods=True)
def expand_absolute(t):
    expanding(t, "$(P)", "/tmp")
    t.check("must not be an absolute path" in stuck(t), stuck(t))


@spec(X + "fail substituting values in a volume subpath with backticks", pods=True)
def expand_ticks(t):
    """Backticks are no expansion: they are a plain name, as in the shell they would not be."""
    expanding(t, "..", status=422)
    expanding(t, "$(P)", "..")
    t.check("must not contain '..'" in stuck(t), stuck(t))


@spec(X + "succeed in writing subpaths in container", pods=True)
def expand_write(t):
    expanding(t, "$(P)/$(POD_NAME)")
    t.running("p")
    t.sh("exec", "p", "--", "touch", "/sub/test.log")
    t.sh("exec", "p", "--", "test", "-f", "/all/mysubpath/p/test.log")
    t.patch(POD(t, "p"), {"metadata": {"annotations": {"mysubpath": "mynewpath"}}})
    t.delete(POD(t, "p"))
    t.gone(POD(t, "p"))


@spec(X + "verify that a failing subpath expansion can be modified during the lifecycle of a container [Slow]", pods=True)
def expand_later(t):
    expanding(t, "$(P)", "/tmp")
    stuck(t)
    t.patch(POD(t, "p"), {"metadata": {"annotations": {"mysubpath": "mysubpath"}}})
    t.running("p", 120)


# DRA

DRA, D = "resource.k8s.io/v1", K + "[DRA] CRUD Tests resource.k8s.io/v1 "
REQUEST = {"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": "e2e.example.com"}}]}}


@spec(D + "DeviceClass")
def device_class(t): operations(t, DRA, "deviceclasses", {"spec": {"selectors": [{"cel": {"expression": "device.driver == 'e2e.example.com'"}}]}}, namespaced=False)


@spec(D + "DeviceTaintRule")
def device_taints(t): discovered(t, DRA, "devicetaintrules", False)


@spec(D + "ResourceClaim")
def resource_claim(t): operations(t, DRA, "resourceclaims", {"spec": REQUEST}, status={"allocation": {"devices": {"results": [{"request": "r", "driver": "e2e.example.com", "pool": "p", "device": "d"}]}}}, finalizes=True)


@spec(D + "ResourceClaimTemplate")
def resource_template(t): operations(t, DRA, "resourceclaimtemplates", {"spec": {"spec": REQUEST}})


@spec(D + "ResourceSlice")
def resource_slice(t):
    operations(t, DRA, "resourceslices", lambda t: {"spec": {"driver": "e2e.example.com", "nodeName": "none-" + t.unique, "pool": {"name": "p", "generation": 1, "resourceSliceCount": 1}, "devices": [{"name": "d"}]}}, namespaced=False)
