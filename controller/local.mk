# controller/: see docs/ARCHITECTURE.md
