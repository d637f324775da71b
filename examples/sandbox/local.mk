# examples/sandbox/: sluice-sandbox, the local stand-in for Route 53, its DNS and two fleets.
EXTRA_DIST += examples/sandbox/README.md examples/sandbox/shop.json
