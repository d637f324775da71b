#!/bin/bash
# Installs what is missing, builds with gcc and with clang (warnings are errors; the clang build carries
# AddressSanitizer and UndefinedBehaviorSanitizer), and passes every test. Under 10 minutes on 2 cores;
# what takes longer lives in tests/long.sh. The last line is "N passed, N failed".
#
#   tests/run.sh [--keep] [stage ...]
#
# Stages, all by default: build unit asan fuzz valgrind dist e2e. valgrind and dist compute, e2e waits nine tenths of its
# time: where it is asked for, they run beside it, at the lowest priority. --keep leaves the build trees of an earlier run in
# place. Everything it writes is below out/ (or $SLUICE_OUT).
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@" # also as `sh tests/run.sh`
set -u
cd "$(dirname "$0")/.." || exit 1
top=$PWD
out=${SLUICE_OUT:-$top/out}
keep=no
stages=
for arg; do
    case $arg in
    --keep) keep=yes ;;
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
    build | unit | asan | valgrind | fuzz | e2e | dist) stages="$stages $arg" ;;
    *) echo "tests/run.sh: no such stage: $arg" >&2; exit 64 ;;
    esac
done
stages=${stages:-build unit asan fuzz valgrind dist e2e}
jobs=$(nproc)
fuzz_seconds=${SLUICE_FUZZ_SECONDS:-2}

# Nothing of the person's own AWS, proxy or smoke settings may leak into a test.
for v in $(env | sed -n 's/^\(AWS_[A-Z0-9_]*\|[A-Za-z]*_proxy\|[A-Z]*_PROXY\|SLUICE_STATE_DIR\)=.*/\1/p'); do unset "$v"; done
export LC_ALL=C.UTF-8 TZ=UTC PYTHONDONTWRITEBYTECODE=1
export AWS_EC2_METADATA_DISABLED=true

[ $keep = yes ] || rm -rf "$out"
mkdir -p "$out/log" "$out/home" || exit 1
export HOME=$out/home out top
passed=0 failed=0 started=$SECONDS

# tally NAME LOG STATUS: counts TAP lines of LOG; a non-zero status without a "not ok" is one failure.
tally() {
    local ok bad
    ok=$(grep -cE '^ok [0-9]+' "$2")
    bad=$(grep -cE '^not ok [0-9]+' "$2")
    if [ "$3" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
    if [ "$3" -eq 0 ] && [ "$ok" -eq 0 ] && [ "$bad" -eq 0 ]; then ok=1; fi
    passed=$((passed + ok)) failed=$((failed + bad))
    if [ "$bad" -gt 0 ]; then
        printf '  FAIL  %-44s %5d passed, %d failed: %s\n' "$1" "$ok" "$bad" "${2#"$top"/}"
        grep -nE '^not ok|^# *(FAIL|expected|error)|ERROR:|Assert|assert|runtime error|SUMMARY' "$2" | head -n 15 | cut -c1-300 | sed 's/^/        /'
        tail -n 15 "$2" | cut -c1-300 | sed 's/^/      | /'
    else
        printf '  ok    %-44s %5d passed\n' "$1" "$ok"
    fi
}

# step NAME LOG COMMAND...: runs it, counts it.
step() {
    local name=$1 log=$out/log/$2 status
    shift 2
    ("$@") >"$log" 2>&1 </dev/null
    status=$?
    tally "$name" "$log" "$status"
    return "$status"
}

give_up() {
    echo "$passed passed, $((failed ? failed : 1)) failed"
    exit 1
}

say() { printf '%s  (%d s)\n' "$1" "$((SECONDS - started))"; }

build() { # build NAME configure-arguments...
    mkdir -p "$out/$1" && cd "$out/$1" || return 1
    local name=$1
    shift
    [ -f Makefile ] || "$top/configure" -q "$@" || return 1
    make -s -j"$jobs" all && make -s -j"$jobs" check TESTS=
}

# make_check BUILD: automake's harness, then one tally a test program from its log.
make_check() {
    local build=$1 prefix=$2 t log status
    (cd "$out/$build" && make -s -j"$jobs" check) >"$out/log/$build-check.log" 2>&1 </dev/null
    status=$?
    local seen=0
    while IFS= read -r t; do
        log=${t%.trs}.log
        seen=$((seen + 1))
        if grep -q '^:global-test-result: \(PASS\|SKIP\)' "$t"; then tally "$prefix ${log##*/}" "$log" 0
        else tally "$prefix ${log##*/}" "$log" 1; fi
    done < <(find "$out/$build" -name '*.trs' | sort)
    if [ "$seen" -eq 0 ]; then tally "$prefix make check" "$out/log/$build-check.log" 1; fi
    return "$status"
}

# What the simulator and the table of rates measured, for the reader of this run.
figures() {
    sed -n 's/^# \(.* seeds a second.*\)/      \1/p' "$out/$1/tests/sim/seeds.sh.log"
    sed -n 's/^# \(crash points:.*\)/      \1/p; s/^#   \(.* died once .*\)/        \1/p' "$out/$1/tests/sim/crash.sh.log"
    sed -n 's/^ok [0-9]* - /      /p; s/^# \(of .*\)/        \1/p' "$out/$1/tests/bench/rates.log"
}

memcheck() {
    (cd "$out/gcc" && srcdir=$top builddir=$out/gcc SLUICE_VALGRIND=1 CMOCKA_MESSAGE_OUTPUT=TAP valgrind -q --error-exitcode=99 \
        --leak-check=full --errors-for-leak-kinds=definite --num-callers=20 --fair-sched=yes "./tests/unit/$1")
}

# run_valgrind, run_dist do the work; tell_valgrind, tell_dist count it.
run_valgrind() {
    export -f memcheck
    printf '%s\n' "$@" |
        xargs -P "$jobs" -I{} bash -c 'memcheck {} >"$out/log/valgrind-{}.log" 2>&1 </dev/null; echo $? >"$out/log/valgrind-{}.rc"'
}

tell_valgrind() {
    local t
    for t; do tally "valgrind $t" "$out/log/valgrind-$t.log" "$(cat "$out/log/valgrind-$t.rc")"; done
}

run_dist() {
    # The tests were built above; the tarball has their sources as whole directories.
    make -s -j"$jobs" -C "$out/gcc" distcheck TESTS= check_PROGRAMS= AM_COLOR_TESTS=no DISTCHECK_CONFIGURE_FLAGS='-q CFLAGS=-O0' >"$out/log/distcheck.log" 2>&1 </dev/null
    echo $? >"$out/log/distcheck.rc"
}

tell_dist() { tally "make distcheck" "$out/log/distcheck.log" "$(cat "$out/log/distcheck.rc")"; }

# beside NAME WHAT ARGUMENT...: now, or beside the e2e stage where that is to come.
beside= units=()
beside() {
    local name=$1 what=$2
    shift 2
    case " $stages " in
    *" e2e "*)
        (renice -n 19 -p $BASHPID >/dev/null; "run_$name" "$@") &
        beside="$beside $!:$name"
        ;;
    *)
        say "$what"
        "run_$name" "$@"
        "tell_$name" "$@"
        ;;
    esac
}

