#!/usr/bin/env bash
# The Kubernetes basics tutorial, walked with an unmodified kubectl against a cluster of three nodes, asserting on what it
# prints. It makes a cluster of its own and removes it. Usage: examples/tutorial.sh   (as root; APUS=binary KUBECTL=kubectl)
. "$(dirname "$0")/../Tests/System/lib.sh"

say "== 0. a cluster of three nodes"
cluster_begin tut 3
has "$(k get nodes)" 'node1 +Ready' "three nodes are Ready"
same "$(k get nodes --no-headers | grep -c ' Ready ')" 3 "all three"
has "$(k cluster-info)" 'Kubernetes control plane.* is running at' "cluster-info"

say "== 1. deploy an app"
has "$(k create deployment bootcamp --image=web:1.0)" 'deployment.apps/bootcamp created' "create deployment"
k rollout status deployment/bootcamp --timeout=60s >/dev/null
has "$(k get deployments)" 'bootcamp +1/1 +1 +1' "get deployments"

say "== 2. explore it"
wide=$(k get pods -l app=bootcamp -o wide)
has "$wide" 'bootcamp-[a-z0-9]+-[a-z0-9]{5} +1/1 +Running +0 .* 10\.[0-9]+\.[0-9]+\.[0-9]+ +node[123]' "get pods -o wide"
pod=$(k get pods -l app=bootcamp -o jsonpath='{.items[0].metadata.name}')
described=$(k describe pod "$pod")
has "$described" 'Image: +web:1.0' "describe: image"
has "$described" 'Successfully assigned default/bootcamp' "describe: scheduled"
has "$described" 'Started container|Container started' "describe: started"
has "$(k exec "$pod" -- hostname)" "^$pod\$" "exec"
ip=$(k get pod "$pod" -o jsonpath='{.status.podIP}')
has "$(k exec "$pod" -- wget -qO- "http://127.0.0.1:8080/")" '1\.0' "the app answers inside its pod"
until_true 10 "logs" sh -c "'$KUBECTL' logs '$pod' | grep -q ."
has "$(k run probe --image=busybox --restart=Never --rm -i --quiet -- wget -qO- "http://$ip:8080/")" '1\.0' "another pod reaches it by its IP"

say "== 3. a pod is a group of containers: the sample"
k apply -f "$repo/examples/explore/explore.yaml" >/dev/null
k rollout status deployment/explore --timeout=90s >/dev/null
pods=($(k get pods -l app=explore -o jsonpath='{.items[*].metadata.name}'))
first=${pods[0]}
has "$(k logs "$first" -c supplier)" 'supplier: edition' "logs of the supplier"
has "$(k logs "$first" -c web)" 'publishing /data' "logs of the web server"
has "$(k exec "$first" -c web -- cat /data/news.json)" 'Pods are running' "web reads what supplier wrote: a shared volume"
same "$(k exec "$first" -c web -- hostname -i)" "$(k exec "$first" -c supplier -- hostname -i)" "both containers have one IP"
has "$(k exec "$first" -c supplier -- wget -qO- http://localhost:8080/)" 'Pods are running' "and one port space"
same "$(k get pod "$first" -o jsonpath='{.spec.nodeName}' | wc -w)" 1 "and one node"

