#!/bin/sh
# A container registry (Debian's docker-registry) on this machine's loopback.
#   scripts/registry.sh start|stop [DIR] [PORT]      DIR default /var/lib/apus-registry, PORT default 5000
set -eu
action=${1:-start}
dir=${2:-/var/lib/apus-registry}
port=${3:-5000}
pidfile=$dir/registry.pid

answers() { curl -fsS -m 2 -o /dev/null "http://127.0.0.1:$port/v2/" 2>/dev/null; }

case $action in
start)
    if answers; then exit 0; fi
    mkdir -p "$dir/data"
    cat >"$dir/config.yml" <<YAML
version: 0.1
log: {level: warn, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $dir/data}, delete: {enabled: true}}
http: {addr: "127.0.0.1:$port"}
YAML
    setsid docker-registry serve "$dir/config.yml" >"$dir/registry.log" 2>&1 </dev/null &
    echo $! >"$pidfile"
    tries=0
    until answers; do
        tries=$((tries + 1))
        if [ $tries -gt 100 ] || ! kill -0 "$(cat "$pidfile")" 2>/dev/null; then
            echo "the registry did not start: $(tail -1 "$dir/registry.log")" >&2
            exit 1
        fi
        sleep 0.05
    done
    ;;
stop)
    if [ -s "$pidfile" ]; then kill "$(cat "$pidfile")" 2>/dev/null || true; rm -f "$pidfile"; fi
    ;;
*)
    echo "usage: $0 start|stop [DIR] [PORT]" >&2
    exit 1
    ;;
esac
