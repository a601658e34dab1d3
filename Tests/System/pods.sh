# What a pod can ask of its node: volumes, environment, probes, hooks, limits, restarts. Sourced by run.sh.
k create configmap settings --from-literal=color=blue --from-literal=shape=round >/dev/null
k create secret generic secrets --from-literal=password=hunter2 >/dev/null
cat <<'YAML' | k apply -f - >/dev/null
apiVersion: v1
kind: Pod
metadata:
  name: features
  labels: {app: features}
  annotations: {note: hello}
spec:
  terminationGracePeriodSeconds: 2
  hostAliases:
  - {ip: 10.1.2.3, hostnames: [aliased.example]}
  initContainers:
  - name: first
    image: busybox
    command: [sh, -c, "echo from-init > /shared/init; echo $(date) > /shared/started"]
    volumeMounts: [{name: shared, mountPath: /shared}]
  containers:
  - name: main
    image: busybox
    command: [sh, -c, "trap 'exit 0' TERM; while :; do sleep 0.2; done"]
    env:
    - {name: PLAIN, value: "plain"}
    - {name: COMPOSED, value: "$(PLAIN)-$(COLOR)"}
    - {name: COLOR, valueFrom: {configMapKeyRef: {name: settings, key: color}}}
    - {name: COMPOSED_AFTER, value: "$(PLAIN)-$(COLOR)"}
    - {name: PASSWORD, valueFrom: {secretKeyRef: {name: secrets, key: password}}}
    - {name: POD_IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
    - {name: LIMIT, valueFrom: {resourceFieldRef: {resource: limits.memory, divisor: 1Mi}}}
    envFrom:
    - {prefix: FROM_, configMapRef: {name: settings}}
    resources:
      requests: {cpu: 20m, memory: 16Mi}
      limits: {cpu: 200m, memory: 32Mi}
    lifecycle:
      postStart: {exec: {command: [sh, -c, "echo hooked > /shared/hook"]}}
    readinessProbe: {exec: {command: [test, -e, /shared/hook]}, periodSeconds: 1}
    securityContext: {runAsUser: 1000, readOnlyRootFilesystem: true, allowPrivilegeEscalation: false}
    volumeMounts:
    - {name: shared, mountPath: /shared}
    - {name: settings, mountPath: /etc/settings}
    - {name: secrets, mountPath: /etc/secrets}
    - {name: about, mountPath: /etc/about}
    - {name: memory, mountPath: /memory}
    - {name: settings, mountPath: /etc/one-color, subPath: color}
  volumes:
  - {name: shared, emptyDir: {}}
  - {name: settings, configMap: {name: settings}}
  - {name: secrets, secret: {secretName: secrets, defaultMode: 0440}}
  - name: about
    downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: metadata.labels}}, {path: note, fieldRef: {fieldPath: "metadata.annotations['note']"}}]}
  - {name: memory, emptyDir: {medium: Memory, sizeLimit: 1Mi}}
  securityContext: {fsGroup: 2000}
---
apiVersion: v1
kind: Pod
metadata: {name: crashing}
spec:
  containers:
  - {name: c, image: busybox, command: [sh, -c, "echo last words > /dev/termination-log; exit 7"]}
---
apiVersion: v1
kind: Pod
metadata: {name: unhealthy}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: c
    image: busybox
    command: [sh, -c, "sleep 100000"]
    livenessProbe: {exec: {command: ["false"]}, periodSeconds: 1, failureThreshold: 2}
---
apiVersion: v1
kind: Pod
metadata: {name: greedy}
spec:
  restartPolicy: Never
  containers:
  - name: c
    image: busybox
    command: [sh, -c, "x=a; while :; do x=$x$x; done"]
    resources: {limits: {memory: 16Mi}}
---
apiVersion: v1
kind: Pod
metadata: {name: done}
spec:
  restartPolicy: Never
  containers:
  - {name: c, image: busybox, command: [sh, -c, "echo finished"]}
---
apiVersion: v1
kind: Pod
metadata: {name: toolarge}
spec:
  containers:
  - {name: c, image: busybox, command: [sleep, "100000"], resources: {requests: {cpu: "1000"}}}
