# tests/bench/local.mk

# How often the shipped decision code is wrong. `make check` holds it to its promises on few runs;
# `tests/bench/rates --full` prints the table.
check_PROGRAMS += tests/bench/rates
TESTS += tests/bench/rates
tests_bench_rates_SOURCES = tests/bench/rates.c
tests_bench_rates_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/controller
tests_bench_rates_LDADD = libcore.a -lm

# What smoke is timed against; see smoke_bench.py.
check_PROGRAMS += tests/bench/bare_loop
tests_bench_bare_loop_SOURCES = tests/bench/bare_loop.c
tests_bench_bare_loop_CPPFLAGS = $(AM_CPPFLAGS) $(CURL_CFLAGS) $(PCRE2_CFLAGS)
tests_bench_bare_loop_LDADD = $(CURL_LIBS) $(PCRE2_LIBS)
