#!/bin/bash
# What Apus costs: start times, memory, idle CPU, pod starts and API throughput of a cluster of its own on this machine.
#   scripts/bench.sh [BINARY]       default .build/release/apus; needs root
# APUS_IMAGES names a folder of ready images (scripts/images.sh --out); IDLE_SECONDS (30) and PODS (20) shorten a trial.
set -euo pipefail
repo=$(cd "$(dirname "$0")/.." && pwd)
APUS=$(realpath "${1:-$repo/.build/release/apus}")
IDLE_SECONDS=${IDLE_SECONDS:-30}
PODS=${PODS:-20}
image=localhost/pause:bench
hz=$(getconf CLK_TCK)
[ -x "$APUS" ] || { echo "no program at $APUS" >&2; exit 1; }

export APUS_KUBECONFIG_MERGE=no
name=bench-$$
root=$(mktemp -d /tmp/apus-bench.XXXXXX)
place=(--name "$name" --root "$root")
export KUBECONFIG=$root/$name/kubeconfig
registry_port=

finish() {
    local status=$?
    trap - EXIT INT TERM
    if [ $status -ne 0 ]; then
        for log in "$root/up.log" "$root/$name"/logs/*.log; do
            [ ! -s "$log" ] || { echo "--- $log" >&2; tail -n 15 "$log" >&2; }
        done
    fi
    "$APUS" down --delete --now "${place[@]}" >/dev/null 2>&1 || echo "apus down failed for $name" >&2
    [ -z "$registry_port" ] || "$repo/scripts/registry.sh" stop "$root/registry" "$registry_port" || true
    rm -rf "$root"
    exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM

now() { date +%s.%N; }
minus() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", a - b }'; }
# field LINE KEY: the value of KEY=… in a line of `apus bench`.
field() { grep -oE "(^| )$2=[^ ]+" <<<"$1" | head -1 | cut -d= -f2; }
# key FILE: the pid in one of the cluster's records.
pid() { grep -oE '"pid":[0-9]+' "/run/apus/$name/$1.json" | cut -d: -f2; }
# ticks PID…: user and system time together, in clock ticks.
ticks() {
    local sum=0 p t
    for p in "$@"; do
        t=$(awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$p/stat")
        sum=$((sum + t))
    done
    echo "$sum"
}
# rss PID…: MB (10^6 bytes) resident, all together.
rss() { for p in "$@"; do cat "/proc/$p/status"; done | awk '/^VmRSS/ { s += $2 } END { printf "%.1f", s * 1024 / 1e6 }'; }
others() { awk '/^cpu /{ print $2 + $3 + $4 + $7 + $8 + $9 }' /proc/stat; }

# row NAME VALUE UNIT [AIM]: the ratio is value/aim; aims are upper bounds.
row() {
    awk -v n="$1" -v v="$2" -v u="$3" -v a="${4:-}" 'BEGIN {
        if (a == "") printf "%-44s %10s %-6s\n", n, v, u
        else printf "%-44s %10s %-6s  aim < %-6s ratio %5.2f %s\n", n, v, u, a, v / a, (v < a ? "ok" : "MISSED") }'
}
# api LABEL ARGUMENTS…: one `apus bench` run and what it cost our server.
api() {
    local label=$1 before line
    shift
    before=$(ticks "$server")
    line=$("$APUS" bench "$@")
    row "$label" "$(field "$line" per-second)" "/s"
    echo "    $line server-cpu-seconds=$(awk -v t=$(($(ticks "$server") - before)) -v h="$hz" 'BEGIN { printf "%.2f", t / h }')"
}

# ready_times FILE: stamps what `apus up` says.
stamped() { while IFS= read -r line; do printf '%s %s\n' "$EPOCHREALTIME" "$line"; done; }
stamp() { awk -v p="$1" 'index($0, p) { print $1; exit }' "$root/up.log"; }

echo "Apus bench: $APUS, $(nproc) cores, load $(cut -d' ' -f1-3 /proc/loadavg)"
registry_port=$(python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])')
"$repo/scripts/registry.sh" start "$root/registry" "$registry_port"
"$repo/scripts/images.sh" --out "${APUS_IMAGES:-$root/images}" --registry "localhost:$registry_port" >"$root/images.log"

begin=$(now)
"$APUS" up --nodes 1 "${place[@]}" --port 0 --registry "localhost:$registry_port" 2>&1 | stamped >"$root/up.log"
"$APUS" get --raw /readyz >/dev/null
server=$(pid server)
agent=$(pid nodes/node1/agent)
containerd=$(pid nodes/node1/containerd)
row "apus up -> API ready" "$(minus "$(stamp 'server: http')" "$begin")" s 0.3
row "apus up -> node Ready" "$(minus "$(stamp 'nodes Ready')" "$begin")" s 1.5

"$APUS" image import "${place[@]}" "${APUS_IMAGES:-$root/images}/busybox.tar" >/dev/null
