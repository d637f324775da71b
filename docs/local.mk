# docs/: see docs/ARCHITECTURE.md

# JSON Schemas for editors, printed from the tables that decode the files; a unit test holds them to that.
EXTRA_DIST += docs/schema
