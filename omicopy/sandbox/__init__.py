"""Two OUTSCALE Regions on this machine, for tests and for trying things out. Needs nothing of the rest of omicopy."""
