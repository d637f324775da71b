#!/bin/sh
# Every test that docs/comparison.md names exists.
set -u
srcdir=${srcdir:-.}
n=0 status=0
for t in $(grep -o '`tests/[a-z/_0-9]*\.[a-z]*`' "$srcdir/docs/comparison.md" | tr -d '`' | sort -u); do
    n=$((n + 1))
    if [ -f "$srcdir/$t" ]; then echo "ok $n - $t"; else echo "not ok $n - $t"; status=1; fi
done
[ "$n" -gt 10 ] || status=1
echo "1..$n"
exit $status
