# Ingress by the built-in proxy, with curl as its client: rules, TLS by name, bodies, WebSocket, a rollout under load; and a
# LoadBalancer address. Sourced by run.sh, or by itself with KUBECONFIG and INGRESS_HTTP, INGRESS_HTTPS (ports) set.
[ -n "${here:-}" ] || . "$(dirname "$0")/lib.sh"
ways=$(mktemp -d /tmp/apus-ingress.XXXXXX)
urls=$([ -n "${APUS_NAME:-}" ] && apus status | sed -n 's/^ingress  //p' || true)
plain=${INGRESS_HTTP:-$(sed 's/.*http:[^ ]*:\([0-9]*\) .*/\1/' <<<"$urls")}
secure=${INGRESS_HTTPS:-$(sed 's/.*:\([0-9]*\)$/\1/' <<<"$urls")}
# The endpoint listens where the API server does, so that an EndpointSlice may name it.
far=$(k get endpointslices kubernetes -o jsonpath='{.endpoints[0].addresses[0]}')
far_port=$(free_port)
python3 "$here/ingress.py" serve "$far" "$far_port" 2>"$ways/err" &
far_pid=$!
ways_end() {
    [ ! -d "$ways" ] || touch "$ways/stop"
    kill "$far_pid" 2>/dev/null || true
    k delete namespace ways --ignore-not-found --wait=false >/dev/null 2>&1 || true
    rm -rf "$ways"
}
if [ -z "${APUS_NAME:-}" ]; then trap ways_end EXIT; fi
# get HOST PATH [CURL OPTIONS]
get() {
    local host=$1 path=$2
    shift 2
    curl -s -m 30 -H "Host: $host" "$@" "http://127.0.0.1:$plain$path"
}
# tls HOST PATH [CURL OPTIONS]
tls() {
    local host=$1 path=$2
    shift 2
    curl -s -m 30 --resolve "$host:$secure:127.0.0.1" "$@" "https://$host:$secure$path"
}
certificate() {
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$1" -addext "subjectAltName=DNS:$1" \
        -keyout "$ways/$1.key" -out "$ways/$1.crt" 2>/dev/null
}
k get ingressclass apus -o jsonpath='{.spec.controller} {.metadata.annotations}' >"$ways/class"
has "$(cat "$ways/class")" 'apus.dev/ingress .*is-default-class":"true"' "the class apus is the default"
k create namespace ways >/dev/null
certificate far.test
k -n ways create secret tls far --cert="$ways/far.test.crt" --key="$ways/far.test.key" >/dev/null
cat <<YAML | k -n ways apply -f - >/dev/null
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  strategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: nginx
        image: nginx:1.0
        ports: [{name: http, containerPort: 80}]
        readinessProbe: {httpGet: {path: /, port: http}, periodSeconds: 1}
        lifecycle: {preStop: {exec: {command: [sleep, "1"]}}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: outside}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80, targetPort: http}]}
---
apiVersion: v1
kind: Service
metadata: {name: far}
spec: {ports: [{name: http, port: 80, targetPort: $far_port}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: far-1, labels: {kubernetes.io/service-name: far}}
addressType: IPv4
ports: [{name: http, port: $far_port}]
endpoints: [{addresses: ["$far"], conditions: {ready: true}}]
---
apiVersion: v1
kind: Service
metadata: {name: nobody}
spec: {selector: {app: nobody}, ports: [{port: 80}]}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: ways}
spec:
  tls: [{hosts: [far.test], secretName: far}]
  rules:
  - host: web.test
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: web, port: {name: http}}}}
      - {path: /far, pathType: Prefix, backend: {service: {name: far, port: {number: 80}}}}
      - {path: /far/exact, pathType: Exact, backend: {service: {name: nobody, port: {number: 80}}}}
  - host: far.test
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: far, port: {number: 80}}}}]}
  - host: "*.wild.test"
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: missing, port: {number: 80}}}}]}
YAML
k -n ways rollout status deployment web --timeout=90s >/dev/null
get_has() { get "$1" "$2" | grep -qE -- "$3"; }
until_true 20 "a host's rule leads to a Deployment" get_has web.test / 'Welcome to nginx'
until_true 10 "the status tells where" bash -c "'$KUBECTL' -n ways get ingress ways | grep -E 'apus +web.test,far.test,\*.wild.test +127.0.0.1 +80, 443'"
has "$(get web.test /far/x)" '"path": "/far/x"' "a longer prefix goes first"
same "$(get web.test /far/exact -o /dev/null -w '%{http_code}')" 503 "an exact path goes first, and has nobody behind it"
same "$(get a.wild.test / -o /dev/null -w '%{http_code}')" 503 "a wildcard leads to a Service that is not there"
same "$(get a.b.wild.test / -o /dev/null -w '%{http_code}')" 404 "a wildcard is one label"
same "$(get other.test / -o /dev/null -w '%{http_code}')" 404 "a host without a rule"
described() { k -n ways describe ingress ways; }
events_told() { described | grep -qE 'Translate .*could not find service "ways/missing"'; }
until_true 10 "an event tells of the missing Service" events_told
has "$(described)" 'Normal +Sync .*Scheduled for sync' "an event tells of the sync"
has "$(described)" "/far +far:80 \($far:$far_port\)" "describe shows the backends"

