# tests/scaled/: the programs with a clock that the test turns. Never installed.
check_PROGRAMS += tests/scaled/sluice
tests_scaled_sluice_SOURCES = controller/main.c tests/scaled/clock_source.c
tests_scaled_sluice_CPPFLAGS = $(sluice_CPPFLAGS)
tests_scaled_sluice_LDADD = $(sluice_LDADD)

if SANDBOX
check_PROGRAMS += tests/scaled/sluice-sandbox
tests_scaled_sluice_sandbox_SOURCES = examples/sandbox/main.c tests/scaled/clock_source.c
tests_scaled_sluice_sandbox_CPPFLAGS = $(sluice_sandbox_CPPFLAGS)
tests_scaled_sluice_sandbox_LDADD = $(sluice_sandbox_LDADD)
endif
