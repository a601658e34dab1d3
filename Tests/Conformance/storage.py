"""[sig-storage] and [sig-scheduling]."""
import json, time
from harness import *

S, STORAGE = "[sig-storage] ", "storage.k8s.io/v1"


@spec(S + "CSIInlineVolumes should run through the lifecycle of a CSIDriver")
def csi_driver(t):
    operations(t, STORAGE, "csidrivers", {"spec": {"attachRequired": False, "podInfoOnMount": True, "volumeLifecycleModes": ["Ephemeral"]}}, namespaced=False, change=("spec.podInfoOnMount", False))


@spec(S + "CSIInlineVolumes should support CSIVolumeSource in Pod API")
def csi_inline(t):
    volume = {"name": "inline", "csi": {"driver": "e2e.example.com", "volumeAttributes": {"a": "b"}}}
    body = t.pod("inline", create=False, spec={"volumes": [volume], "nodeSelector": {"none": "such"}}, container={"volumeMounts": [{"name": "inline", "mountPath": "/inline"}]})
    t.post(path("v1", "pods", t.ns), body)
    back = t.get(path("v1", "pods", t.ns, "inline"))
    t.check(volume in back["spec"]["volumes"], "the volume is kept")
    t.patch(path("v1", "pods", t.ns, "inline"), {"metadata": {"labels": {"patched": "yes"}}}, STRATEGIC)
    t.same(len(t.get(path("v1", "pods", labelSelector="patched=yes", fieldSelector="metadata.namespace=" + t.ns))["items"]), 1, "listed")
    t.delete(path("v1", "pods", t.ns, labelSelector="patched=yes"))
    t.gone(path("v1", "pods", t.ns, "inline"))


@spec(S + "CSINodes CSI Conformance should run through the lifecycle of a csinode")
def csi_nodes(t):
    operations(t, STORAGE, "csinodes", {"spec": {"drivers": [{"name": "e2e.example.com", "nodeID": "node-1", "topologyKeys": ["example.com/zone"]}]}}, namespaced=False)


@spec(S + "CSIStorageCapacity should support CSIStorageCapacities API operations")
def capacities(t):
    operations(t, STORAGE, "csistoragecapacities", {"storageClassName": "e2e", "nodeTopology": {}, "capacity": "10Gi"}, change=("capacity", "20Gi"))


def immutable(t, resource, data):
    url = path("v1", resource, t.ns)
    t.post(url, {"metadata": {"name": "x"}, "data": data})
    one = url + "/x"
    t.update(one, lambda o: o["data"].update(data_2=list(data.values())[0]))
    t.update(one, lambda o: o.update(immutable=True))
    for change in (lambda o: o["data"].update(data_3=list(data.values())[0]), lambda o: o.pop("immutable"), lambda o: o.update(immutable=False)):
        obj = t.get(one)
        change(obj)
        answer = t.put(one, obj, status=422)
        t.check("field is immutable when `immutable` is set" in answer["message"], answer["message"])
    t.update(one, lambda o: o["metadata"].setdefault("labels", {}).update(free="yes"))
    t.delete(one)
    t.get(one, status=404)


@spec(S + "ConfigMap should be immutable if `immutable` field is set")
def config_immutable(t): immutable(t, "configmaps", {"data-1": "value-1"})


@spec(S + "Secrets should be immutable if `immutable` field is set")
def secret_immutable(t): immutable(t, "secrets", {"data-1": "dmFsdWUtMQ=="})


def volume(t, name, **spec):
    return t.make(path("v1", "persistentvolumes"), {"metadata": {"name": name, "labels": {"e2e-pv": t.unique}}, "spec": dict({
        "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "persistentVolumeReclaimPolicy": "Retain", "storageClassName": "none-" + t.unique,
        "csi": {"driver": "e2e.example.com", "volumeHandle": "e2e-" + t.unique}}, **spec)})


