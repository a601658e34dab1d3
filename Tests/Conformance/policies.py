"""[sig-api-machinery]: ValidatingAdmissionPolicy and MutatingAdmissionPolicy."""
import json, time
from harness import *
from extensions import ADMISSION

V = "[sig-api-machinery] ValidatingAdmissionPolicy [Privileged:ClusterAdmin] should "
P = "[sig-api-machinery] MutatingAdmissionPolicy [Privileged:ClusterAdmin] should "
RULES = [{"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["deployments"]}]


def marked(t):
    """Label the spec's namespace, so that its policies touch nothing else."""
    t.patch(path("v1", "namespaces", name=t.ns), {"metadata": {"labels": {"e2e-policy": t.unique}}})
    return {"namespaceSelector": {"matchLabels": {"e2e-policy": t.unique}}, "resourceRules": RULES}


def validating(t, spec):
    name = "e2e-policy-" + t.unique
    policy = t.make(path(ADMISSION, "validatingadmissionpolicies"), {"metadata": {"name": name}, "spec": dict({"failurePolicy": "Fail", "matchConstraints": marked(t)}, **spec)})
    done = t.wait(path(ADMISSION, "validatingadmissionpolicies", name=name), lambda o: find(o, "status.observedGeneration", 0) >= 1 and "typeChecking" in o["status"], "type checking")
    t.check(not find(done, "status.typeChecking.expressionWarnings"), f"warnings {done['status']}")
    t.make(path(ADMISSION, "validatingadmissionpolicybindings"), {"metadata": {"name": name}, "spec": {"policyName": name, "validationActions": ["Deny"], "matchResources": {"namespaceSelector": {"matchLabels": {"e2e-policy": t.unique}}}}})
    return policy


def effective(t, body, done):
    """Try it until the policy takes effect: nothing tells the moment."""
    end = time.monotonic() + 30
    while True:
        code, _, text = t.raw("POST", path("apps/v1", "deployments", t.ns, dryRun="All"), json.dumps(body).encode(), {"Content-Type": "application/json"})
        if done(code, json.loads(text)):
            return json.loads(text)
        t.check(time.monotonic() < end, f"the policy does not take effect: {code}")
        time.sleep(0.05)


@spec(V + "validate against a Deployment")
def validate_deployment(t):
    validating(t, {"validations": [{"expression": "object.spec.replicas > 1", "messageExpression": "'wants replicas > 1, got ' + string(object.spec.replicas)"},
                                   {"expression": "namespaceObject.metadata.name == '%s'" % t.ns, "message": "Internal error! Other namespace should not be allowed."}]})
    denied = effective(t, deployment("replicas1", 1), lambda code, o: code == 422)
    t.check("wants replicas > 1, got 1" in denied["message"] and "e2e-policy-" + t.unique in denied["message"], denied["message"])
    t.same(t.post(path("apps/v1", "deployments", t.ns), deployment("replicas1", 1), status=422)["reason"], "Invalid", "reason")
    t.post(path("apps/v1", "deployments", t.ns, dryRun="All"), deployment("replicas2", 2))
    t.post(path("apps/v1", "deployments", t.namespace(), dryRun="All"), deployment("replicas1", 1))


@spec(V + "allow expressions to refer variables.")
def variables(t):
    validating(t, {"variables": [{"name": "replicas", "expression": "object.spec.replicas"}, {"name": "oddReplicas", "expression": "variables.replicas % 2 == 1"}],
                   "validations": [{"expression": "variables.replicas > 1"}, {"expression": "variables.oddReplicas"}]})
    effective(t, deployment("replicas1", 1), lambda code, o: code == 422)
    t.check("variables.oddReplicas" in t.post(path("apps/v1", "deployments", t.ns, dryRun="All"), deployment("replicas2", 2), status=422)["message"], "the failed expression is told")
    t.post(path("apps/v1", "deployments", t.ns, dryRun="All"), deployment("replicas3", 3))


@spec(V + "support ValidatingAdmissionPolicy API operations")
def validating_operations(t):
    operations(t, ADMISSION, "validatingadmissionpolicies", {"spec": {"matchConstraints": {"resourceRules": RULES}, "validations": [{"expression": "object.spec.replicas <= 100"}]}},
               namespaced=False, change=("spec.validations.0.expression", "object.spec.replicas <= 200"),
               status={"conditions": [{"type": "E2E", "status": "True", "reason": "E2E", "message": "set", "lastTransitionTime": "2026-01-01T00:00:00Z"}]})


@spec(V + "support ValidatingAdmissionPolicyBinding API operations")
def validating_bindings(t):
    operations(t, ADMISSION, "validatingadmissionpolicybindings", {"spec": {"policyName": "none-" + t.unique, "validationActions": ["Deny"]}}, namespaced=False,
               change=("spec.validationActions", ["Warn"]))


MUTATION = [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": "Object{spec: Object.spec{replicas: 3}}"}}]


def mutating(t, spec):
    name = "e2e-mutating-" + t.unique
    t.make(path(ADMISSION, "mutatingadmissionpolicies"), {"metadata": {"name": name}, "spec": dict({"failurePolicy": "Fail", "reinvocationPolicy": "Never", "matchConstraints": marked(t)}, **spec)})
    t.make(path(ADMISSION, "mutatingadmissionpolicybindings"), {"metadata": {"name": name}, "spec": {"policyName": name}})


@spec(P + "mutate a Deployment")
def mutate_deployment(t):
    mutating(t, {"mutations": MUTATION})
    done = effective(t, deployment("one", 1), lambda code, o: code == 201 and o["spec"]["replicas"] == 3)
    t.same(done["spec"]["template"]["spec"]["containers"][0]["image"], PAUSE, "nothing else changes")
    t.same(t.post(path("apps/v1", "deployments", t.namespace(), dryRun="All"), deployment("one", 1))["spec"]["replicas"], 1, "another namespace")


@spec(P + "mutate a Deployment with annotations")
def mutate_annotations(t):
    mutating(t, {"mutations": [{"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": "Object{metadata: Object.metadata{annotations: {'my-annotation': 'set-' + object.metadata.name}}}"}},
                               {"patchType": "JSONPatch", "jsonPatch": {"expression": "[JSONPatch{op: 'add', path: '/metadata/annotations/' + jsonpatch.escapeKey('example.com/second'), value: 'yes'}]"}}]})
    body = deployment("one", 1, annotations={"kept": "yes"})
    done = effective(t, body, lambda code, o: code == 201 and "my-annotation" in o["metadata"]["annotations"])
    t.same({k: done["metadata"]["annotations"].get(k) for k in ("kept", "my-annotation", "example.com/second")}, {"kept": "yes", "my-annotation": "set-one", "example.com/second": "yes"}, "annotations")


@spec(P + "support MutatingAdmissionPolicy API operations")
def mutating_operations(t):
    operations(t, ADMISSION, "mutatingadmissionpolicies", {"spec": {"matchConstraints": {"resourceRules": RULES}, "reinvocationPolicy": "Never", "mutations": MUTATION}}, namespaced=False,
               change=("spec.reinvocationPolicy", "IfNeeded"))


@spec(P + "support MutatingAdmissionPolicyBinding API operations")
def mutating_bindings(t):
    operations(t, ADMISSION, "mutatingadmissionpolicybindings", {"spec": {"policyName": "none-" + t.unique}}, namespaced=False, change=("spec.policyName", "other"))