YAML
k wait --for=condition=Ready pod/features --timeout=60s >/dev/null
ok "init container, hook and readiness probe led to Ready"
f() { k exec features -c main -- "$@"; }
same "$(f cat /shared/init)" from-init "emptyDir shared with the init container"
same "$(f cat /shared/hook)" hooked "postStart hook"
same "$(f sh -c "echo \$COMPOSED_AFTER")" plain-blue "env composed of others"
same "$(f sh -c "echo \$PASSWORD")" hunter2 "env from a secret"
same "$(f sh -c "echo \$FROM_shape")" round "envFrom with a prefix"
same "$(f sh -c "echo \$LIMIT")" 32 "env from a limit"
same "$(f sh -c "echo \$POD_IP")" "$(k get pod features -o jsonpath='{.status.podIP}')" "env from the pod's status"
same "$(f cat /etc/settings/shape)" round "configMap volume"
same "$(f cat /etc/one-color)" blue "subPath"
same "$(f cat /etc/about/note)" hello "downward API volume"
same "$(f id -u)" 1000 "runAsUser"
has "$(f id -G)" '2000' "fsGroup"
has "$(f sh -c 'touch /x' 2>&1 || true)" 'Read-only file system' "read-only root"
has "$(f grep ' /memory ' /proc/mounts)" '^tmpfs' "memory volume"
has "$(f cat /etc/hosts)" '10\.1\.2\.3[[:space:]]+aliased\.example' "hostAliases"
has "$(f cat /proc/1/status)" 'NoNewPrivs:.*1' "no new privileges"
k patch configmap settings -p '{"data":{"shape":"square"}}' >/dev/null
until_true 90 "a changed configMap reaches the volume" bash -c "'$KUBECTL' exec features -c main -- grep square /etc/settings/shape"
until_true 60 "CrashLoopBackOff" bash -c "'$KUBECTL' get pod crashing | grep CrashLoopBackOff"
has "$(k get pod crashing -o jsonpath='{.status.containerStatuses[0].lastState.terminated}')" '"exitCode":7.*"message":"last words' "exit code and termination message"
until_true 60 "a failing liveness probe restarts the container" bash -c "[ \$('$KUBECTL' get pod unhealthy -o jsonpath='{.status.containerStatuses[0].restartCount}') -ge 1 ]"
until_true 60 "OOMKilled" bash -c "'$KUBECTL' get pod greedy -o jsonpath='{.status.containerStatuses[0].state.terminated.reason}' | grep OOMKilled"
until_true 30 "Succeeded" bash -c "'$KUBECTL' get pod done -o jsonpath='{.status.phase}' | grep Succeeded"
same "$(k logs done)" finished "log of a pod that ended"
has "$(k describe pod toolarge)" '0/1 nodes are available: 1 Insufficient cpu' "Pending with the scheduler's message"
k scale --replicas=0 deployment --all >/dev/null 2>&1 || true
k delete pod crashing unhealthy greedy done toolarge --now >/dev/null

say "== the network and the node's own parts"
k apply -f - >/dev/null <<'YAML'
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: disk}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: keeper, labels: {app: keeper}}
spec:
  containers:
  - {name: c, image: busybox, command: [sh, -c, "echo kept > /disk/f; mkdir -p /www; echo hi > /www/index.html; httpd -f -p 8080 -h /www"], volumeMounts: [{name: disk, mountPath: /disk}]}
  volumes: [{name: disk, persistentVolumeClaim: {claimName: disk}}]
