#!/bin/sh
# Scenarios that die at every call of the shell: every first death, and a seeded sample of second and third ones in
# the recovery. tests/long.sh has every second one. Where fewer seeds are asked for (SLUICE_SIM_SEEDS, under sanitizers), one scenario.
set -u
sim=${builddir:-.}/tests/sim/sim
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
echo "1..2"
status=0 only=
[ "${SLUICE_SIM_SEEDS:-10000}" -ge 10000 ] || only=breaches
# shellcheck disable=SC2086
if "$sim" --crash-points $only >"$log" 2>&1; then
    echo "ok 1 - every promise holds when the process dies at any call, and again in its recovery"
else
    echo "not ok 1 - every promise holds when the process dies at any call, and again in its recovery"
    status=1
fi
sed 's/^/# /' "$log"
# A point is told as it can be seen again: the same points, the same run.
point=completes:40kn,21ld,3kn
if "$sim" --crash-point "$point" >"$log" 2>&1 && [ "$(grep -c ': dies$' "$log")" = 3 ]; then
    echo "ok 2 - $point dies three times"
else
    echo "not ok 2 - $point dies three times"
    sed 's/^/# /' "$log" | tail -n 20
    status=1
fi
exit $status
