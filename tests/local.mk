# tests/: one fragment per kind, so that a new test is one new line in one place.
include tests/unit/base.mk
include tests/unit/smoke.mk
include tests/unit/controller.mk
include tests/unit/sandbox.mk
include tests/sim/local.mk
include tests/model/local.mk
include tests/fuzz/local.mk
include tests/bench/local.mk
include tests/e2e/local.mk
include tests/scaled/local.mk

# Cases and seeds: tests read them in place.
EXTRA_DIST += tests/data
