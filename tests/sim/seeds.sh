#!/bin/sh
# Simulated runs: SLUICE_SIM_SEEDS of them (default 10000) must all hold and meet every kind of fault of the catalogue
# (sim_faults.h) between them, where they are 10000 or more; some of them, run twice, must leave the same trace.
set -u
sim=${builddir:-.}/tests/sim/sim
n=${SLUICE_SIM_SEEDS:-10000}
seeds=1-$n what="every promise holds in seeds 1-$n, and every kind of fault was met" how=--catalogue
[ "$n" -ge 10000 ] || what="every promise holds in seeds 1-$n" how=--seeds
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
check 1 "$what" "$sim" $how "$seeds"
check 2 "the same seed leaves the same trace" "$sim" --twice 1-100
exit $status
