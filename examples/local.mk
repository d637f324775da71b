# examples/: see docs/ARCHITECTURE.md
include examples/sandbox/local.mk

EXTRA_DIST += examples/shop.plan.yaml examples/shop.smoke.yaml examples/leaving-heroku.smoke.yaml examples/tenants.csv
