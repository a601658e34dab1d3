# `apus` as the command line, its output beside kubectl's where both print the same thing.
kubectl_minor=$("$KUBECTL" version --client -o json | python3 -c 'import json,re,sys; print(re.match(r"\d+", json.load(sys.stdin)["clientVersion"]["minor"]).group())')
twin() { # twin NAME ARGUMENTS…: both print the same
    # Debian's kubectl 1.20 says many things in other words than the API level served here.
    if [ "$kubectl_minor" -lt 30 ]; then return 0; fi
    local name=$1
    shift
    same "$(apus "$@" 2>&1 | sed 's/\([0-9]\+[dhms]\)\+\b/AGE/g; s/ \+/ /g; s/apus/kubectl/g')" "$(k "$@" 2>&1 | sed 's/\([0-9]\+[dhms]\)\+\b/AGE/g; s/ \+/ /g; s/apus/kubectl/g; /^ *creationTimestamp: null$/d')" "$name: as kubectl"
}
has "$(apus create deployment cli --image=web:1.0 --replicas=2)" 'deployment.apps/cli created' "create"
has "$(apus rollout status deployment/cli --timeout=60s)" 'deployment "cli" successfully rolled out' "rollout status"
twin "get deployments" get deployments
twin "get pods -o wide" get pods -l app=cli -o wide
twin "get -o yaml" get deployment cli -o yaml
twin "get -o json" get deployment cli -o json
twin "get -o name" get pods,deployments -l app=cli -o name
twin "get -o jsonpath" get pods -l app=cli -o 'jsonpath={range .items[*]}{.metadata.name}{"\t"}{.status.phase}{"\n"}{end}'
twin "jsonpath filter" get nodes -o 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}'
twin "get -o custom-columns" get pods -l app=cli -o custom-columns=NAME:.metadata.name,IMAGE:.spec.containers[*].image
twin "show labels" get pods -l app=cli --show-labels
twin "all namespaces" get services -A
twin "an absent object" get pod nothing
twin "an absent resource" get wombats
twin "nothing there" get jobs
twin "describe deployment" describe deployment cli
pod=$(apus get pods -l app=cli -o jsonpath='{.items[0].metadata.name}')
twin "describe pod" describe pod "$pod"
twin "describe node" describe node node1
twin "api-resources" api-resources
twin "describe service" describe service kubernetes
twin "describe configmap" describe configmap kube-root-ca.crt
twin "describe namespace" describe namespace default
twin "describe replicaset" describe replicaset -l app=cli
twin "describe clusterrole" describe clusterrole view
twin "describe endpointslices" describe endpointslices
twin "get all" get all
twin "sort-by" get pods -A --sort-by=.metadata.creationTimestamp
twin "label columns" get pods -L app,pod-template-hash --no-headers
twin "can-i --list" auth can-i --list
twin "config view" config view
twin "explain" explain pod.spec.containers
twin "rollout history" rollout history deployment/cli --revision=1
twin "create deployment, dry" create deployment x --image=web:1.0 --port=80 --dry-run=client -o yaml
twin "create service, dry" create service nodeport x --tcp=80 --node-port=30080 --dry-run=client -o yaml
twin "create rolebinding, dry" create rolebinding x --role=r --user=u --serviceaccount=default:s --dry-run=client -o yaml
twin "label, dry" label deployment cli a=b --dry-run=client -o yaml
twin "an absent container" logs "$pod" -c nope
twin "an absent context" get pods --context=nothing
twin "wait times out" wait pod -l app=cli --for=condition=Bogus --timeout=1s
twin "scale of nothing" scale deployment nothing --replicas=1
has "$(apus events --for deployment/cli)" 'ScalingReplicaSet +Deployment/cli' "events"
has "$(script -qec "$APUS exec -it $pod -- sh -c tty" /dev/null </dev/null)" '/dev/' "exec: a terminal"
has "$(apus exec "$pod" -- sh -c 'echo out; exit 3' 2>&1 || true)" 'command terminated with exit code 3' "exec: exit code"
has "$(echo through | apus exec -i "$pod" -- cat)" '^through$' "exec: stdin"
apus exec "$pod" -- sh -c 'echo a line >/proc/1/fd/1'
says_a_line() { apus logs "$pod" --tail=1 | grep -q 'a line'; }
until_true 5 "logs" says_a_line
has "$(apus expose deployment cli --port=80 --target-port=8080)" 'service/cli exposed' "expose"
has "$(apus scale deployment cli --replicas=3)" 'deployment.apps/cli scaled' "scale"
has "$(apus set image deployment/cli web=web:2.0)" 'deployment.apps/cli image updated' "set image"
apus rollout status deployment/cli --timeout=60s >/dev/null
has "$(apus rollout history deployment/cli)" 'REVISION +CHANGE-CAUSE' "rollout history"
has "$(apus rollout undo deployment/cli)" 'deployment.apps/cli rolled back' "rollout undo"
has "$(apus rollout restart deployment/cli)" 'deployment.apps/cli restarted' "rollout restart"
apus rollout status deployment/cli --timeout=60s >/dev/null
has "$(apus label deployment cli tier=front)" 'deployment.apps/cli labeled' "label"
has "$(apus annotate deployment cli note=x)" 'deployment.apps/cli annotated' "annotate"
has "$(apus apply -f "$repo/examples/explore/explore.yaml")" 'deployment.apps/explore created' "apply creates"
has "$(apus apply -f "$repo/examples/explore/explore.yaml")" 'deployment.apps/explore unchanged' "apply again changes nothing"
has "$(sed 's/replicas: 2/replicas: 1/' "$repo/examples/explore/explore.yaml" | apus apply -f -)" 'deployment.apps/explore configured' "apply configures"
has "$(k diff -f "$repo/examples/explore/explore.yaml" 2>&1 || true)" 'replicas: 2' "kubectl diff agrees with what apus applied"
apus diff -f "$repo/examples/explore/explore.yaml" >"$APUS_ROOT/diff" || status=$?
same "${status:-0}" 1 "diff: exit status 1 on differences"
has "$(cat "$APUS_ROOT/diff")" '^\+  replicas: 2' "diff"
has "$(apus wait --for=condition=Available deployment/explore --timeout=60s)" 'deployment.apps/explore condition met' "wait"
has "$(apus explain deployment.spec.strategy)" 'rollingUpdate' "explain"
has "$(apus auth can-i create pods)" '^yes' "auth can-i"
pod=$(apus get pods -l app=cli --field-selector=status.phase=Running -o jsonpath='{.items[0].metadata.name}')
echo copied >"$APUS_ROOT/file"
apus cp "$APUS_ROOT/file" "$pod:/tmp/there"
apus cp "$pod:/tmp/there" "$APUS_ROOT/back"
same "$(cat "$APUS_ROOT/back")" copied "cp there and back"
port=$(free_port)
apus port-forward "$pod" "$port:8080" >"$APUS_ROOT/forward.log" 2>&1 &
forward=$!
until_true 10 "port-forward" curl -fsS -m 2 "http://127.0.0.1:$port/"
kill $forward
k port-forward "$pod" "$port:8080" >"$APUS_ROOT/forward.log" 2>&1 &
forward=$!
until_true 10 "kubectl port-forward" curl -fsS -m 2 "http://127.0.0.1:$port/"
kill $forward
has "$(apus top node 2>&1)" 'node1 +[0-9]+m' "top node"
has "$(EDITOR='sed -i s/tier:.front/tier:\ back/' apus edit deployment cli)" 'deployment.apps/cli edited' "edit"
has "$(apus cordon node1; apus uncordon node1)" 'node/node1 cordoned' "cordon"
has "$(apus delete deployment cli)" 'deployment.apps "cli" deleted' "delete"
has "$(apus delete -f "$repo/examples/explore/explore.yaml")" 'service "explore" deleted' "delete -f"
has "$(apus frobnicate 2>&1 || true)" 'unknown command "frobnicate"' "an unknown command"
has "$(apus get pods --bogus 2>&1 || true)" 'unknown flag: --bogus' "an unknown flag"
