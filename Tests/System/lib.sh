# Shared by the system tests: a cluster of its own (name, folder, port, registry), asserts, and a sure clean-up.
# Expects: APUS (the binary; default the release build), KUBECTL (default kubectl on the PATH).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repo=$(cd "$here/../.." && pwd)
APUS=${APUS:-$repo/.build/release/apus}
KUBECTL=${KUBECTL:-kubectl}
passed=0

say() { printf '%s\n' "$*"; }
fail() {
    say "FAILED: $*" >&2
    exit 1
}
# ok NAME: one more assertion that held.
ok() {
    passed=$((passed + 1))
    say "  ok $1"
}
# has TEXT PATTERN NAME: TEXT matches the extended regular expression.
has() {
    grep -qE -- "$2" <<<"$1" || fail "$3: no match for /$2/ in:
$1"
    ok "$3"
}
# lacks TEXT PATTERN NAME
lacks() {
    if grep -qE -- "$2" <<<"$1"; then fail "$3: unexpected match for /$2/ in:
$1"; fi
    ok "$3"
}
# same A B NAME
same() {
    [ "$1" = "$2" ] || fail "$3: '$1' is not '$2'"
    ok "$3"
}
# until_true SECONDS NAME COMMAND…: waits for a state that no watch tells (what another process prints), 0.1 s apart.
until_true() {
    local limit=$1 name=$2 end
    shift 2
    end=$((SECONDS + limit))
    until "$@" >/dev/null 2>&1; do
        [ $SECONDS -lt $end ] || fail "$name: not within $limit s: $*"
        sleep 0.1
    done
    ok "$name"
}
k() { "$KUBECTL" --kubeconfig="$KUBECONFIG" "$@"; }
apus() { "$APUS" "$@"; }

free_port() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }

# cluster_begin NAME NODES: folders, registry with the images, and a running cluster.
cluster_begin() {
    APUS_NAME=$1-$$
    APUS_ROOT=$(mktemp -d /tmp/apus-test.XXXXXX)
    export APUS_NAME APUS_ROOT APUS_KUBECONFIG_MERGE=no
    KUBECONFIG=$APUS_ROOT/$APUS_NAME/kubeconfig
    export KUBECONFIG
    trap cluster_end EXIT
    registry_port=$(free_port)
    "$repo/scripts/registry.sh" start "$APUS_ROOT/registry" "$registry_port"
    "$repo/scripts/images.sh" --out "${APUS_IMAGES:-$APUS_ROOT/images}" --registry "localhost:$registry_port" >"$APUS_ROOT/images.log"
    apus up --nodes "$2" --port 0 --registry "localhost:$registry_port"
}

cluster_end() {
    local status=$?
    trap - EXIT
    if [ $status -ne 0 ]; then
        say "--- state of the failed run" >&2
        k get pods,deployments,nodes -A -o wide >&2 || true
        k get events -A --sort-by=.lastTimestamp 2>/dev/null | tail -n 40 >&2 || true
        for log in "$APUS_ROOT/$APUS_NAME"/logs/server.log "$APUS_ROOT/$APUS_NAME"/logs/*-agent.log; do
            say "--- $log" >&2
            tail -n 25 "$log" >&2 || true
        done
    fi
    apus down --delete --now >/dev/null 2>&1 || say "apus down failed" >&2
    "$repo/scripts/registry.sh" stop "$APUS_ROOT/registry" "$registry_port" || true
    if mountpoint -q "$APUS_ROOT/$APUS_NAME/server"; then umount "$APUS_ROOT/$APUS_NAME/server"; fi
    rm -rf "$APUS_ROOT"
    if [ $status -eq 0 ]; then say "$passed passed, 0 failed"; else say "$passed passed, 1 failed"; fi
    exit $status
}
