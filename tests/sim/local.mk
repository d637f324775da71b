# tests/sim/: whole runs in a world of one seed (sim.h).
check_PROGRAMS += tests/sim/sim
tests_sim_sim_SOURCES = tests/sim/sim.c tests/sim/sim.h tests/sim/sim_world.c tests/sim/sim_ctl.c \
	tests/sim/sim_person.c \
	tests/sim/sim_journal.c tests/sim/sim_check.c
tests_sim_sim_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/controller -I$(srcdir)/tests/sim $(JANSSON_CFLAGS)
tests_sim_sim_LDADD = libcontroller.a libcore.a libbase.a $(BASE_LIBS)

# Ten thousand seeds, and a few twice: same seed, same trace.
check_SCRIPTS += tests/sim/seeds.sh
TESTS += tests/sim/seeds.sh
EXTRA_DIST += tests/sim/seeds.sh
