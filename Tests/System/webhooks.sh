# An operator as users write them: its CRD in two versions, its webhooks behind TLS of its own, by URL and by service, its
# controller under RBAC; and what a failing webhook is told to be. Sourced by run.sh, or by itself with KUBECONFIG set.
[ -n "${here:-}" ] || . "$(dirname "$0")/lib.sh"
hooks=$(mktemp -d /tmp/apus-webhooks.XXXXXX)
hook_port=$(free_port)
# The operator listens where the API server does, so that an EndpointSlice may name it.
hook_host=${HOOK_HOST:-$(k get endpointslices kubernetes -o jsonpath='{.endpoints[0].addresses[0]}')}
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=operator-ca" -keyout "$hooks/ca.key" -out "$hooks/ca.crt" 2>/dev/null
openssl req -newkey rsa:2048 -nodes -subj "/CN=operator" -keyout "$hooks/tls.key" -out "$hooks/tls.csr" 2>/dev/null
printf 'subjectAltName=DNS:operator.hooks.svc,DNS:localhost,IP:%s\n' "$hook_host" >"$hooks/san"
openssl x509 -req -in "$hooks/tls.csr" -CA "$hooks/ca.crt" -CAkey "$hooks/ca.key" -CAcreateserial -days 2 -extfile "$hooks/san" -out "$hooks/tls.crt" 2>/dev/null
bundle=$(base64 -w0 "$hooks/ca.crt")
python3 "$here/extension.py" serve "$hooks/tls.crt" "$hooks/tls.key" "$hook_host" "$hook_port" "$hooks/log" 2>"$hooks/err" &
hook_pid=$!
control_pid=
hooks_end() {
    kill "$hook_pid" $control_pid 2>/dev/null || true
    k delete mutatingwebhookconfigurations,validatingwebhookconfigurations -l test=webhooks --ignore-not-found >/dev/null 2>&1 || true
    k delete crd crontabs.stable.example.com --ignore-not-found --wait=false >/dev/null 2>&1 || true
    k delete namespace hooks --ignore-not-found --wait=false >/dev/null 2>&1 || true
    rm -rf "$hooks"
}
if [ -z "${APUS_NAME:-}" ]; then trap hooks_end EXIT; fi
until_true 10 "the operator listens" bash -c "exec 3<>/dev/tcp/$hook_host/$hook_port"
k create namespace hooks >/dev/null
cat <<YAML | k apply -f - >/dev/null
apiVersion: v1
kind: Service
metadata: {name: operator, namespace: hooks}
spec: {ports: [{name: https, port: 443, targetPort: $hook_port}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: operator-1, namespace: hooks, labels: {kubernetes.io/service-name: operator}}
addressType: IPv4
ports: [{name: https, port: $hook_port, protocol: TCP}]
endpoints: [{addresses: ["$hook_host"], conditions: {ready: true}}]
YAML
by_service() { printf '{service: {namespace: hooks, name: operator, path: %s}, caBundle: %s}' "$1" "$bundle"; }
by_url() { printf '{url: "https://%s:%s%s", caBundle: %s}' "$hook_host" "$hook_port" "$1" "$bundle"; }
# hook KIND NAME CLIENT RESOURCES EXTRA…: one configuration with one webhook for creates in the namespace `hooks`.
hook() {
    local kind=$1 name=$2 client=$3 groups=$4 resources=$5
    shift 5
    cat <<YAML | k apply -f -
apiVersion: admissionregistration.k8s.io/v1
kind: ${kind}WebhookConfiguration
metadata: {name: $name, labels: {test: webhooks}}
webhooks:
- name: $name.stable.example.com
  clientConfig: $client
  namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: hooks}}
  rules: [{apiGroups: ["$groups"], apiVersions: ["*"], operations: ["*"], resources: [$resources]}]
  sideEffects: None
  admissionReviewVersions: [v1]
$(printf '  %s\n' "$@")
YAML
}
unhook() { k delete "$1webhookconfiguration" "$2" >/dev/null; }
# pod NAME LABELS ANNOTATIONS FLAGS…: creates it in `hooks` and prints what comes back.
hpod() {
    local name=$1 labels=$2 notes=$3
    shift 3
    printf '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"%s","labels":{%s},"annotations":{%s}},"spec":{"containers":[{"name":"c","image":"pause"}],"nodeSelector":{"no":"where"}}}' \
        "$name" "$labels" "$notes" | k create -n hooks -f - "$@" 2>&1 || true
}

