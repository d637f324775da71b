#!/bin/sh
# The core's archive needs libc and libm only, and of those nothing that opens, reads, sleeps, allocates or
# asks the time. Prints the symbols that break the rule.
set -eu
builddir=${builddir:-.}
allowed='^(__assert_fail|__stack_chk_fail|__stack_chk_guard|_GLOBAL_OFFSET_TABLE_|memset|memcpy|memmove|memcmp|mem(set|cpy|move)_chk|__mem(set|cpy|move)_chk|strcmp|strlen|log|log1p|log2|exp|exp2|pow|sqrt|lgamma|erfc|ceil|floor|fabs|llround|__(asan|ubsan|sanitizer|lsan|gcov|llvm|sancov)_.*|__(start|stop)___.*|___(asan|tsan)_.*)$'
undefined=$({
    nm -u "$builddir/libcore.a"
    nm -u "$builddir/libsmoke.a" | awk '/:$/ { on = /-run\.o:$/ } on' # smoke/run.c belongs to the core, too
} | awk '$1 == "U" { print $2 }' | sort -u)
defined=$(nm --defined-only "$builddir/libcore.a" | awk 'NF == 3 { print $3 }' | sort -u)
bad=$(printf '%s\n' "$undefined" | grep -vxF "$defined" | grep -Ev "$allowed" || true)
nm "$builddir/libsmoke.a" 2>/dev/null | grep -q " T run_next$" || { echo "not ok 1 - smoke/run.c is in libsmoke.a"; exit 1; }
echo "1..1"
if [ -n "$bad" ]; then
    echo "not ok 1 - the core needs libc and libm only"
    printf '%s\n' "$bad" | sed 's/^/# needs /'
    exit 1
fi
echo "ok 1 - the core needs libc and libm only"