---
apiVersion: v1
kind: Service
metadata: {name: front}
spec: {type: LoadBalancer, selector: {app: keeper}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: v1
kind: Pod
metadata: {name: caller, labels: {app: caller}}
spec: {containers: [{name: c, image: busybox, command: [sleep, "100000"]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: daring}
spec:
  securityContext: {sysctls: [{name: kernel.msgmax, value: "65536"}]}
  containers: [{name: c, image: busybox}]
YAML
k wait --for=condition=Ready pod/keeper pod/caller --timeout=60s >/dev/null
ok "a claim of the default class serves a pod"
same "$(k get pod daring -o jsonpath='{.status.reason}')" SysctlForbidden "unsafe sysctls are refused"
until_true 10 "a LoadBalancer has an address" bash -c "'$KUBECTL' get service front -o jsonpath='{.status.loadBalancer.ingress[0].ip}' | grep ."
address=$(k get service front -o jsonpath='{.status.loadBalancer.ingress[0].ip}')
until_true 10 "that this machine reaches" bash -c "curl -sf -m 2 http://$address/ | grep hi"
port=$(k get service front -o jsonpath='{.spec.ports[0].nodePort}')
until_true 10 "and the node port on 127.0.0.1" bash -c "curl -sf -m 2 http://127.0.0.1:$port/ | grep hi"
keeper=$(k get pod keeper -o jsonpath='{.status.podIP}')
reaches() { k exec caller -- timeout 2 wget -qO- "http://$keeper:8080/"; }
until_true 10 "pods reach each other" reaches
k apply -f - >/dev/null <<'YAML'
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: shut}
spec: {podSelector: {matchLabels: {app: keeper}}, policyTypes: [Ingress]}
YAML
until_true 10 "unless a NetworkPolicy forbids it" bash -c "! '$KUBECTL' exec caller -- timeout 2 wget -qO- http://$keeper:8080/"
k delete networkpolicy shut >/dev/null
until_true 10 "and again without it" reaches
manifests=$APUS_ROOT/$APUS_NAME/nodes/node1/manifests
mkdir -p "$manifests"
printf '%s\n' 'apiVersion: v1' 'kind: Pod' 'metadata: {name: fixed}' \
    'spec: {containers: [{name: c, image: busybox, command: [sleep, "100000"]}]}' >"$manifests/fixed.yaml"
until_true 30 "a static pod runs and is shown" bash -c "'$KUBECTL' get pod fixed-node1 -o jsonpath='{.status.phase}' | grep Running"
rm "$manifests/fixed.yaml"
until_true 60 "and goes with its manifest" bash -c "! '$KUBECTL' get pod fixed-node1"
has "$(k get --raw /api/v1/nodes/node1/proxy/configz)" '"clusterDomain":"cluster.local"' "the node shows its configuration"
has "$(k get --raw /api/v1/nodes/node1/proxy/metrics/cadvisor)" 'container_memory_working_set_bytes' "and its containers' figures"
k delete pod keeper caller daring --now >/dev/null
k delete service front >/dev/null
k delete pvc disk >/dev/null
until_true 20 "the volume's folder goes with its claim" bash -c "! ls '$APUS_ROOT/$APUS_NAME/nodes/node1/volumes' | grep pvc-"

say "== restarts of our own parts"
before=$(k get pod features -o jsonpath='{.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}')
pid_of() { python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))["pid"])' "$1"; }
# Until it is gone: a process that is about to die still counts as running.
kill_now() {
    kill -9 "$1"
    timeout 10 tail --pid="$1" -s 0.05 -f /dev/null || true
}
kill_now "$(pid_of "/run/apus/$APUS_NAME/nodes/node1/agent.json")"
k create configmap while-away --from-literal=a=b >/dev/null
apus up >/dev/null
k wait --for=condition=Ready node/node1 --timeout=60s >/dev/null
same "$(k get pod features -o jsonpath='{.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}')" "$before" "the agent killed and started again keeps its pods"
same "$(f cat /shared/init)" from-init "and they work"
kill_now "$(pid_of "/run/apus/$APUS_NAME/server.json")"
apus up >/dev/null
same "$(k get pod features -o jsonpath='{.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}')" "$before" "so does the server"
k run after --image=busybox --restart=Never -- sleep 100000 >/dev/null
k wait --for=condition=Ready pod/after --timeout=60s >/dev/null
ok "and new pods start"
k exec features -c main -- kill 1 2>/dev/null || true
until_true 20 "a container that stops is seen and restarted" bash -c "[ \$('$KUBECTL' get pod features -o jsonpath='{.status.containerStatuses[0].restartCount}') = 1 ]"
k delete pod features after --now >/dev/null