def claim(t, name, **spec):
    return t.post(path("v1", "persistentvolumeclaims", t.ns), {"metadata": {"name": name, "labels": {"e2e-pv": t.unique}}, "spec": dict({
        "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": "none-" + t.unique}, **spec)})


@spec(S + "PersistentVolumes CSI Conformance should run through the lifecycle of a PV and a PVC")
def volumes(t):
    name, label = "pv-" + t.unique, {"labelSelector": "e2e-pv=" + t.unique}
    pv, pvc = path("v1", "persistentvolumes", name=name), path("v1", "persistentvolumeclaims", t.ns, "pvc")
    volume(t, name)
    claim(t, "pvc")
    t.wait(pvc, lambda o: find(o, "status.phase") == "Bound" and o["spec"]["volumeName"] == name, "the claim to be bound")
    t.same(len(t.get(path("v1", "persistentvolumes", **label))["items"]), 1, "volumes by label")
    t.same(len(t.get(path("v1", "persistentvolumeclaims", **label))["items"]), 1, "claims by label")
    for url in (pv, pvc):
        t.patch(url, {"metadata": {"labels": {"patched": "yes"}}}, STRATEGIC)
        t.update(url, lambda o: o["metadata"]["labels"].update(updated="yes"))
        t.same(t.get(url)["metadata"]["labels"]["updated"], "yes", "label")
    t.delete(pvc)
    t.gone(pvc)
    t.wait(pv, lambda o: find(o, "status.phase") == "Released", "the volume to be released")
    t.delete(pv)
    t.gone(pv)
    volume(t, name + "-2")
    claim(t, "pvc-2")
    t.delete(path("v1", "persistentvolumeclaims", t.ns, **label))
    t.gone(path("v1", "persistentvolumeclaims", t.ns, "pvc-2"))
    t.delete(path("v1", "persistentvolumes", **label))
    t.gone(path("v1", "persistentvolumes", name=name + "-2"))


@spec(S + "PersistentVolumes CSI Conformance should apply changes to a pv/pvc status")
def volume_status(t):
    name = "pv-" + t.unique
    volume(t, name)
    claim(t, "pvc")
    pv, pvc = path("v1", "persistentvolumes", name=name), path("v1", "persistentvolumeclaims", t.ns, "pvc")
    t.wait(pvc, lambda o: find(o, "status.phase") == "Bound", "the claim to be bound")
    t.wait(pv, lambda o: find(o, "status.phase") == "Bound", "the volume to be bound")
    t.patch(pvc + "/status", {"status": {"conditions": [{"type": "StatusPatched", "status": "True", "reason": "E2E", "message": "patched"}]}})
    t.same(condition(t.get(pvc), "StatusPatched").get("reason"), "E2E", "patched claim")
    t.update(pvc + "/status", lambda o: o["status"].update(conditions=[{"type": "StatusUpdated", "status": "True", "reason": "E2E"}]))
    t.same(condition(t.get(pvc), "StatusUpdated").get("reason"), "E2E", "replaced claim")
    t.patch(pv + "/status", {"status": {"message": "StatusPatched", "reason": "E2E patchStatus"}})
    t.same(t.get(pv + "/status")["status"]["message"], "StatusPatched", "patched volume")
    t.update(pv + "/status", lambda o: o["status"].update(message="StatusUpdated", reason="E2E updateStatus"))
    t.same((t.get(pv)["status"]["message"], t.get(pv)["status"]["reason"]), ("StatusUpdated", "E2E updateStatus"), "replaced volume")
    t.delete(pvc)
    t.gone(pvc)


@spec(S + "StorageClasses CSI Conformance should run through the lifecycle of a StorageClass")
def storage_classes(t):
    operations(t, STORAGE, "storageclasses", {"provisioner": "e2e.example.com", "reclaimPolicy": "Delete", "volumeBindingMode": "WaitForFirstConsumer"}, namespaced=False, change=("allowVolumeExpansion", True))


def attachment(t):
    return {"spec": {"attacher": "e2e.example.com", "nodeName": "none-" + t.unique, "source": {"persistentVolumeName": "none-" + t.unique}}}


