#!/bin/sh
# Simulated runs: SLUICE_SIM_SEEDS of them (default 10000) must all hold, and some of them, run twice, must leave
# the same trace.
set -u
sim=${builddir:-.}/tests/sim/sim
seeds=1-${SLUICE_SIM_SEEDS:-10000}
status=0

# check NUMBER WHAT COMMAND...
check() {
    number=$1 what=$2
    shift 2
    if "$@" >"$log" 2>&1; then
        echo "ok $number - $what"
    else
        echo "not ok $number - $what"
        status=1
    fi
    sed 's/^/# /' "$log"
}

log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
echo "1..2"
check 1 "every promise holds in seeds $seeds" "$sim" --seeds "$seeds"
check 2 "the same seed leaves the same trace" "$sim" --twice 1-100
exit $status
