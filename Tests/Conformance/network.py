"""[sig-network]: services, endpoints, endpoint slices, addresses, proxies."""
import json, subprocess, time
from harness import *

N = "[sig-network] "
SLICES, NET = "discovery.k8s.io/v1", "networking.k8s.io/v1"


def service(t, name, ports=None, selector=None, ns=None, **more):
    return t.post(path("v1", "services", ns or t.ns), {"metadata": {"name": name, "labels": {"special-label": t.unique}}, "spec": dict({"ports": ports or [{"name": "http", "port": 80, "targetPort": 8080}], **({"selector": selector} if selector else {})}, **more)})


def slices(t, name, predicate, what, seconds=LIMIT):
    return t.wait_list(path(SLICES, "endpointslices", t.ns), predicate, what, seconds, labelSelector="kubernetes.io/service-name=" + name)


def addresses(items):
    """(address, port, protocol) of every ready endpoint."""
    return {(a, p["port"], p.get("protocol", "TCP")) for s in items for e in s["endpoints"] or [] if find(e, "conditions.ready") for a in e["addresses"] for p in s["ports"] or []}


def netexec(t, name, labels=None, ports=(8080,), udp=None, **more):
    args = ["netexec", "--http-port", str(ports[0])] + (["--udp-port", str(udp)] if udp else [])
    t.pod(name, AGNHOST, args=args, labels=labels or {"app": name}, container={"ports": [{"containerPort": ports[0]}], "readinessProbe": {"httpGet": {"path": "/hostName", "port": ports[0]}, "periodSeconds": 1}}, **more)
    return t.running(name)


def client(t):
    t.pod("client", AGNHOST, args=["pause"])
    t.running("client")


def reaches(t, url, expect=None, seconds=30):
    """An answer through the network; tried again, for rules on nodes have no watch."""
    end = time.monotonic() + seconds
    while True:
        done = subprocess.run([t.cluster.kubectl, "--kubeconfig", t.cluster.kubeconfig, "-n", t.ns, "exec", "client", "--", "curl", "-g", "-s", "--max-time", "2", url], capture_output=True, text=True, timeout=LIMIT)
        if done.returncode == 0 and (expect is None or expect in done.stdout):
            return done.stdout
        t.check(time.monotonic() < end, f"{url}: {done.returncode} {done.stdout[:200]} {done.stderr[:200]}")
        time.sleep(0.2)


@spec(N + "API Server should have Endpoints and EndpointSlices pointing to API Server")
def api_endpoints(t):
    item = t.get(path("v1", "endpoints", "default", "kubernetes"))
    pairs = {(a["ip"], p["port"]) for s in item["subsets"] for a in s["addresses"] for p in s["ports"]}
    t.check(pairs, "addresses of the API server")
    found = t.get(path(SLICES, "endpointslices", "default", labelSelector="kubernetes.io/service-name=kubernetes"))["items"]
    t.same(sorted(pairs), sorted((a, p) for a, p, _ in addresses(found)), "slices hold what endpoints hold")
    t.check(all(p["name"] == "https" for s in found for p in s["ports"]), "port name")


@spec(N + "API Server should provide secure master service")
def secure_service(t):
    ports = t.get(path("v1", "services", "default", "kubernetes"))["spec"]["ports"]
    t.same([(p["name"], p["port"]) for p in ports], [("https", 443)], "ports")


@spec(N + "EndpointSlice should create Endpoints and EndpointSlices for Pods matching a Service", pods=True)
def slice_pods(t):
    service(t, "both", selector={"foo": "bar"})
    service(t, "one", ports=[{"name": "http", "port": 80, "targetPort": "example-name"}], selector={"foo": "bar", "one": "yes"})
    for name, port, labels in (("pod1", 3000, {"foo": "bar", "one": "yes"}), ("pod2", 3001, {"foo": "bar"})):
        t.pod(name, labels=labels, container={"ports": [{"name": "example-name", "containerPort": port}]})
    ip1, ip2 = t.running("pod1")["status"]["podIP"], t.running("pod2")["status"]["podIP"]
    slices(t, "both", lambda s: addresses(s) == {(ip1, 8080, "TCP"), (ip2, 8080, "TCP")}, "slices of both")
    one = slices(t, "one", lambda s: addresses(s) == {(ip1, 3000, "TCP")}, "slices of one")[0]
    end = one["endpoints"][0]
    t.same((end["targetRef"]["kind"], end["targetRef"]["name"], end["conditions"]["serving"], one["addressType"]), ("Pod", "pod1", True, "IPv4"), "endpoint")
    t.check(end["nodeName"] and one["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"] == "endpointslice-controller.k8s.io", "node and manager")
    t.wait(path("v1", "endpoints", t.ns, "both"), lambda o: o and {a["ip"] for s in o.get("subsets", []) for a in s.get("addresses", [])} == {ip1, ip2}, "endpoints")
    t.delete(path("v1", "pods", t.ns, "pod1"))
    slices(t, "both", lambda s: addresses(s) == {(ip2, 8080, "TCP")}, "the deleted pod to leave")