@spec(S + "VolumeAttachment Conformance should run through the lifecycle of a VolumeAttachment")
def attachments(t):
    operations(t, STORAGE, "volumeattachments", attachment, namespaced=False)


@spec(S + "VolumeAttachment Conformance should apply changes to a volumeattachment status")
def attachment_status(t):
    made = t.make(path(STORAGE, "volumeattachments"), dict(attachment(t), metadata={"name": "va-" + t.unique}))
    status_of(t, path(STORAGE, "volumeattachments", name=made["metadata"]["name"]), {"attached": True, "attachmentMetadata": {"a": "b"}})
    t.same(t.patch(path(STORAGE, "volumeattachments", name=made["metadata"]["name"]), {"status": {"attached": False}})["status"]["attached"], True, "the main endpoint takes no status")


@spec(S + "VolumeAttributesClass [FeatureGate:VolumeAttributesClass] should run through the lifecycle of a VolumeAttributesClass")
def attributes(t):
    operations(t, STORAGE, "volumeattributesclasses", {"driverName": "e2e.example.com", "parameters": {"iops": "100"}}, namespaced=False)


@spec("[sig-scheduling] LimitRange should list, patch and delete a LimitRange by collection")
def limit_ranges(t):
    operations(t, "v1", "limitranges", {"spec": {"limits": [{"type": "Container", "defaultRequest": {"cpu": "100m"}, "default": {"cpu": "200m"}}]}})
    url = path("v1", "limitranges", t.ns)
    t.post(url, {"metadata": {"name": "lr", "labels": {"lr": t.unique}}, "spec": {"limits": [{"type": "Container", "max": {"cpu": "1"}}]}})
    t.same(t.patch(url + "/lr", {"spec": {"limits": [{"type": "Container", "max": {"cpu": "300m"}}]}}, STRATEGIC)["spec"]["limits"][0]["max"]["cpu"], "300m", "patched")
    t.delete(path("v1", "limitranges", t.ns, labelSelector="lr=" + t.unique))
    t.same(t.get(path("v1", "limitranges", labelSelector="lr=" + t.unique))["items"], [], "none left")


@spec("[sig-scheduling] SchedulerPreemption validates pod disruption condition is added to the preempted pod [Serial]", pods=True, serial=True)
def preempted(t):
    node = next(n for n in t.get(path("v1", "nodes"))["items"] if not find(n, "spec.taints"))
    url, resource = path("v1", "nodes", name=node["metadata"]["name"]), "example.com/e2e-" + t.unique
    t.patch(url + "/status", {"status": {"capacity": {resource: "1"}, "allocatable": {resource: "1"}}}, STRATEGIC)
    for name, value in (("low", 1), ("high", 1000)):
        t.make(path("scheduling.k8s.io/v1", "priorityclasses"), {"metadata": {"name": f"e2e-{name}-{t.unique}"}, "value": value})
    wants = {"resources": {"requests": {resource: "1"}, "limits": {resource: "1"}}}
    try:
        t.pod("low", container=wants, spec={"priorityClassName": "e2e-low-" + t.unique})
        t.running("low")
        t.patch(path("v1", "pods", t.ns, "low"), {"metadata": {"finalizers": ["e2e.example.com/finalizer"]}})
        t.pod("high", container=wants, spec={"priorityClassName": "e2e-high-" + t.unique})
        victim = t.wait(path("v1", "pods", t.ns, "low"), lambda o: condition(o, "DisruptionTarget").get("status") == "True" and o["metadata"].get("deletionTimestamp"), "the victim's condition")
        t.same(condition(victim, "DisruptionTarget")["reason"], "PreemptionByScheduler", "reason")
        t.patch(path("v1", "pods", t.ns, "low"), {"metadata": {"finalizers": None}})
        t.running("high")
    finally:
        t.patch(url + "/status", {"status": {"capacity": {resource: None}, "allocatable": {resource: None}}}, STRATEGIC)
