#!/usr/bin/env bash
# make test: everything CI checks, with the seconds of each stage on one line at the end.
#   scripts/test.sh [STAGE…]     stages: install unit release tutorial system; default all, in this order
set -euo pipefail
cd "$(dirname "$0")/.."
stages=("$@")
[ ${#stages[@]} -gt 0 ] || stages=(install unit release tutorial system)
times=""
status=0

run_stage() {
    case $1 in
    install) scripts/install.sh test ;;
    # Swift Testing suites of every target, in debug. A few at a time: hundreds at once, on two cores, wait for each
    # other until their own time limits are over.
    unit) swift build --build-tests && swift test --skip-build --experimental-maximum-parallelization-width 4 ;;
    # The binary that users run.
    release) swift build -c release --product apus --static-swift-stdlib ;;
    tutorial) examples/tutorial.sh ;;
    system) Tests/System/run.sh ;;
    *)
        echo "unknown stage $1" >&2
        return 2
        ;;
    esac
}

for stage in "${stages[@]}"; do
    echo "=== $stage"
    begin=$SECONDS
    # Not in a condition: there, bash would not stop a stage at its first failure.
    set +e
    (
        set -e
        run_stage "$stage"
    )
    code=$?
    set -e
    times="$times $stage $((SECONDS - begin))s"
    if [ $code -ne 0 ]; then
        echo "stage $stage failed with status $code" >&2
        status=1
        # Without the binary or the packages nothing after makes sense.
        case $stage in install | release) break ;; esac
    fi
done
echo "stages:$times"
exit $status