say "-- mutating and validating"
hook Mutating b-mutate "$(by_service /mutate)" "" pods >/dev/null
hook Mutating a-stage2 "$(by_url /stage2)" "" pods "reinvocationPolicy: IfNeeded" >/dev/null
hook Validating validate "$(by_service /validate)" "" pods >/dev/null
has "$(hpod one '' '"sidecar":"yes"' -o json)" '"mutated-by": "operator"' "a patch is in force from the next request on"
has "$(k get pod one -n hooks -o jsonpath='{.spec.containers[*].name}')" '^c sidecar$' "a container was added"
has "$(k get pod one -n hooks -o jsonpath='{.spec.containers[1].terminationMessagePath}')" '/dev/termination-log' "what was added has defaults"
has "$(k get pod one -n hooks -o jsonpath='{.spec.containers[1].volumeMounts[0].mountPath}')" 'serviceaccount' "built-in plugins saw what was added"
has "$(k get pod one -n hooks -o jsonpath='{.metadata.annotations.containers}')" '^2$' "a webhook that asks for it is called again"
has "$(hpod two '"unwanted":""' '')" 'Error from server \(Forbidden\): .*admission webhook "validate.stable.example.com" denied the request: this pod is unwanted' "a denial"
has "$(hpod three '"teapot":""' '' -v6)" "418 I'm a teapot" "a denial's code"
has "$(hpod four '"silent":""' '')" 'admission webhook "validate.stable.example.com" denied the request without explanation' "a denial without words"
has "$(hpod five '"noisy":""' '')" 'Warning: this pod is noisy' "a warning"
has "$(k label pod one -n hooks unwanted=yes 2>&1 || true)" 'denied the request: this pod is unwanted' "updates are judged"
has "$(hpod six '"unwanted":""' '' --dry-run=server)" 'this pod is unwanted' "dry runs are judged"
has "$(grep '"dryRun": true' "$hooks/log" | head -1)" '"options": \{[^}]*"dryRun": \["All"\]' "a webhook is told of a dry run"
has "$(grep -m1 '/validate' "$hooks/log")" '"path": "/validate\?timeout=10s", "host": "operator.hooks.svc:443"' "path, timeout and host"
has "$(k create namespace elsewhere --dry-run=server -o name; k run p --image=pause -n default --dry-run=server --labels=unwanted=1 -o name)" 'pod/p' "other namespaces are left alone"

say "-- connections and subresources"
k create role stranger -n hooks --verb=create --resource=pods/exec >/dev/null
hook Validating connect "$(by_url /connect)" "" '"pods/exec", "pods/attach"' >/dev/null
has "$(k exec -n hooks one -- true 2>&1 || true)" 'denied the request: exec of one is closed' "CONNECT"
unhook validating connect

say "-- when it fails"
unhook validating validate
hook Validating fails "$(by_url /slow)" "" pods "timeoutSeconds: 1" >/dev/null
has "$(hpod f1 '' '')" "Internal error occurred: failed calling webhook \"fails.stable.example.com\": failed to call webhook: Post \"https://$hook_host:$hook_port/slow\?timeout=1s\": context deadline exceeded" "a timeout"
hook Validating fails "$(by_url /broken)" "" pods >/dev/null
has "$(hpod f2 '' '')" 'failed to call webhook: an error on the server \("out of order"\) has prevented the request from succeeding' "a status of 500"
hook Validating fails "$(by_url /nowhere)" "" pods >/dev/null
has "$(hpod f3 '' '')" 'failed to call webhook: the server could not find the requested resource' "a status of 404"
hook Validating fails "$(by_url /wrong-uid)" "" pods >/dev/null
has "$(hpod f4 '' '')" 'received invalid webhook response: expected response.uid="[0-9a-f-]{36}", got "wrong"' "a wrong uid"
hook Validating fails "$(by_url /mutate)" "" pods >/dev/null
has "$(hpod f5 '' '')" 'received invalid webhook response: validating webhook may not return response.patch' "a patch where none may be"
hook Validating fails "{url: \"https://$hook_host:1/x\"}" "" pods >/dev/null
has "$(hpod f6 '' '')" "Post \"https://$hook_host:1/x\?timeout=10s\": dial tcp $hook_host:1: connect: connection refused" "nobody listens"
hook Validating fails "{url: \"https://$hook_host:$hook_port/always\"}" "" pods >/dev/null
has "$(hpod f7 '' '')" 'tls: failed to verify certificate: x509: certificate signed by unknown authority' "an unknown authority"
hook Validating fails "{service: {namespace: hooks, name: absent, path: /x}}" "" pods >/dev/null
has "$(hpod f8 '' '')" 'Post "https://absent.hooks.svc:443/x\?timeout=10s": service "absent" not found' "a service that is not there"
hook Validating fails "{service: {namespace: hooks, name: absent, path: /x}}" "" pods "failurePolicy: Ignore" >/dev/null
has "$(hpod f9 '' '')" 'pod/f9 created' "failurePolicy Ignore"
hook Validating fails "$(by_url /always)" "" pods "sideEffects: NoneOnDryRun" 2>/dev/null >/dev/null || true
has "$(hook Validating wrong "$(by_url /always)" "" pods "matchPolicy: Sometimes" 2>&1 || true)" 'webhooks\[0\].matchPolicy: Unsupported value: "Sometimes": supported values: "Equivalent", "Exact"' "a faulty configuration"
unhook validating fails

