# What `apus up` says when it can't or need not do its work, and that nothing half-started stays. Sourced by run.sh.
has "$(apus up 2>&1)" 'already runs' "started twice"
has "$(apus status)" 'node1' "status"
lacks "$(apus doctor 2>&1 || true)" 'fatal' "doctor"
taken=$(free_port)
python3 -c 'import socket,sys; s=socket.socket(); s.bind(("127.0.0.1",int(sys.argv[1]))); s.listen(); print("ready",flush=True); sys.stdin.read()' "$taken" \
    < <(tail -f /dev/null --pid=$$) >"$APUS_ROOT/taken" &
holder=$!
until_true 10 "a program holds a port" grep -q ready "$APUS_ROOT/taken"
refused() { ! "$@" >"$APUS_ROOT/said" 2>&1; }
other=other-$$
until_true 5 "a taken port is refused" refused apus up --name "$other" --port "$taken"
has "$(cat "$APUS_ROOT/said")" "port $taken on 127.0.0.1 is in use" "a taken port is said"
kill $holder
lacks "$(ip link show; ls /run/apus)" "$other[^.]" "nothing half-started stays"
has "$(setpriv --reuid=65534 --regid=65534 --clear-groups "$APUS" up --name nobody 2>&1 || true)" 'root' "not root"
has "$(PATH=/nowhere "$APUS" up --name "$other" --port 0 2>&1 || true)" 'containerd.*(not installed|not found|missing)|missing.*containerd|containerd' "no containerd"
has "$(apus node stop node9 2>&1 || true)" 'no node node9' "an absent node"
has "$(apus down --name "$other" 2>&1 || true)" '.' "down of a cluster that is not there"
