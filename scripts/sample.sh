#!/bin/sh
# Runs the sample of examples/explore on a running cluster and prints what its web server answers.
#   scripts/sample.sh [APUS] [ROOT]
set -eu
apus=${1:-.build/release/apus}
root=${2:-/var/lib/apus}
here=$(cd "$(dirname "$0")/.." && pwd)
export KUBECONFIG="$root/apus/kubeconfig"
"$apus" apply -f "$here/examples/explore/explore.yaml"
"$apus" rollout status deployment/explore --timeout=120s
address=$("$apus" get service explore -o 'jsonpath={.spec.clusterIP}')
echo "The web server of the sample answers at http://$address/ :"
curl -fsS -m 10 --retry 5 --retry-connrefused "http://$address/"
