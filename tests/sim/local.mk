# tests/sim/: whole runs in a world of one seed (sim.h).
check_PROGRAMS += tests/sim/sim
tests_sim_sim_SOURCES = tests/sim/sim.c tests/sim/sim.h tests/sim/sim_world.c tests/sim/sim_ctl.c \
	tests/sim/sim_start.c tests/sim/sim_person.c tests/sim/sim_probe.c tests/sim/sim_request.c \
	tests/sim/sim_foreign.c tests/sim/sim_faults.c tests/sim/sim_faults.h \
	tests/sim/sim_crash.c tests/sim/sim_crash.h tests/sim/sim_scenario.c \
	tests/sim/sim_journal.c tests/sim/sim_check.c
tests_sim_sim_CPPFLAGS = $(AM_CPPFLAGS) -I$(srcdir)/controller -I$(srcdir)/tests/sim $(JANSSON_CFLAGS)
tests_sim_sim_LDADD = libcontroller.a libcore.a libbase.a $(BASE_LIBS)

# Ten thousand seeds, in which every kind of fault is met, and a few twice: same seed, same trace. Scenarios that die at
# every call. The list of faults in docs/.
SIM_TESTS = tests/sim/seeds.sh tests/sim/crash.sh tests/sim/faults.sh
check_SCRIPTS += $(SIM_TESTS)
TESTS += $(SIM_TESTS)
EXTRA_DIST += $(SIM_TESTS)
