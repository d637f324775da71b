# tests/unit/smoke.mk
