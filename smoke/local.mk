# smoke/: see docs/ARCHITECTURE.md
