#!/bin/sh
# Runs every built fuzz target on its seeds, SECONDS each (0: the seeds only, once).
#
#   tests/fuzz/run.sh SECONDS [BUILD-DIRECTORY [TARGET...]]
#
# A crash is kept as BUILD-DIRECTORY/tests/fuzz/crash-TARGET-*; replay it with the target and that file.
# What a run learns is kept in BUILD-DIRECTORY/tests/fuzz/corpus-TARGET for the next one.
set -eu

seconds=${1:?usage: tests/fuzz/run.sh SECONDS [BUILD-DIRECTORY [TARGET...]]}
top=$(cd "$(dirname "$0")/../.." && pwd)
build=$(cd "${2:-.}" && pwd)
if [ $# -ge 2 ]; then shift 2; else shift; fi
cd "$top"

targets=${*:-$(for f in "$build"/tests/fuzz/fuzz_*; do
    if [ -x "$f" ] && [ -f "$f" ]; then basename "$f"; fi
done)}
[ -n "$targets" ] || { echo "no fuzz target in $build/tests/fuzz: configure with CC=clang --enable-fuzzers" >&2; exit 1; }

seeds_of() { # the files below the directories that the target names, but for expected outputs
    for dir in $(sed -n 's/^ \* seeds: *\([^*]*\).*/\1/p' "tests/fuzz/$1.c"); do
        [ ! -d "$dir" ] || find "$dir" -type f ! -name error ! -name expected
    done
}

# Several targets share the cores: each is run by a call of its own, and the lines are numbered anew.
# shellcheck disable=SC2086
set -- $targets
if [ $# -gt 1 ]; then
    printf '%s\n' "$@" | xargs -P "$(nproc)" -I{} sh tests/fuzz/run.sh "$seconds" "$build" {} |
        awk '/^(not )?ok 1 - /{ n++; sub(/ok 1 /, "ok " n " ") } /^not ok/{ bad = 1 } { print; fflush() }
             END { exit bad || n < '$#' }'
    exit
fi

failed=0 n=0
for name in $targets; do
    n=$((n + 1))
    corpus=$build/tests/fuzz/corpus-$name
    log=$build/tests/fuzz/$name.log
    mkdir -p "$corpus"
    seeds_of "$name" | while read -r file; do
        cp "$file" "$corpus/seed-$(echo "$file" | tr / _)"
    done
    if [ "$seconds" = 0 ]; then
        set -- -runs=0
    else
        set -- -max_total_time="$seconds"
    fi
    if "$build/tests/fuzz/$name" "$@" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
        -artifact_prefix="$build/tests/fuzz/crash-$name-" "$corpus" >"$log" 2>&1; then
        echo "ok $n - $name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs," \
            "$(ls "$corpus" | wc -l) kept"
    else
        echo "not ok $n - $name: see $log"
        grep -E 'ERROR|SUMMARY|Assertion|Test unit' "$log" | head -5
        failed=1
    fi
done
exit $failed
