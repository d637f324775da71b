#!/bin/bash
# The model of the fence (fence.pml), searched exhaustively by spin: every configuration must hold, and with one rule of
# the protocol undone the search must find out. TAP; each line says how many states there were.
#
#   tests/model/run.sh [--long]     --long: larger configurations, about an hour and up to 16 GiB
set -u
srcdir=${srcdir:-$(cd "$(dirname "$0")/../.." && pwd)}
model=$srcdir/tests/model/fence.pml
long=no memory=1900 optimize=-O0 # the searches are short: a better compiled one would not make up for its compiling
if [ "${1:-}" = --long ]; then long=yes memory=16000 optimize=-O2; fi

# The model is the same whatever compiler sluice is built with: once is enough.
if [ $long = no ] && grep -qs 'fsanitize' "${builddir:-.}/Makefile"; then echo "1..0 # SKIP not again with sanitizers"; exit 0; fi
if ! command -v spin >/dev/null 2>&1; then echo "1..0 # SKIP spin is not installed"; exit 0; fi

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
n=0 status=0

verdict() { # verdict ok|"not ok" WHAT
    n=$((n + 1))
    echo "$1 $n - $2"
    [ "$1" = ok ] || { status=1; tail -n 40 pan.log 2>/dev/null | sed 's/^/# /'; }
}

# search SAFETY|LIVE DEFINES...: an exhaustive search; sets errors, states and cut.
search() {
    local kind=$1 flags args
    shift
    if [ "$kind" = LIVE ]; then flags="-DNFAIR=3" args="-a -f"; else flags=-DSAFETY args=-E; fi
    rm -f pan pan.log
    errors=none states=0 cut=yes
    # shellcheck disable=SC2086
    spin "$@" -a "$model" >pan.log 2>&1 &&
        gcc $optimize -w $flags -DNOREDUCE -DCOLLAPSE -DMEMLIM=$memory -o pan pan.c >>pan.log 2>&1 &&
        ./pan $args -m600000 >pan.log 2>&1
    errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' pan.log | tail -n 1)
    states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' pan.log | tail -n 1)
    cut=no
    grep -qE 'max search depth too small|out of memory|memory limit|[Nn]ot completed|hash-table full' pan.log && cut=yes
}

# holds WHAT PROPERTIES SAFETY|LIVE DEFINES...
holds() {
    local what=$1 properties=$2 p
    shift 2
    search "$@"
    for p in $properties; do
        if [ "${errors:-none}" = 0 ] && [ $cut = no ]; then verdict ok "$what: ($p) holds, ${states:-?} states, all of them"
        else verdict "not ok" "$what: ($p), errors: ${errors:-none}, cut short: $cut, ${states:-?} states"; fi
    done
}

# finds WHAT PROPERTY SAFETY|LIVE DEFINES...: it must fail, and by that property.
finds() {
    local what=$1 property=$2 sign='assertion violated'
    shift 2
    [ "$property" = d ] && sign='acceptance cycle'
    search "$@"
    if [ "${errors:-0}" != 0 ] && grep -q "$sign" pan.log; then verdict ok "found: $what breaks ($property), ${states:-?} states"
    else verdict "not ok" "not found: $what should break ($property), ${states:-?} states"; fi
}

safe="a b c e"
if [ $long = no ]; then
    holds "one run, crashes" "$safe" SAFETY -DN=3 -DCRASH
    holds "one run, a person deletes the TXT" "$safe" SAFETY -DN=3 -DPERSON
    holds "two runs" "$safe" SAFETY -DN=3 -DRIVAL -DNO_BEAT
    holds "one run, two batches a step" "$safe" SAFETY -DN=3 -DNC=2 -DNO_BEAT
    holds "a rollback once the API works" d LIVE -DLIVE -DN=4 -DNO_BEAT
else
    holds "one run, two batches a step, four batches alive" "$safe" SAFETY -DN=4 -DNC=2 -DNO_BEAT
    holds "one run, crashes, four batches alive" "$safe" SAFETY -DN=4 -DCRASH
    holds "two runs, heartbeats, the released lease is removed" "$safe" SAFETY -DN=3 -DRIVAL -DREMOVE
    holds "two runs, two batches a step" "$safe" SAFETY -DN=3 -DNC=2 -DRIVAL -DNO_BEAT
    holds "two runs, four batches alive" "$safe" SAFETY -DN=4 -DRIVAL
    holds "two runs, a person deletes the TXT" "$safe" SAFETY -DN=3 -DRIVAL -DPERSON -DCOPIES=1 -DNO_BEAT
    holds "two runs, crashes" "$safe" SAFETY -DN=3 -DRIVAL -DCRASH -DCOPIES=1 -DNO_BEAT
    holds "one run, two zones" "$safe" SAFETY -DN=3 -DNZ=2
    holds "one run, crashes, the network doubles by itself" "$safe" SAFETY -DN=4 -DCRASH -DDOUBLE
    holds "a rollback in two batches once the API works, after crashes" d LIVE -DLIVE -DN=4 -DNC=2 -DNO_BEAT -DCRASH
fi
finds "a lone CREATE sent again" c SAFETY -DN=3 -DPERSON -DM_LONE_AGAIN -DONLY_C
finds "a generation used twice" c SAFETY -DN=3 -DM_SAME_GENERATION -DONLY_C
finds "a batch sent again on another lease value" c SAFETY -DN=4 -DM_OTHER_WORDS -DONLY_C
finds "another's released lease taken for free in a rollback" a SAFETY -DN=3 -DRIVAL -DM_RELEASED_IS_FREE -DONLY_A
finds "a lease removed at once after its release" b SAFETY -DN=4 -DRIVAL -DREMOVE -DM_REMOVE_AT_ONCE -DONLY_B
finds "a rollback that tries the older value alone" d LIVE -DLIVE -DN=4 -DNO_BEAT -DM_ONE_VALUE
finds "a lease made anew where another run's may have been deleted" a SAFETY -DN=3 -DRIVAL -DPERSON -DCOPIES=1 -DNO_BEAT -DMAKE_ANEW -DONLY_A
if [ $long = yes ]; then
    finds "another's released lease taken for free in a rollback" e SAFETY -DN=3 -DRIVAL -DM_RELEASED_IS_FREE -DONLY_E
fi
echo "1..$n"
exit $status