# What ran beside it is waited for and told.
gather() {
    local one
    for one in $beside; do
        wait "${one%%:*}"
        say "${one#*:} was done beside that"
        "tell_${one#*:}" "${units[@]}"
    done
    beside=
}

for stage in $stages; do
    case $stage in
    build)
        say "build: gcc and clang, warnings are errors"
        step "bootstrap" bootstrap.log ./bootstrap --tests --packages-only || { cat "$out/log/bootstrap.log"; give_up; }
        step "configure script" autoreconf.log ./bootstrap --no-configure || give_up
        step "gcc, hardened" build-gcc.log build gcc CC=gcc --enable-werror || give_up
        step "clang, ASan + UBSan, fuzz targets" build-clang.log build clang CC=clang \
            --enable-werror --enable-sanitizers --enable-fuzzers CFLAGS='-O1 -g1' LDFLAGS=-fuse-ld=lld || give_up
        ;;
    unit)
        say "unit tests, core symbols, simulation"
        make_check gcc gcc
        figures gcc
        ;;
    asan)
        say "the same under AddressSanitizer and UndefinedBehaviorSanitizer"
        SLUICE_SIM_SEEDS=${SLUICE_ASAN_SEEDS:-1000} make_check clang asan
        ;;
    fuzz)
        say "fuzz targets, $fuzz_seconds s each"
        if [ -x tests/fuzz/run.sh ]; then step "fuzz" fuzz.log tests/fuzz/run.sh "$fuzz_seconds" "$out/clang"; fi
        ;;
    valgrind)
        # Those first that take long, or know what a second is: they need a core of their own.
        mapfile -t first < <(printf 'test_%s\n' http observe fence_back credentials_fetch pump spawn secret regex)
        mapfile -t units < <(cd "$out/gcc/tests/unit" && find . -maxdepth 1 -type f -executable -name 'test_*' | sed 's|^\./||' | sort |
            grep -vxF "$(printf '%s\n' "${first[@]}")")
        say "unit tests under valgrind: ${#first[@]} that take long or wait"
        run_valgrind "${first[@]}"
        tell_valgrind "${first[@]}"
        beside valgrind "unit tests under valgrind: the others" "${units[@]}"
        ;;
    dist) beside dist "a tarball that builds by itself" ;;
    e2e)
        say "end to end, against the sandbox"
        export builddir=$out/gcc srcdir=$top
        mapfile -t e2e < <(find tests/e2e -maxdepth 1 -name 'test_*.py' -printf '%f\n' | sort)
        # Ramps wait nine tenths of their time, so there are five a core; the longest begin first.
        printf 'test_%s.py\n' ramp_stop ramp_drift ramp hours_forward hours_back preflight ramp_days plan latency fencing cutover awscli drills credentials kill observe |
            cat - <(printf '%s\n' "${e2e[@]}") | awk '!seen[$0]++' |
            xargs -P "$((jobs * 5))" -I{} bash -c '[ -n "{}" ] || exit 0; timeout -k 10 400 /usr/bin/python3 tests/e2e/{} >"$out/log/e2e-{}.log" 2>&1 </dev/null; echo $? >"$out/log/e2e-{}.rc"'
        for t in "${e2e[@]}"; do [ -n "$t" ] && tally "e2e $t" "$out/log/e2e-$t.log" "$(cat "$out/log/e2e-$t.rc")"; done
        gather
        step "no planted secret in what was left" artefacts.log /usr/bin/python3 tests/e2e/scan_artefacts.py "$out/log"
        ;;
    esac
done
left=$(pgrep -f "$out/[a-z]*/\(sluice\|smoke\|examples\)" | tr '\n' ' ')
if [ -n "$left" ]; then
    echo "  FAIL  left running: $left"
    failed=$((failed + 1))
else
    passed=$((passed + 1))
fi
say "done"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