@spec(N + "EndpointSlice should create and delete EndpointSlices for a Service with a selector that matches no pods")
def slice_none(t):
    service(t, "none", selector={"no": "pods"})
    found = slices(t, "none", lambda s: len(s) == 1, "one slice")
    t.same(found[0]["endpoints"] or [], [], "endpoints")
    t.delete(path("v1", "services", t.ns, "none"))
    slices(t, "none", lambda s: not s, "no slices")


@spec(N + "EndpointsController should create and delete Endpoints for a Service with a selector that matches no pods")
def endpoints_none(t):
    service(t, "none", selector={"no": "pods"})
    t.wait(path("v1", "endpoints", t.ns, "none"), lambda o: o is not None and not o.get("subsets"), "endpoints of none")
    t.delete(path("v1", "services", t.ns, "none"))
    t.gone(path("v1", "endpoints", t.ns, "none"))


@spec(N + "EndpointsController should create Endpoints for Pods matching a Service", pods=True)
def endpoints_pods(t):
    service(t, "svc", selector={"foo": "bar"})
    t.pod("pod1", labels={"foo": "bar"})
    ip = t.running("pod1")["status"]["podIP"]
    done = t.wait(path("v1", "endpoints", t.ns, "svc"), lambda o: o and find(o, "subsets.0.addresses.0.ip") == ip, "endpoints")
    t.same(done["subsets"][0]["ports"], [{"name": "http", "port": 8080, "protocol": "TCP"}], "ports")


def by_hand(t, name, index, ips, ports):
    t.post(path(SLICES, "endpointslices", t.ns), {"metadata": {"name": f"{name}-{index}", "labels": {"kubernetes.io/service-name": name, "endpointslice.kubernetes.io/managed-by": "e2e-test" + name}},
           "addressType": "IPv4", "ports": ports, "endpoints": [{"addresses": [ip], "conditions": {"ready": True}} for ip in ips]})


@spec(N + "EndpointSlice should support a Service with multiple endpoint IPs specified in multiple EndpointSlices", pods=True)
def many_ips(t):
    client(t)
    service(t, "hand")
    for i in (0, 1):
        by_hand(t, "hand", i, [netexec(t, f"p{i}")["status"]["podIP"]], [{"name": "http", "port": 8080, "protocol": "TCP"}])
    end, seen = time.monotonic() + 30, set()
    while seen != {"p0", "p1"}:
        t.check(time.monotonic() < end, f"only {seen} answered")
        seen.add(reaches(t, "http://hand/hostName"))


@spec(N + "EndpointSlice should support a Service with multiple ports specified in multiple EndpointSlices", pods=True)
def many_ports(t):
    client(t)
    service(t, "hand", ports=[{"name": "first", "port": 80}, {"name": "second", "port": 8080}])
    netexec(t, "a")
    netexec(t, "b", ports=(8090,))
    for i, (pod, port, name) in enumerate((("a", 8080, "first"), ("b", 8090, "second"))):
        by_hand(t, "hand", i, [t.get(path("v1", "pods", t.ns, pod))["status"]["podIP"]], [{"name": name, "port": port, "protocol": "TCP"}])
    reaches(t, "http://hand:80/hostName", "a")
    reaches(t, "http://hand:8080/hostName", "b")


@spec(N + "EndpointSlice should support creating EndpointSlice API operations")
def slice_operations(t):
    operations(t, SLICES, "endpointslices", {"addressType": "IPv4", "endpoints": [{"addresses": ["1.2.3.4", "5.6.7.8"]}]}, change=("ports", [{"name": "x", "port": 80, "protocol": "TCP"}]))


@spec(N + "EndpointSliceMirroring should mirror a custom Endpoints resource through create update and delete")
def mirroring(t):
    service(t, "custom")
    url = path("v1", "endpoints", t.ns, "custom")
    t.post(path("v1", "endpoints", t.ns), {"metadata": {"name": "custom"}, "subsets": [{"ports": [{"name": "http", "port": 80}], "addresses": [{"ip": "10.1.2.3"}]}]})
    first = slices(t, "custom", lambda s: addresses(s) == {("10.1.2.3", 80, "TCP")}, "a mirror")[0]
    t.same(first["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"], "endpointslicemirroring-controller.k8s.io", "manager")
    t.update(url, lambda o: o["subsets"][0]["addresses"].__setitem__(0, {"ip": "10.2.3.4"}))
    slices(t, "custom", lambda s: addresses(s) == {("10.2.3.4", 80, "TCP")}, "the mirror to follow")
    t.delete(url)
    slices(t, "custom", lambda s: not s, "the mirror to go")


