"""The Python `kubernetes` client: list, watch, create, patch, exec, logs, unmodified."""
import os, sys, threading
from kubernetes import client, config, watch
from kubernetes.client.rest import ApiException
from kubernetes.stream import stream
from api import check

config.load_kube_config(os.environ["KUBECONFIG"])
core, apps = client.CoreV1Api(), client.AppsV1Api()

check(len(core.list_node().items) >= 1, "list nodes")
name = "python"
body = client.V1Pod(metadata=client.V1ObjectMeta(name=name, labels={"app": name}), spec=client.V1PodSpec(containers=[
    client.V1Container(name="main", image="busybox", command=["sh", "-c", "echo hello from python; sleep 100000"])]))
seen = []
started = threading.Event()


def follow():
    started.set()
    for event in watch.Watch().stream(core.list_namespaced_pod, "default", label_selector=f"app={name}", timeout_seconds=60):
        seen.append((event["type"], event["object"].status.phase))
        if event["type"] == "DELETED":
            return


watcher = threading.Thread(target=follow)
watcher.start()
started.wait()
created = core.create_namespaced_pod("default", body)
check(created.metadata.uid, "create a pod")
for event in watch.Watch().stream(core.list_namespaced_pod, "default", label_selector=f"app={name}", timeout_seconds=60):
    if event["object"].status.phase == "Running":
        break
check(core.read_namespaced_pod(name, "default").status.phase == "Running", "watch it until it runs")
patched = core.patch_namespaced_pod(name, "default", {"metadata": {"labels": {"patched": "yes"}}})
check(patched.metadata.labels["patched"] == "yes", "patch")
check("hello from python" in core.read_namespaced_pod_log(name, "default"), "logs")
out = stream(core.connect_get_namespaced_pod_exec, name, "default", command=["sh", "-c", "echo out; echo err >&2"], stderr=True, stdin=False, stdout=True, tty=False)
check("out" in out and "err" in out, "exec", out)
session = stream(core.connect_get_namespaced_pod_exec, name, "default", command=["cat"], stderr=True, stdin=True, stdout=True, tty=False, _preload_content=False)
session.write_stdin("ping\n")
check(session.readline_stdout(timeout=10) == "ping", "exec with stdin")
session.close()
try:
    core.create_namespaced_pod("default", body)
    check(False, "a second of that name is refused")
except ApiException as error:
    check(error.status == 409 and "already exists" in error.body, "a second of that name is refused")
deployment = client.V1Deployment(metadata=client.V1ObjectMeta(name=name), spec=client.V1DeploymentSpec(
    replicas=1, selector=client.V1LabelSelector(match_labels={"d": name}), template=client.V1PodTemplateSpec(
        metadata=client.V1ObjectMeta(labels={"d": name}), spec=client.V1PodSpec(containers=[client.V1Container(name="c", image="busybox", command=["sleep", "100000"])]))))
apps.create_namespaced_deployment("default", deployment)
for event in watch.Watch().stream(apps.list_namespaced_deployment, "default", field_selector=f"metadata.name={name}", timeout_seconds=60):
    if event["object"].status.available_replicas == 1:
        break
check(apps.read_namespaced_deployment(name, "default").status.available_replicas == 1, "a deployment becomes available")
apps.delete_namespaced_deployment(name, "default")
core.delete_namespaced_pod(name, "default", grace_period_seconds=0)
watcher.join(timeout=60)
check(seen and seen[0][0] == "ADDED" and seen[-1][0] == "DELETED", "the watch saw it from ADDED to DELETED", str(seen))