has "$(tls far.test / --cacert "$ways/far.test.crt" -w '%{http_version}')" '"x-forwarded-proto": "https".*}2$' \
    "HTTP/2 with the certificate of the Secret"
has "$(tls far.test / -k --http1.1 -w '%{http_version}')" "\"x-forwarded-host\": \"far.test:$secure\".*}1.1$" "HTTP/1.1 over TLS"
has "$(get far.test / -H 'X-Forwarded-For: 6.6.6.6')" '"x-forwarded-for": "127.0.0.1"' "a client's own origin is not believed"
named() { openssl s_client -connect "127.0.0.1:$secure" -servername "$1" </dev/null 2>/dev/null | openssl x509 -noout -subject; }
has "$(named other.test)" 'Kubernetes Ingress Controller Fake Certificate' "other names get the fake certificate"
old=$(openssl x509 -noout -serial -in "$ways/far.test.crt")
certificate far.test
[ "$old" != "$(openssl x509 -noout -serial -in "$ways/far.test.crt")" ] || fail "the same certificate again"
k -n ways create secret tls far --cert="$ways/far.test.crt" --key="$ways/far.test.key" --dry-run=client -o yaml | k apply -f - >/dev/null 2>&1
until_true 10 "a new certificate is served" tls far.test / --cacert "$ways/far.test.crt" -o /dev/null -f

head -c 20000000 /dev/urandom >"$ways/body"
sum="20000000 $(sha256sum <"$ways/body" | cut -d' ' -f1)"
same "$(get far.test / --data-binary @"$ways/body" -H 'Expect:')" "$sum" "20 MB up over HTTP/1.1"
same "$(tls far.test / -k --data-binary @"$ways/body")" "$sum" "20 MB up over HTTP/2"
same "$(get far.test / -T - -X POST <"$ways/body")" "$sum" "20 MB up, chunked"
same "$(get far.test /big | wc -c)" 20971520 "20 MB down"
same "$(tls far.test /big -k | wc -c)" 20971520 "20 MB down over HTTP/2"
# The first chunk is there before the last was made.
has "$(get far.test /stream -w '%{time_starttransfer} %{time_total}' | tail -n 1 | awk '{print ($2 - $1 > 0.5)}')" 1 "answers stream"
same "$(python3 "$here/ingress.py" websocket "$plain" far.test)" "HTTP/1.1 101 Switching Protocols" "a WebSocket echoes"

# An open request finishes though its endpoint has left.
get far.test /slow >"$ways/slow" &
slow_pid=$!
sleep 0.5
k -n ways patch endpointslice far-1 --type=merge -p '{"endpoints":[]}' >/dev/null
gone() { [ "$(get far.test / -o /dev/null -w '%{http_code}')" = 503 ]; }
until_true 5 "an endpoint that left gets no more requests" gone
wait $slow_pid
same "$(cat "$ways/slow")" "slow but whole" "its open request finished"

python3 "$here/ingress.py" load "$plain" web.test "$ways/stop" >"$ways/load" &
load_pid=$!
k -n ways set image deployment web nginx=nginx:2.0 >/dev/null
k -n ways rollout status deployment web --timeout=120s >/dev/null
touch "$ways/stop"
wait $load_pid
has "$(cat "$ways/load")" '^[1-9][0-9]+ ok, 0 failed' "a rollout under load: $(cat "$ways/load")"
has "$(get web.test /)" 'version 2.0' "the new version answers"

address=$(k -n ways get service outside -o jsonpath='{.status.loadBalancer.ingress[0].ip}')
has "$(curl -s -m 10 "http://$address/")" 'version 2.0' "a LoadBalancer address answers this machine"
ways_end
