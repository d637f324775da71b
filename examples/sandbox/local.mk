# examples/sandbox/: sluice-sandbox, the local stand-in for Route 53, its DNS and two fleets.
