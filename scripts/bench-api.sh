#!/bin/bash
# What the API server alone costs, beside upstream's kube-apiserver and etcd in the same minute where they are to be had.
#   scripts/bench-api.sh [BINARY]            default .build/release/apus
# UPSTREAM=DIR has kube-apiserver and apibench (the project's conformance/build.sh makes them); etcd comes from PATH. Without it
# the load is `apus bench` and there are no ratios. PODS (100000), WATCHERS (10000) and WAIT (seconds a read bench lasts, 8) shorten a
# trial; PARTS="speed hold" chooses.
set -euo pipefail
repo=$(cd "$(dirname "$0")/.." && pwd)
APUS=$(realpath "${1:-$repo/.build/release/apus}")
UPSTREAM=${UPSTREAM:-}
PODS=${PODS:-100000} WATCHERS=${WATCHERS:-10000} WAIT=${WAIT:-8} PARTS=${PARTS:-speed hold}
hz=$(getconf CLK_TCK)
root=$(mktemp -d /tmp/apus-bench-api.XXXXXX)
pids=()
ulimit -n "$(ulimit -Hn)"

finish() {
    local status=$?
    trap - EXIT INT TERM
    [ $status -eq 0 ] || tail -n 5 "$root"/*.log >&2
    for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done
    for p in "${pids[@]}"; do wait "$p" 2>/dev/null || true; done
    rm -rf "$root"
    exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
now() { date +%s.%N; }
ticks() { local sum=0 p t; for p in "$@"; do t=$(awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$p/stat"); sum=$((sum + t)); done; echo "$sum"; }
anon() { awk '/^RssAnon/ { printf "%.0f", $2 * 1024 / 1e6 }' "/proc/$1/status"; }
ready() { curl -s --cacert "$1/ca.crt" --cert "$1/admin.crt" --key "$1/admin.key" "https://127.0.0.1:$2/readyz" 2>/dev/null | grep -q '^ok'; }
await() { for _ in $(seq 2400); do ready "$1" "$2" && return; sleep 0.025; done; echo "127.0.0.1:$2 is not ready" >&2; exit 1; }

# admin PKI: an administrator's certificate from PKI/ca
admin() (
    cd "$1"
    openssl ecparam -name prime256v1 -genkey -noout -out admin.key
    openssl req -new -key admin.key -subj /O=system:masters/CN=admin -out admin.csr
    openssl x509 -req -in admin.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out admin.crt \
        -extfile <(echo extendedKeyUsage=clientAuth)
) 2>/dev/null

start_apus() {
    "$APUS" server --data "$root/apus" --listen 127.0.0.1 --port "$port" >>"$root/apus.log" 2>&1 &
    apus=$!
    pids+=("$apus")
    for _ in $(seq 400); do [ -s "$root/apus/pki/apiserver.crt" ] && break; sleep 0.025; done
    [ -s "$root/apus/pki/admin.crt" ] || admin "$root/apus/pki"
    await "$root/apus/pki" "$port"
}

start_upstream() {
    local pki=$root/pki etcd_port peer_port
    mkdir -p "$pki"
    (
        cd "$pki"
        openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=peer-ca -keyout ca.key -out ca.crt
        openssl req -newkey rsa:2048 -nodes -subj /CN=kube-apiserver -keyout apiserver.key -out apiserver.csr
        openssl x509 -req -in apiserver.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out apiserver.crt \
            -extfile <(printf 'extendedKeyUsage=serverAuth\nsubjectAltName=IP:127.0.0.1\n')
        openssl genrsa -out sa.key 2048
    ) 2>/dev/null
    admin "$pki"
    etcd_port=$(free_port) peer_port=$(free_port) up_port=$(free_port)
    etcd --name peer --data-dir "$root/etcd" --listen-client-urls "http://127.0.0.1:$etcd_port" \
        --advertise-client-urls "http://127.0.0.1:$etcd_port" --listen-peer-urls "http://127.0.0.1:$peer_port" \
        --initial-advertise-peer-urls "http://127.0.0.1:$peer_port" --initial-cluster "peer=http://127.0.0.1:$peer_port" \
        >"$root/etcd.log" 2>&1 &
    etcd=$!
    pids+=("$etcd")
    "$UPSTREAM/kube-apiserver" --etcd-servers="http://127.0.0.1:$etcd_port" --bind-address=127.0.0.1 --secure-port="$up_port" \
        --advertise-address=127.0.0.1 --service-cluster-ip-range=10.96.0.0/16 --cert-dir="$root/certs" \
        --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" --client-ca-file="$pki/ca.crt" \
        --service-account-issuer=https://x --service-account-key-file="$pki/sa.key" \
        --service-account-signing-key-file="$pki/sa.key" --authorization-mode=Node,RBAC \
        --disable-admission-plugins=ServiceAccount >"$root/kube-apiserver.log" 2>&1 &
    kas=$!
    pids+=("$kas")
    await "$pki" "$up_port"
}

# measure NAME FIELD ARGUMENTS: prints and keeps rate, p50, p99 and CPU of both servers for one apibench run.
declare -A rate cpu p50 p99
one() {
    local who=$1 name=$2 port=$3 pki=$4 processes=$5 before out line ops
    shift 5
    before=$(ticks $processes)
    out=$("$UPSTREAM/apibench" -server "127.0.0.1:$port" -ca "$pki/ca.crt" -cert "$pki/admin.crt" -key "$pki/admin.key" "$@")
    line=$(tail -n 1 <<<"$out")
    cpu[$who$name]=$(ticks $processes)
    cpu[$who$name]=$((cpu[$who$name] - before))
    case $name in
    watch)
        rate[$who$name]=$(grep -oE 'events/s=[0-9.]+' <<<"$line" | cut -d= -f2)
        ops=$(grep -oE 'delivered=[0-9]+' <<<"$line" | cut -d= -f2)
        line=$(head -n 1 <<<"$out") ;;
    *)
        rate[$who$name]=$(grep -oE ' ops/s=[0-9.]+' <<<"$line" | cut -d= -f2)
        ops=$(grep -oE ' ops=[0-9]+' <<<"$line" | cut -d= -f2) ;;
    esac
    p50[$who$name]=$(grep -oE 'p50=[0-9.]+' <<<"$line" | cut -d= -f2)
    p99[$who$name]=$(grep -oE 'p99=[0-9.]+' <<<"$line" | cut -d= -f2)
    cpu[$who$name]=$(awk -v t="${cpu[$who$name]}" -v h="$hz" -v n="$ops" 'BEGIN { printf "%.4f", 1000 * t / h / n }')
}
compare() {
    local name=$1
    shift
    one apus "$name" "$port" "$root/apus/pki" "$apus" "$@"
    one peer "$name" "$up_port" "$root/pki" "$kas $etcd" "$@"
    awk -v n="$name" -v a="${rate[apus$name]}" -v b="${rate[peer$name]}" -v c="${cpu[apus$name]}" -v d="${cpu[peer$name]}" \
        -v e="${p99[apus$name]}" -v f="${p50[peer$name]}" 'BEGIN {
        printf "%-8s %10.0f /s  upstream %8.0f /s  ratio %6.1f | CPU %8.4f ms  upstream %8.4f ms  ratio %6.1f | p99 %8.2f ms  upstream p50 %8.2f ms\n",
            n, a, b, a / b, c, d, d / c, e, f }'
}

port=$(free_port)
start_apus
echo "API bench: $APUS, $(nproc) cores, load $(cut -d' ' -f1-3 /proc/loadavg)"
if [[ " $PARTS " == *" speed "* ]]; then
    if [ -x "$UPSTREAM/apibench" ] && [ -x "$UPSTREAM/kube-apiserver" ]; then
        start_upstream
        compare create -c 16 -n 2000 -size 1024 -ns b1 create
        compare get -c 16 -d "${WAIT}s" -ns b1 get
        compare list -c 4 -d "${WAIT}s" -ns b1 list
        compare watch -c 4 -w 200 -n 500 -ns b2 watch
        kill "$kas" "$etcd"
    else
        echo "no upstream at '${UPSTREAM}': see scripts/bench.sh for rates without ratios"
    fi
fi
if [[ " $PARTS " == *" hold "* ]]; then
    export KUBECONFIG=$root/kubeconfig
    pki=$root/apus/pki
    cat >"$KUBECONFIG" <<EOF
apiVersion: v1
kind: Config
current-context: bench
contexts: [{name: bench, context: {cluster: bench, user: bench}}]
clusters: [{name: bench, cluster: {server: "https://127.0.0.1:$port", certificate-authority: $pki/ca.crt}}]
users: [{name: bench, user: {client-certificate: $pki/admin.crt, client-key: $pki/admin.key}}]
EOF
    before=$(anon "$apus")
    t=$(ticks "$apus")
    "$APUS" bench fill --objects "$PODS"
    echo "fill     server CPU per pod created, ms: $(awk -v t=$(($(ticks "$apus") - t)) -v h="$hz" -v n="$PODS" 'BEGIN { printf "%.3f", 1000 * t / h / n }')"
    echo "memory   $PODS pods: $(anon "$apus") MB anonymous ($before MB before), store $(du -m "$root/apus/state.db" | cut -f1) MB"
    kill "$apus"
    wait "$apus" 2>/dev/null || true
    begin=$(now)
    start_apus
    echo "restart  with $PODS pods: ready after $(awk -v a="$(now)" -v b="$begin" 'BEGIN { printf "%.2f", a - b }') s, $(anon "$apus") MB"
    before=$(anon "$apus")
    mkfifo "$root/go"
    "$APUS" bench hold --watchers "$WATCHERS" <"$root/go" >"$root/hold.log" 2>&1 &
    pids+=($!)
    exec 7>"$root/go"
    for _ in $(seq 1200); do grep -q '^hold:' "$root/hold.log" && break; sleep 0.1; done
    grep '^hold:' "$root/hold.log"
    echo "memory   $WATCHERS idle watchers: $(($(anon "$apus") - before)) MB more"
    exec 7>&-
fi
