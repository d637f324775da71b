# controller/: see docs/ARCHITECTURE.md

# The core: decides, opens nothing; needs libc and libm only (tests/unit/core_is_pure.sh holds it to that).
noinst_LIBRARIES += libcore.a
libcore_a_CPPFLAGS = $(AM_CPPFLAGS)
libcore_a_SOURCES = \
	controller/plan.h \
	controller/weights.h \
	controller/budget.h \
	controller/backoff.c controller/backoff.h \
	controller/ramp.h