@spec(N + "Endpoints should test the lifecycle of an Endpoint")
def endpoint_lifecycle(t):
    url, one = path("v1", "endpoints", t.ns), path("v1", "endpoints", t.ns, "ep")
    watch = t.watch(url, labelSelector="e2e=" + t.unique)
    t.post(url, {"metadata": {"name": "ep", "labels": {"e2e": t.unique}}, "subsets": [{"addresses": [{"ip": "10.0.0.24"}], "ports": [{"name": "http", "port": 80, "protocol": "TCP"}]}]})
    watch.until(lambda k, o: k == "ADDED", "ADDED")
    t.update(one, lambda o: o["metadata"]["labels"].update(updated="yes"))
    watch.until(lambda k, o: k == "MODIFIED" and find(o, "metadata.labels.updated"), "MODIFIED")
    t.patch(one, {"metadata": {"labels": {"patched": "yes"}}, "subsets": [{"addresses": [{"ip": "10.0.0.25"}], "ports": [{"name": "http-test", "port": 8080, "protocol": "TCP"}]}]}, STRATEGIC)
    done = t.get(one)
    t.same((done["subsets"][0]["addresses"][0]["ip"], done["subsets"][0]["ports"][0]["port"]), ("10.0.0.25", 8080), "patched")
    t.delete(with_query(url, labelSelector="e2e=" + t.unique))
    watch.until(lambda k, o: k == "DELETED", "DELETED")
    t.get(one, status=404)


@spec(N + "HostPort validates that there is no conflict between pods with same hostPort but different hostIP and protocol [LinuxOnly]", pods=True)
def host_ports(t):
    node = next(n for n in t.get(path("v1", "nodes"))["items"] if not find(n, "spec.taints"))
    address = next(a["address"] for a in node["status"]["addresses"] if a["type"] == "InternalIP")
    port = 22000 + int(t.unique[:3], 16)
    for name, ip, protocol in (("pod1", "127.0.0.1", "TCP"), ("pod2", address, "TCP"), ("pod3", address, "UDP")):
        t.pod(name, AGNHOST, args=["netexec", "--http-port=8080", "--udp-port=8080"], spec={"nodeName": node["metadata"]["name"]},
              container={"ports": [{"containerPort": 8080, "hostPort": port, "protocol": protocol, "hostIP": ip}], "readinessProbe": {"httpGet": {"path": "/hostName", "port": 8080}, "periodSeconds": 1}})
        t.running(name)
    t.pod("client", AGNHOST, args=["pause"], spec={"hostNetwork": True, "nodeName": node["metadata"]["name"]})
    t.running("client")
    reaches(t, f"http://127.0.0.1:{port}/hostname", "pod1")
    reaches(t, f"http://{address}:{port}/hostname", "pod2")
    end = time.monotonic() + 30
    while "pod3" not in t.sh("exec", "client", "--", "bash", "-c", f"echo hostname | nc -u -w 1 {address} {port}"):
        t.check(time.monotonic() < end, "UDP does not answer")


METHODS = ("DELETE", "OPTIONS", "PATCH", "POST", "PUT")


def proxied(t, tail, follow):
    t.pod("agnhost", AGNHOST, args=["porter"], labels={"test": "response"}, container={"ports": [{"containerPort": 80}], "env": [{"name": "SERVE_PORT_80", "value": "foo"}], "readinessProbe": {"httpGet": {"port": 80, "path": "/"}, "periodSeconds": 1}})
    t.running("agnhost")
    service(t, "test-service", ports=[{"port": 80, "targetPort": 80}], selector={"test": "response"})
    slices(t, "test-service", lambda s: addresses(s), "an endpoint")
    for method in METHODS + ("GET",):
        for kind, name in (("pods", "agnhost"), ("services", "test-service")):
            url = path("v1", kind, t.ns, name) + "/proxy" + tail + "?method=" + method
            code, headers, body = t.raw(method, url)
            t.check(code == 200 and b"foo" in body, f"{method} {url}: {code} {body[:200]}")
    for kind, name in (("pods", "agnhost"), ("services", "test-service")):
        code, _, _ = t.raw("HEAD", path("v1", kind, t.ns, name) + "/proxy" + tail)
        t.same(code, 200, "HEAD")
        if follow:
            code, headers, _ = t.raw("GET", path("v1", kind, t.ns, name) + "/proxy")
            t.check(code == 301 and headers["Location"].endswith("/proxy/"), f"without the slash: {code} {headers['Location']}")


