#!/bin/bash
# What Apus costs: start times, memory, idle CPU, pod starts and API throughput of a cluster of its own on this machine.
#   scripts/bench.sh [BINARY]       default .build/release/apus; needs root
# IDLE_SECONDS (30) and PODS (20) shorten a trial; BENCH_CLIENT is another program for the load (default BINARY). No registry: the one image is imported into the node.
set -euo pipefail
repo=$(cd "$(dirname "$0")/.." && pwd)
APUS=$(realpath "${1:-$repo/.build/release/apus}")
client=${BENCH_CLIENT:-$APUS}
IDLE_SECONDS=${IDLE_SECONDS:-30}
PODS=${PODS:-20}
image=web:1.0
hz=$(getconf CLK_TCK)
[ -x "$APUS" ] || { echo "no program at $APUS" >&2; exit 1; }

export APUS_KUBECONFIG_MERGE=no
name=bench-$$
root=$(mktemp -d /tmp/apus-bench.XXXXXX)
place=(--name "$name" --root "$root")
export KUBECONFIG=$root/$name/kubeconfig

finish() {
    local status=$?
    trap - EXIT INT TERM
    if [ $status -ne 0 ]; then
        for log in "$root/up.log" "$root/$name"/logs/*.log; do
            [ ! -s "$log" ] || { echo "--- $log" >&2; tail -n 15 "$log" >&2; }
        done
    fi
    "$APUS" down --delete --now "${place[@]}" >/dev/null 2>&1 || echo "apus down failed for $name" >&2
    rm -rf "$root"
    exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM

now() { date +%s.%N; }
minus() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.3f", a - b }'; }
# field LINE KEY: the value of KEY=… in a line of `apus bench`.
field() { grep -oE "(^| )$2=[^ ]+" <<<"$1" | head -1 | cut -d= -f2; }
# pid RECORD: the pid in one of the cluster's records.
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
# shares PID…: MB resident, where pages that several processes share count once in all.
shares() { for p in "$@"; do cat "/proc/$p/smaps_rollup"; done | awk '/^Pss:/ { s += $2 } END { printf "%.1f", s * 1024 / 1e6 }'; }
# busy: ticks the machine has worked.
busy() { awk '/^cpu /{ print $2 + $3 + $4 + $7 + $8 + $9 }' /proc/stat; }

# percent TICKS: of one core, over the idle time.
percent() { awk -v t="$1" -v h="$hz" -v s="$IDLE_SECONDS" 'BEGIN { printf "%.2f", 100 * t / h / s }'; }
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
    line=$("$client" bench "$@")
    row "$label" "$(field "$line" per-second)" "/s"
    echo "    $line server-cpu-seconds=$(awk -v t=$(($(ticks "$server") - before)) -v h="$hz" 'BEGIN { printf "%.2f", t / h }')"
}

# stamped: each line of `apus up` with the time it came; stamp TEXT: the time of the line with TEXT.
stamped() { while IFS= read -r line; do printf '%s %s\n' "$EPOCHREALTIME" "$line"; done; }
stamp() { awk -v p="$1" 'index($0, p) { print $1; exit }' "$root/up.log"; }

echo "Apus bench: $APUS, $(nproc) cores, load $(cut -d' ' -f1-3 /proc/loadavg), state on $(stat -f -c %T "$root")"
"$repo/scripts/images.sh" --no-push --out "$root/images" web-1 >"$root/images.log"

begin=$(now)
"$APUS" up --nodes 1 "${place[@]}" --port 0 2>&1 | stamped >"$root/up.log"
"$APUS" get --raw /readyz >/dev/null
server=$(pid server)
agent=$(pid nodes/node1/agent)
containerd=$(pid nodes/node1/containerd)
row "apus up -> API ready" "$(minus "$(stamp 'server: http')" "$begin")" s 0.3
row "apus up -> node Ready" "$(minus "$(stamp 'nodes Ready')" "$begin")" s 1.5
sed -n 's/^[0-9.]* \(  .*[0-9] m\?s\)$/  \1/p' "$root/up.log"


"$APUS" image import "${place[@]}" "$root/images/web-1.tar" >/dev/null
line=$("$client" bench pods --count 1 --image "$image")
row "first pod: Deployment created -> Running" "$(awk -v v="$(field "$line" p50-ms)" 'BEGIN { printf "%.3f", v / 1000 }')" s 0.5

row "RSS of our server" "$(rss "$server")" MB
row "RSS of our agent" "$(rss "$agent")" MB
row "RSS of our processes" "$(rss "$server" "$agent")" MB 100
row "  (the program's shared pages counted once)" "$(shares "$server" "$agent")" MB
row "RSS of containerd" "$(rss "$containerd")" MB

before=$(ticks "$server" "$agent")
machine=$(busy)
sleep "$IDLE_SECONDS"
own=$(($(ticks "$server" "$agent") - before))
machine=$(($(busy) - machine - own))
row "idle CPU of our processes over $IDLE_SECONDS s" "$(percent $own)" "%core" 0.5
row "  (the rest of the machine meanwhile)" "$(percent $machine)" "%core"

line=$("$client" bench pods --count "$PODS" --image "$image")
row "Deployment -> Running, p50 of $PODS" "$(field "$line" p50-ms)" ms
row "Deployment -> Running, p99 of $PODS" "$(field "$line" p99-ms)" ms
api "creates (1 KB ConfigMaps, 16 TLS, durable)" create --connections 16 --objects 2000 --size 1024
api "gets (16 TLS)" get --connections 16 --duration 8s
api "lists of 2,000 objects (4 TLS)" list --connections 4 --objects 2000 --duration 8s
api "watch events delivered (200 watchers)" watch --watchers 200 --objects 500 --connections 4
row "RSS of our processes after the load" "$(rss "$server" "$agent")" MB