say "== 4. expose it"
has "$(k expose deployment/bootcamp --type=NodePort --port=80 --target-port=8080)" 'service/bootcamp exposed' "expose"
has "$(k get services)" 'bootcamp +NodePort +10\.[0-9.]+ +<none> +80:3[0-9]{4}/TCP' "get services"
cluster_ip=$(k get service bootcamp -o jsonpath='{.spec.clusterIP}')
node_port=$(k get service bootcamp -o jsonpath='{.spec.ports[0].nodePort}')
home=$(k get pod "$pod" -o jsonpath='{.spec.nodeName}')
other=$(k get nodes -o name | grep -v "/$home\$" | head -1); other=${other#node/}
k run client --image=busybox --restart=Never --overrides="{\"spec\":{\"nodeName\":\"$other\"}}" -- sleep 100000 >/dev/null
k wait --for=condition=Ready pod/client --timeout=30s >/dev/null
until_true 10 "another node's pod reaches the Service by its cluster IP" k exec client -- timeout 2 wget -qO- "http://$cluster_ip/"
has "$(k exec client -- timeout 5 wget -qO- "http://bootcamp/")" '1\.0' "and by its name"
has "$(k exec client -- timeout 5 wget -qO- "http://bootcamp.default.svc.cluster.local/")" '1\.0' "and by its full name"
node_ip=$(k get node "$other" -o jsonpath='{.status.addresses[?(@.type=="InternalIP")].address}')
has "$(curl -sS -m 5 "http://$node_ip:$node_port/")" '1\.0' "the host reaches the node port of a node without the pod"
has "$(curl -sS -m 5 "http://$cluster_ip/")" '1\.0' "the host reaches the cluster IP"
k label pod "$pod" version=v1 >/dev/null
has "$(k get pods -l version=v1 --no-headers)" "^$pod " "label and select"

say "== 5. scale it"
has "$(k scale deployments/bootcamp --replicas=4)" 'deployment.apps/bootcamp scaled' "scale to 4"
k rollout status deployment/bootcamp --timeout=60s >/dev/null
has "$(k get deployments bootcamp)" '4/4 +4 +4' "four are available"
same "$(k get pods -l app=bootcamp -o jsonpath='{.items[*].spec.nodeName}' | tr ' ' '\n' | sort -u | wc -l)" 3 "over three nodes"
until_true 10 "the Service spreads over them" bash -c "for i in \$(seq 24); do '$KUBECTL' exec client -- timeout 2 wget -qO- http://$cluster_ip/cgi-bin/pod; done | sort -u | [ \$(wc -l) -ge 3 ]"
k scale deployments/bootcamp --replicas=2 >/dev/null
until_true 30 "scaled down to 2" bash -c "[ \$('$KUBECTL' get pods -l app=bootcamp --no-headers | grep -vc Terminating) = 2 ]"

say "== 6. update it, and go back"
has "$(k set image deployments/bootcamp web=web:2.0)" 'deployment.apps/bootcamp image updated' "set image"
has "$(k rollout status deployments/bootcamp --timeout=60s)" 'deployment "bootcamp" successfully rolled out' "rollout status"
has "$(k exec client -- timeout 5 wget -qO- http://bootcamp/)" '2\.0' "the new version answers"
k set image deployments/bootcamp web=web:no-such-tag >/dev/null
until_true 60 "an image that does not exist is said to fail" bash -c "'$KUBECTL' get pods -l app=bootcamp | grep -E 'ErrImagePull|ImagePullBackOff'"
has "$(k exec client -- timeout 5 wget -qO- http://bootcamp/)" '2\.0' "the old version still answers"
has "$(k rollout undo deployments/bootcamp)" 'deployment.apps/bootcamp rolled back' "undo"
k rollout status deployments/bootcamp --timeout=60s >/dev/null
has "$(k rollout history deployments/bootcamp)" 'REVISION' "history"
lacks "$(k get pods -l app=bootcamp --no-headers | grep -v Terminating)" 'ImagePull|Err' "all is well again"

say "== 7. a node fails: identical pods run elsewhere"
k patch deployment bootcamp --type=json -p '[{"op":"add","path":"/spec/template/spec/tolerations","value":[{"key":"node.kubernetes.io/unreachable","operator":"Exists","effect":"NoExecute","tolerationSeconds":1},{"key":"node.kubernetes.io/not-ready","operator":"Exists","effect":"NoExecute","tolerationSeconds":1}]}]' >/dev/null
k rollout status deployment/bootcamp --timeout=60s >/dev/null
until_true 60 "old pods are gone" bash -c "[ \$('$KUBECTL' get pods -l app=bootcamp --no-headers | wc -l) = 2 ]"
victim=$(k get pods -l app=bootcamp -o jsonpath='{.items[0].spec.nodeName}')
apus node stop "$victim" >/dev/null
k wait --for=condition=Ready=Unknown "node/$victim" --timeout=90s >/dev/null
ok "the node is NotReady"
until_true 60 "two pods run on the nodes that live" bash -c "
    [ \$('$KUBECTL' get pods -l app=bootcamp --field-selector=status.phase=Running -o jsonpath='{range .items[*]}{.spec.nodeName}{\" \"}{.metadata.deletionTimestamp}{\"\n\"}{end}' | grep -v '^$victim' | grep -c '^node[0-9] *\$') = 2 ]"
apus node start "$victim" >/dev/null
k wait --for=condition=Ready "node/$victim" --timeout=60s >/dev/null
ok "the node is back"

say "== 8. down, up: all is back"
before=$(k get deployments,services,configmaps -o name | sort)
apus down >/dev/null
lacks "$(ip link show; ip route show; ls /run/apus/"$APUS_NAME" 2>/dev/null || true)" "$APUS_NAME" "nothing stays behind: links, routes, files"
lacks "$(cat /proc/mounts)" "$APUS_ROOT|/run/apus/$APUS_NAME" "nor mounts"
apus up
same "$(k get deployments,services,configmaps -o name | sort)" "$before" "the objects are there"
k rollout status deployment/bootcamp --timeout=90s >/dev/null
k rollout status deployment/explore --timeout=90s >/dev/null
ok "the pods run again"
