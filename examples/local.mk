# examples/: see docs/ARCHITECTURE.md
include examples/sandbox/local.mk
