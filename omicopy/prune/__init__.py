"""Retention of copies, exports and snapshots: the command `prune`."""