@spec(N + "Proxy version v1 A set of valid responses are returned for both pod and service Proxy", pods=True)
def proxy_root(t): proxied(t, "/", True)


@spec(N + "Proxy version v1 A set of valid responses are returned for both pod and service ProxyWithPath", pods=True)
def proxy_path(t): proxied(t, "/some/path/with/HTTP", False)


@spec(N + "ServiceCIDR and IPAddress API should support IPAddress API operations")
def ip_addresses(t):
    n = iter(range(1, 9))
    operations(t, NET, "ipaddresses", lambda t: {"metadata": {"name": f"192.168.{int(t.unique[:2], 16)}.{next(n)}"}, "spec": {"parentRef": {"group": "", "resource": "services", "name": "none", "namespace": "default"}}}, namespaced=False)


@spec(N + "ServiceCIDR and IPAddress API should support ServiceCIDR API operations")
def service_cidrs(t):
    default = t.get(path(NET, "servicecidrs", name="kubernetes"))
    t.check(default["spec"]["cidrs"] and condition(default, "Ready").get("status") == "True", "the default range")
    n = iter(range(1, 9))
    operations(t, NET, "servicecidrs", lambda t: {"metadata": {"name": f"e2e-{t.unique}-{next(n)}"}, "spec": {"cidrs": [f"10.{int(t.unique[:2], 16)}.{int(t.unique[2:4], 16)}.{next(n) * 8}/29"]}}, namespaced=False, finalizes=True,
               status={"conditions": [{"type": "E2E", "status": "True", "reason": "E2E", "message": "set", "lastTransitionTime": "2026-01-01T00:00:00Z"}]})


@spec(N + "Services should complete a service status lifecycle")
def service_status(t):
    service(t, "lifecycle", type="LoadBalancer", loadBalancerClass="example.com/e2e", ports=[{"name": "http", "protocol": "TCP", "port": 80, "targetPort": 80}])
    url = path("v1", "services", t.ns, "lifecycle")
    watch = t.watch(path("v1", "services", t.ns))
    t.same(t.get(url + "/status")["metadata"]["name"], "lifecycle", "status")
    t.patch(url + "/status", {"metadata": {"annotations": {"patchedstatus": "true"}}, "status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.1"}]}}})
    watch.until(lambda k, o: find(o, "status.loadBalancer.ingress.0.ip") == "203.0.113.1" and find(o, "metadata.annotations.patchedstatus"), "the patched status")
    t.update(url + "/status", lambda o: o["status"].setdefault("conditions", []).append({"type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "Set from e2e test", "lastTransitionTime": "2026-01-01T00:00:00Z"}))
    watch.until(lambda k, o: condition(o, "StatusUpdate"), "the replaced status")
    t.patch(url, {"metadata": {"labels": {"test-service": "patched"}}}, STRATEGIC)
    watch.until(lambda k, o: find(o, "metadata.labels.test-service") == "patched", "the patched service")
    t.delete(url)
    watch.until(lambda k, o: k == "DELETED", "DELETED")


@spec(N + "Services should delete a collection of services")
def service_collection(t):
    for name in ("a", "b", "c"):
        service(t, name)
    label = {"labelSelector": "special-label=" + t.unique}
    t.patch(path("v1", "services", t.ns, "c"), {"metadata": {"labels": {"special-label": "other"}}})
    t.delete(path("v1", "services", t.ns, **label))
    t.same([s["metadata"]["name"] for s in t.get(path("v1", "services", t.ns))["items"]], ["c"], "what is left")


@spec(N + "Services should serve endpoints on same port and different protocols", pods=True)
def two_protocols(t):
    client(t)
    ports = [{"name": "tcp", "protocol": "TCP", "port": 80, "targetPort": 8080}, {"name": "udp", "protocol": "UDP", "port": 80, "targetPort": 8080}]
    service(t, "multi", ports=ports, selector={"app": "server"})
    ip = netexec(t, "server", udp=8080)["status"]["podIP"]
    slices(t, "multi", lambda s: addresses(s) == {(ip, 8080, "TCP"), (ip, 8080, "UDP")}, "both protocols")
    reaches(t, "http://multi:80/hostName", "server")
    end = time.monotonic() + 30
    while "server" not in t.sh("exec", "client", "--", "bash", "-c", "echo hostname | nc -u -w 1 multi 80"):
        t.check(time.monotonic() < end, "UDP does not answer")
    t.patch(path("v1", "services", t.ns, "multi"), [{"op": "replace", "path": "/spec/ports", "value": ports[:1]}], JSON_PATCH)
    slices(t, "multi", lambda s: addresses(s) == {(ip, 8080, "TCP")}, "TCP alone")
