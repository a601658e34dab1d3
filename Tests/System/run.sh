#!/usr/bin/env bash
# Crash, bad input, Python client and command line, on one cluster of one node that it makes and removes.
. "$(dirname "$0")/lib.sh"
export APUS PYTHONDONTWRITEBYTECODE=1

cluster_begin sys 1
say "== apus up, down, status"
. "$here/cluster.sh"
say "== bad input"
python3 "$here/badinput.py"
say "== clients that abuse the server"
python3 "$here/abuse.py" --quick
k run nopull --image=nowhere.invalid/nothing:1 --restart=Never >/dev/null
k run nocommand --image=busybox --restart=Never -- /no/such/command >/dev/null
until_true 60 "an image that does not exist" bash -c "'$KUBECTL' get pod nopull | grep -E 'ErrImagePull|ImagePullBackOff'"
until_true 60 "a command that does not exist" bash -c "'$KUBECTL' get pod nocommand -o jsonpath='{.status.containerStatuses[0].state}' | grep -E 'no such file or directory|not found'"
k delete pod nopull nocommand --now >/dev/null
say "== pods"
. "$here/pods.sh"
say "== the Python client"
python3 -m pip install -q --no-compile --disable-pip-version-check --root-user-action=ignore --target "$APUS_ROOT/python" kubernetes >/dev/null
PYTHONPATH="$APUS_ROOT/python" python3 "$here/client.py"
say "== the command line"
. "$here/cli.sh"
say "== helm"
. "$here/helm.sh"
say "== webhooks"
. "$here/webhooks.sh"
say "== ingress"
. "$here/ingress.sh"
say "== token, access and OpenID servers"
APUS="$APUS" "$here/reviewers.sh"
say "== conformance specs newer than upstream's suite v1.20, those of the API alone"
python3 "$here/../Conformance/run.py" "$KUBECONFIG" --api
say "== SIGKILL in the middle of 500 creates"
python3 "$here/crash.py" 150
say "== a full disk"
. "$here/fulldisk.sh"
