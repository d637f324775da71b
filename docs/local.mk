# docs/: see docs/ARCHITECTURE.md
