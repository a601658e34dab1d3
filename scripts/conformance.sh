#!/usr/bin/env bash
# Run upstream's own conformance suite (v1.20, built by ../shared/conformance) against a fresh cluster of three nodes,
# then Tests/Conformance/run.py: the specs which came after v1.20, as far as FOCUS and SKIP leave the choice open.
# usage: conformance.sh APUS [OUTDIR]
# env:   SHARED=../shared/conformance   E2E=DIR with its binaries and images (built there on first use, 5-25 minutes)
#        FOCUS, SKIP regular expressions   PROCESSES=6   LIMIT=2400 seconds   NODES=3
# Specs that run alone: FOCUS='\[(Serial|Slow|Disruptive)\].*\[Conformance\]' SKIP='^$' PROCESSES=1
set -euo pipefail
cd "$(dirname "$0")/.."
apus=$(realpath "${1:?usage: conformance.sh APUS [OUTDIR]}")
shared=${SHARED:-../shared/conformance}
[ -d "$shared" ] || { echo "$shared is not there: the suite's scripts are not part of this repository" >&2; exit 1; }
e2e=$(mkdir -p "${E2E:-/var/tmp/apus-e2e}" && realpath "${E2E:-/var/tmp/apus-e2e}")
out=$(mkdir -p "${2:-$e2e/results}" && realpath "${2:-$e2e/results}")
for v in http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY; do unset $v; done

if [ ! -x "$e2e/e2e.test" ]; then
    ONLY="ginkgo e2e.test kubectl agnhost nonewprivs regression-issue-74839 sample-apiserver pause" \
        bash "$shared/build.sh" "$e2e"
fi
[ -s "$e2e/images/e2e-images.tar" ] || BIN=$e2e bash "$shared/images.sh" "$e2e/images"

name=conformance-$$
root=$(mktemp -d /tmp/apus-conformance.XXXXXX)
export APUS_KUBECONFIG_MERGE=no
legacy=""
finish() {
    local status=$?
    [ -z "$legacy" ] || kill "$legacy" 2>/dev/null || true
    "$apus" down --delete --now --name $name --root "$root" >/dev/null || true
    rm -rf "$root"
    exit $status
}
trap finish EXIT
"$apus" up --nodes "${NODES:-3}" --port 0 --name $name --root "$root"
"$apus" image import "$e2e/images/e2e-images.tar" --name $name --root "$root" >/dev/null
python3 Tests/Conformance/legacy-secrets.py "$root/$name/kubeconfig" &
legacy=$!
NS="" bash "$shared/conformance.sh" "$e2e" "$root/$name/kubeconfig" "$out" "${PROCESSES:-6}" "${LIMIT:-2400}"
grep ^FAILED "$out/results.txt" || true
if [ -z "${FOCUS:-}${SKIP:-}" ]; then
    python3 Tests/Conformance/run.py "$root/$name/kubeconfig" | tee "$out/newer.txt"
fi
