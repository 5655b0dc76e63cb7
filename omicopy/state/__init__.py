"""The state on this machine: the journal, locks, and an atomic file writer."""
