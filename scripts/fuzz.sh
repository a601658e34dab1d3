#!/usr/bin/env bash
# make fuzz: seeded mutation of real inputs against every parser; no crash, no hang, bounded memory.
#   FUZZ_SECONDS=600 SEED=… ONLY=json,cel scripts/fuzz.sh      failing inputs: .build/fuzz (replay: fuzz --replay FILE)
set -euo pipefail
cd "$(dirname "$0")/.."
total=${FUZZ_SECONDS:-600}
seed=${SEED:-$(date +%s)}
out=$PWD/.build/fuzz
binary=${FUZZ_BINARY:-}
if [ -z "$binary" ]; then
    swift build --product fuzz
    binary=.build/debug/fuzz
fi
mkdir -p "$out"
corpus=$(mktemp -d)
trap 'rm -rf "$corpus"' EXIT
cp examples/*.yaml examples/*/*.yaml "$corpus" 2>/dev/null || true
golden=$(ls ../shared/api/golden/*.tar.gz 2>/dev/null | head -1 || true)
if [ -n "$golden" ]; then tar xzf "$golden" -C "$corpus"; fi
code=0
"$binary" --seconds "$total" --seed "$seed" --corpus "$corpus" --out "$out" ${ONLY:+--only "$ONLY"} || code=$?
if [ -f "$out/trying" ]; then
    # It ended in the middle of an input: a crash, or the watchdog.
    kept=$out/$(head -1 "$out/trying")-$(sed -n 2p "$out/trying")
    mv "$out/trying" "$kept"
    echo "fuzz: ended with status $code in the middle of $kept" >&2
    code=1
fi
exit $code