say "-- match conditions"
hook Validating validate "$(by_service /validate)" "" pods 'matchConditions: [{name: only-marked, expression: "has(object.metadata.labels) && '"'marked'"' in object.metadata.labels"}]' >/dev/null
has "$(hpod m1 '"unwanted":""' '' --dry-run=server)" 'pod/m1 created' "a condition that does not hold"
has "$(hpod m2 '"unwanted":"","marked":""' '' --dry-run=server)" 'this pod is unwanted' "a condition that holds"
unhook validating validate

say "-- a kind in two versions"
crd_version() {
    cat <<YAML
  - name: $1
    served: true
    storage: $2
    subresources: {status: {}}
    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {$3}}, status: {type: object, properties: {endpoint: {type: string}}}}}}
YAML
}
cat <<YAML | k apply -f - >/dev/null
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: crontabs.stable.example.com}
spec:
  group: stable.example.com
  scope: Namespaced
  names: {plural: crontabs, singular: crontab, kind: CronTab, shortNames: [ct]}
  conversion:
    strategy: Webhook
    webhook: {conversionReviewVersions: [v1], clientConfig: $(by_service /convert)}
  versions:
$(crd_version v1 true "hostPort: {type: string}")
$(crd_version v2 false "host: {type: string}, port: {type: string}")
YAML
k wait --for=condition=Established crd/crontabs.stable.example.com --timeout=10s >/dev/null
k create serviceaccount operator -n hooks >/dev/null
k create clusterrole crontabs --verb=get,list,watch --resource=crontabs.stable.example.com --dry-run=client -o yaml | k apply -f - >/dev/null
k create clusterrole crontabs-status --verb=patch --resource=crontabs.stable.example.com/status --dry-run=client -o yaml | k apply -f - >/dev/null
for role in crontabs crontabs-status; do
    k create clusterrolebinding "$role" --clusterrole="$role" --serviceaccount=hooks:operator --dry-run=client -o yaml | k apply -f - >/dev/null
done
server=$(k config view --raw -o jsonpath='{.clusters[0].cluster.server}')
k config view --raw -o jsonpath='{.clusters[0].cluster.certificate-authority-data}' | base64 -d >"$hooks/api-ca.crt"
python3 "$here/extension.py" control "$server" "$hooks/api-ca.crt" "$(k create token operator -n hooks)" 2>"$hooks/control.err" &
control_pid=$!
hook Validating crontab "$(by_service /crontab)" stable.example.com crontabs 2>/dev/null >/dev/null
# cron VERSION NAME SPEC: creates one and prints what comes back.
cron() { printf 'apiVersion: stable.example.com/%s\nkind: CronTab\nmetadata: {name: %s}\nspec: %s\n' "$@" | k create -n hooks -f - 2>&1 || true; }
has "$(cron v2 tick '{host: clock.example, port: "80"}')" 'crontab.stable.example.com/tick created' "written as v2"
same "$(k get crontabs.v1.stable.example.com tick -n hooks -o jsonpath='{.spec.hostPort}')" clock.example:80 "written as v2, read as v1"
same "$(k get crontabs.v2.stable.example.com tick -n hooks -o jsonpath='{.spec.host} {.spec.port}')" "clock.example 80" "and as v2 again"
until_true 10 "the controller writes the status as its service account" bash -c "[ \"\$('$KUBECTL' --kubeconfig='$KUBECONFIG' get crontab tick -n hooks -o jsonpath='{.status.endpoint}')\" = clock.example:80 ]"
has "$(cron v2 tock '{host: x}')" 'admission webhook "crontab.stable.example.com" denied the request: spec.port is needed' "its objects are judged"
cat <<YAML | k apply -f - >/dev/null
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: crontab, labels: {test: webhooks}}
webhooks:
- name: crontab.stable.example.com
  clientConfig: $(by_service /crontab)
  rules: [{apiGroups: [stable.example.com], apiVersions: [v2], operations: [CREATE, UPDATE], resources: [crontabs]}]
  sideEffects: None
  admissionReviewVersions: [v1]
YAML
has "$(cron v1 tock '{hostPort: "x:"}')" 'denied the request: spec.port is needed' "a rule for v2 sees what is written as v1"
k get --raw /apis/stable.example.com/v1/crontabs >/dev/null && ok "a list across versions"
hooks_end
control_pid=
