#!/bin/bash
# What takes too long for tests/run.sh, by hand: 100,000 simulated runs, every crash point, every kill point and 200 pairs, 100 rollbacks timed one by
# one, the table of rates, the simulation under sanitizers, an hour of fuzzing shared by all targets. About two
# hours on 2 cores. The figures are printed at the end; logs are below out/ (or $SLUICE_OUT).
#
#   tests/long.sh [--quick] [--seeds N] [--fuzz-minutes N] [stage ...]
#
# Stages, all by default: build model sim crash rates kill latency fencing drills asan fuzz. --quick does about a fiftieth of each,
# to try this script out. SLUICE_SEED chooses the kill points that fall at random times.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"
set -u
cd "$(dirname "$0")/.." || exit 1
top=$PWD
export out=${SLUICE_OUT:-$top/out} top
seeds=100000 fuzz_minutes=60 quick=no
stages=
while [ $# -gt 0 ]; do
    case $1 in
    --quick) quick=yes ;;
    --seeds) seeds=${2:?} && shift ;;
    --fuzz-minutes) fuzz_minutes=${2:?} && shift ;;
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
    build | model | sim | crash | rates | kill | latency | fencing | drills | asan | fuzz) stages="$stages $1" ;;
    *) echo "tests/long.sh: no such stage: $1" >&2; exit 64 ;;
    esac
    shift
done
stages=${stages:-build model sim crash rates kill latency fencing drills asan fuzz}
rate_runs=10000 rollbacks=100 hanging=20 kill_args="--all --pairs 200 --jobs $((4 * $(nproc)))"
if [ $quick = yes ]; then
    seeds=$((seeds / 50)) rate_runs=200 rollbacks=3 hanging=2 kill_args= fuzz_minutes=$(((fuzz_minutes + 49) / 50))
fi
jobs=$(nproc)

for v in $(env | sed -n 's/^\(AWS_[A-Z0-9_]*\|[A-Za-z]*_proxy\|[A-Z]*_PROXY\|SLUICE_STATE_DIR\)=.*/\1/p'); do unset "$v"; done
export LC_ALL=C.UTF-8 TZ=UTC PYTHONDONTWRITEBYTECODE=1 AWS_EC2_METADATA_DISABLED=true
mkdir -p "$out/log" "$out/home" || exit 1
export HOME=$out/home srcdir=$top builddir=$out/gcc
failed=0 started=$SECONDS figures=$out/log/figures.txt
: >"$figures"

# step NAME LOG COMMAND...: runs it, says how long it took, keeps its figures (lines that begin with "# ").
step() {
    local name=$1 log=$out/log/long-$2.log began=$SECONDS status
    shift 2
    "$@" >"$log" 2>&1 </dev/null
    status=$?
    if [ $status -eq 0 ] && ! grep -q '^not ok' "$log"; then
        printf '  ok    %-44s %5d s\n' "$name" $((SECONDS - began))
    else
        printf '  FAIL  %-44s %5d s: %s\n' "$name" $((SECONDS - began)) "${log#"$top"/}"
        grep -nE '^not ok|again:|ERROR|SUMMARY|Assert' "$log" | head -n 20 | cut -c1-300 | sed 's/^/        /'
        failed=$((failed + 1))
    fi
    { echo "== $name"; grep -E '^# |seeds a second|died once,|^ok [0-9]+ - fuzz|^  +[a-z ]+ [0-9]+$|runs a row|%' "$log" | head -n 80; echo; } >>"$figures"
}

# seeds_of BUILD N: the seeds 1 to N in as many processes as there are cores.
seeds_of() {
    local build=$1 n=$2 i from to status=0 pids= how=--seeds
    [ $((n / jobs)) -lt 10000 ] || how=--catalogue # so many meet every kind of fault
    for i in $(seq 1 "$jobs"); do
        from=$(((i - 1) * n / jobs + 1)) to=$((i * n / jobs))
        "$out/$build/tests/sim/sim" $how "$from-$to" >"$out/log/long-sim-$build-$i.log" 2>&1 &
        pids="$pids $!"
    done
    for i in $pids; do wait "$i" || status=1; done
    cat "$out/log/long-sim-$build-"*.log
    return $status
}

# Every scenario dies at every call, at every call of every recovery, and once more; with --quick at a sample of those.
crash_points() {
    local sim=$out/gcc/tests/sim/sim all=--all
    [ $quick = no ] || all=
    # shellcheck disable=SC2086
    "$sim" --scenarios | xargs -P "$jobs" -I{} "$sim" --crash-points $all {}
}

# fuzz MINUTES: all targets, as many at a time as there are cores, MINUTES of the clock altogether.
fuzz() {
    local targets n seconds
    mapfile -t targets < <(find "$out/clang/tests/fuzz" -maxdepth 1 -type f -executable -name 'fuzz_*' -printf '%f\n' | sort)
    n=${#targets[@]}
    [ "$n" -gt 0 ] || { echo "no fuzz target in $out/clang"; return 1; }
    seconds=$((($1 * 60 * jobs + n - 1) / n))
    echo "# $n targets, $seconds s each, $jobs at a time"
    printf '%s\n' "${targets[@]}" | xargs -P "$jobs" -I{} tests/fuzz/run.sh "$seconds" "$out/clang" {}
}

e2e() { timeout -k 10 5400 /usr/bin/python3 "tests/e2e/$@"; }

for stage in $stages; do
    case $stage in
    build) step "gcc, and clang with sanitizers and fuzzers" build tests/run.sh --keep build ;;
    sim) step "simulation, $seeds seeds" sim seeds_of gcc "$seeds" ;;
    crash) step "crash points" crash crash_points ;;
    model) step "the model of the fence" model tests/model/run.sh --long ;;
    rates) step "rates of the decision code, $rate_runs runs a row" rates "$out/gcc/tests/bench/rates" --full --runs "$rate_runs" ;;
    # shellcheck disable=SC2086
    kill) step "kill -9, then resume" kill e2e test_kill.py $kill_args ;;
    latency) step "breach to first byte, $rollbacks and $hanging rollbacks" latency e2e test_latency.py --rollbacks "$rollbacks" --hanging "$hanging" ;;
    fencing) step "requests that land late" fencing e2e test_fencing.py ;;
    drills) step "AWS outages in every state" drills e2e test_drills.py --all ;;
    asan) step "simulation under ASan and UBSan, $((seeds / 10)) seeds" asan seeds_of clang $((seeds / 10)) ;;
    fuzz) step "fuzzing, $fuzz_minutes minutes" fuzz fuzz "$fuzz_minutes" ;;
    esac
done
left=$(pgrep -f "$out/[a-z]*/\(sluice\|smoke\|examples\)" | tr '\n' ' ')
if [ -n "$left" ]; then
    echo "  FAIL  left running: $left"
    failed=$((failed + 1))
fi
echo
cat "$figures"
echo "$((SECONDS - started)) s, $failed failed"
[ "$failed" -eq 0 ]
