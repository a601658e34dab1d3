"""[sig-apps]: jobs and cron jobs."""
import json, time
from harness import *

BATCH, A = "batch/v1", "[sig-apps] "
J, C = A + "Job ", A + "CronJob "


def job(t, script, name="job", pod=None, create=True, **spec):
    """A job of busybox pods that run a script."""
    p = template({"app": name, "special-label": t.unique}, BUSYBOX, restartPolicy="Never", **(pod or {}))
    p["spec"]["containers"][0]["command"] = ["sh", "-c", script]
    body = {"apiVersion": BATCH, "kind": "Job", "metadata": {"name": name, "labels": {"special-label": t.unique}}, "spec": dict({"backoffLimit": 6, "template": p}, **spec)}
    return t.post(path(BATCH, "jobs", t.ns), body) if create else body


def ended(t, kind, name="job", seconds=90, **also):
    return t.wait(path(BATCH, "jobs", t.ns, name), lambda o: o and condition(o, kind).get("status") == "True", f"job {name} to be {kind}", seconds)


def pods_of(t, name="job"):
    return t.get(path("v1", "pods", t.ns, labelSelector="batch.kubernetes.io/job-name=" + name))["items"]


DISRUPTED = {"rules": [{"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}]}


@spec(J + "should allow to use a pod failure policy to ignore failure matching on DisruptionTarget condition", pods=True)
def ignore_disruption(t):
    job(t, "exec sleep 3600", backoffLimit=0, podFailurePolicy=DISRUPTED)
    url = path("v1", "pods", t.ns)
    first = t.wait_list(url, lambda items: any(condition(p, "Ready").get("status") == "True" for p in items), "a pod to run", labelSelector="job-name=job")[0]
    t.post(path("v1", "pods", t.ns, first["metadata"]["name"], "eviction"), {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": first["metadata"]["name"]}})
    t.wait_list(url, lambda items: any(p["metadata"]["uid"] != first["metadata"]["uid"] and condition(p, "Ready").get("status") == "True" for p in items), "another pod", labelSelector="job-name=job")
    state = t.get(path(BATCH, "jobs", t.ns, "job"))["status"]
    t.check(not any(c["type"] in ("Failed", "FailureTarget") for c in state.get("conditions", [])), f"{state}")
    t.same(state.get("failed", 0), 0, "failures are ignored")


@spec(J + "should allow to use the pod failure policy on exit code to fail the job early", pods=True)
def exit_code(t):
    job(t, "exit 42", podFailurePolicy={"rules": [{"action": "FailJob", "onExitCodes": {"containerName": "c", "operator": "In", "values": [42]}}]})
    done = ended(t, "Failed")
    t.same(condition(done, "Failed")["reason"], "PodFailurePolicy", "reason")
    t.same(condition(done, "FailureTarget").get("status"), "True", "FailureTarget")
    t.same((done["status"].get("failed"), len(pods_of(t))), (1, 1), "one failure")
    t.check("exit code 42" in condition(done, "Failed")["message"], condition(done, "Failed")["message"])


@spec(J + "should apply changes to a job status", pods=True)
def job_status(t):
    job(t, "exec sleep 3600", parallelism=2, completions=4)
    url = path(BATCH, "jobs", t.ns, "job")
    t.wait(url, lambda o: find(o, "status.active") == 2, "two active")
    watch = t.watch(path(BATCH, "jobs", t.ns))
    t.patch(url + "/status", {"metadata": {"annotations": {"patchedstatus": "true"}}, "status": {"conditions": [{"type": "CustomConditionType", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}})
    watch.until(lambda k, o: condition(o, "CustomConditionType") and find(o, "metadata.annotations.patchedstatus") == "true", "the patched status")
    t.update(url + "/status", lambda o: o["status"]["conditions"].append({"type": "CustomUpdated", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}))
    watch.until(lambda k, o: condition(o, "CustomUpdated").get("status") == "True", "the replaced status")
    t.same(t.get(url + "/status")["status"]["active"], 2, "active")


@spec(J + "should create pods for an Indexed job with completion indexes and specified hostname", pods=True)
def indexed(t):
    job(t, "hostname; echo $JOB_COMPLETION_INDEX", parallelism=2, completions=4, completionMode="Indexed")
    done = ended(t, "Complete")
    t.same((done["status"]["succeeded"], done["status"]["completedIndexes"]), (4, "0-3"), "status")
    seen = set()
    for p in pods_of(t):
        index = p["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"]
        t.same(p["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"], index, "label")
        t.check(p["metadata"]["name"].startswith(f"job-{index}-"), p["metadata"]["name"])
        t.same(p["spec"]["hostname"], "job-" + index, "hostname")
        t.same(t.logs(p["metadata"]["name"]).split(), ["job-" + index, index], "what the pod sees")
        seen.add(index)
    t.same(sorted(seen), list("0123"), "indexes")


@spec(J + "should execute all indexes despite some failing when using backoffLimitPerIndex", pods=True)
def per_index(t):
    job(t, "exit $((JOB_COMPLETION_INDEX % 2))", parallelism=2, completions=4, completionMode="Indexed", backoffLimitPerIndex=1)
    done = ended(t, "Failed", seconds=150)
    t.same(condition(done, "Failed")["reason"], "FailedIndexes", "reason")
    t.same((done["status"]["failedIndexes"], done["status"]["completedIndexes"], done["status"]["failed"], done["status"]["succeeded"]), ("1,3", "0,2", 4, 2), "status")


@spec(J + "should manage the lifecycle of a job", pods=True)
def job_lifecycle(t):
    body = job(t, "exec sleep 3600", create=False, parallelism=2, completions=4, suspend=True)
    t.post(path(BATCH, "jobs", t.ns), body)
    url = path(BATCH, "jobs", t.ns, "job")
    watch = t.watch(path(BATCH, "jobs", t.ns))
    t.patch(url, {"metadata": {"labels": {"e2e-job-label": "patched"}}, "spec": {"suspend": False}}, STRATEGIC)
    watch.until(lambda k, o: find(o, "metadata.labels.e2e-job-label") == "patched" and find(o, "status.active") == 2, "active after resuming")
    t.update(url, lambda o: o["metadata"].setdefault("annotations", {}).update(updated="true"))
    watch.until(lambda k, o: find(o, "metadata.annotations.updated") == "true", "the update")
    t.same(len(t.get(path(BATCH, "jobs", labelSelector="special-label=" + t.unique))["items"]), 1, "listed everywhere")
    t.delete(path(BATCH, "jobs", t.ns, labelSelector="special-label=" + t.unique, propagationPolicy="Foreground"))
    watch.until(lambda k, o: k == "DELETED", "deletion", 90)
    t.same(pods_of(t), [], "pods")


@spec(J + "should mark indexes as failed when the FailIndex action is matched in podFailurePolicy", pods=True)
def fail_index(t):
    job(t, "[ $JOB_COMPLETION_INDEX = 1 ] || [ $JOB_COMPLETION_INDEX = 3 ] && exit 42; exit 0", parallelism=2, completions=4, completionMode="Indexed", backoffLimitPerIndex=5, maxFailedIndexes=4,
        podFailurePolicy={"rules": [{"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [42]}}]})
    done = ended(t, "Failed")
    t.same((done["status"]["failedIndexes"], done["status"]["completedIndexes"], done["status"]["failed"]), ("1,3", "0,2", 2), "status")


@spec(J + "should terminate job execution when the number of failed indexes exceeds maxFailedIndexes", pods=True)
def too_many(t):
    job(t, "exit 1", parallelism=1, completions=10, completionMode="Indexed", backoffLimitPerIndex=0, maxFailedIndexes=1)
    done = ended(t, "Failed")
    t.same((condition(done, "Failed")["reason"], done["status"].get("failedIndexes")), ("MaxFailedIndexesExceeded", "0,1"), "status")
    t.same(done["status"].get("active", 0), 0, "active")


@spec(J + "with successPolicy should succeeded when all indexes succeeded", pods=True)
def success_all(t):
    job(t, "exit 0", parallelism=3, completions=3, completionMode="Indexed", successPolicy={"rules": [{"succeededIndexes": "0-2"}]})
    done = ended(t, "Complete")
    t.check(condition(done, "Complete")["reason"] in ("SuccessPolicy", "CompletionsReached"), str(condition(done, "Complete")))
    t.same((done["status"]["succeeded"], done["status"]["completedIndexes"]), (3, "0-2"), "status")


@spec(J + "with successPolicy succeededCount rule should succeeded even when some indexes remain pending", pods=True)
def success_count(t):
    job(t, "[ $JOB_COMPLETION_INDEX = 0 ] && exit 0; exec sleep 3600", parallelism=2, completions=5, completionMode="Indexed", successPolicy={"rules": [{"succeededCount": 1}]})
    successful(t)


@spec(J + "with successPolicy succeededIndexes rule should succeeded even when some indexes remain pending", pods=True)
def success_indexes(t):
    job(t, "[ $JOB_COMPLETION_INDEX = 0 ] && exit 0; exec sleep 3600", parallelism=2, completions=5, completionMode="Indexed", successPolicy={"rules": [{"succeededIndexes": "0"}]})
    successful(t)


def successful(t):
    done = ended(t, "Complete")
    t.same((condition(done, "SuccessCriteriaMet").get("status"), condition(done, "SuccessCriteriaMet").get("reason"), condition(done, "Complete")["reason"]), ("True", "SuccessPolicy", "SuccessPolicy"), "conditions")
    t.same((done["status"]["completedIndexes"], done["status"].get("active", 0)), ("0", 0), "status")
    t.wait_list(path("v1", "pods", t.ns), lambda items: not any(p["status"]["phase"] == "Running" and not p["metadata"].get("deletionTimestamp") for p in items), "the others to be stopped")


# CronJob

def cron(t, name="cron", schedule="*/1 * * * *", script="exec sleep 300", labels=None, **spec):
    inner = job(t, script, create=False)
    return t.post(path(BATCH, "cronjobs", t.ns), {"metadata": {"name": name, "labels": labels or {}}, "spec": dict({"schedule": schedule, "jobTemplate": {"spec": inner["spec"]}}, **spec)})


@spec(C + "should support CronJob API operations")
def cron_operations(t):
    inner = job(t, "exit 0", create=False)["spec"]
    operations(t, BATCH, "cronjobs", {"spec": {"schedule": "0 0 29 2 *", "concurrencyPolicy": "Allow", "jobTemplate": {"spec": inner}}},
               status={"lastScheduleTime": "2026-11-24T01:02:03Z"}, change=("spec.schedule", "0 1 29 2 *"))


@spec(C + "should not schedule jobs when suspended [Slow]", pods=True)
def suspended(t):
    cron(t, suspend=True)
    next_minutes(t, 1)
    t.same(t.get(path(BATCH, "jobs", t.ns))["items"], [], "jobs of a suspended cron job")


def next_minutes(t, n):
    """Past the next n full minutes: only the clock tells that nothing was scheduled."""
    time.sleep(60 * n - time.time() % 60 + 5)


@spec(C + "should not schedule new jobs when ForbidConcurrent [Slow]", pods=True)
def forbid(t):
    cron(t, concurrencyPolicy="Forbid")
    url = path(BATCH, "cronjobs", t.ns, "cron")
    first = t.wait(url, lambda o: len(find(o, "status.active", [])) == 1, "an active job", 90)["status"]["active"][0]["name"]
    next_minutes(t, 1)
    t.same([j["metadata"]["name"] for j in t.get(path(BATCH, "jobs", t.ns))["items"]], [first], "only the first")
    t.same(t.get(path(BATCH, "jobs", t.ns, first))["metadata"]["ownerReferences"][0]["kind"], "CronJob", "owner")


@spec(C + "should replace jobs when ReplaceConcurrent", pods=True)
def replace(t):
    cron(t, concurrencyPolicy="Replace")
    url = path(BATCH, "cronjobs", t.ns, "cron")
    first = t.wait(url, lambda o: len(find(o, "status.active", [])) == 1, "an active job", 90)["status"]["active"][0]["name"]
    t.wait(url, lambda o: len(find(o, "status.active", [])) == 1 and o["status"]["active"][0]["name"] != first, "another one", 90)
    t.wait_list(path(BATCH, "jobs", t.ns), lambda items: len(items) == 1 and items[0]["metadata"]["name"] != first, "the first to go")


@spec(C + "should schedule multiple jobs concurrently", pods=True)
def concurrent(t):
    cron(t, concurrencyPolicy="Allow")
    t.wait(path(BATCH, "cronjobs", t.ns, "cron"), lambda o: len(find(o, "status.active", [])) >= 2, "two active jobs", 150)
    t.check(len(t.get(path(BATCH, "jobs", t.ns))["items"]) >= 2, "jobs")
