"""What this machine remembers: the journal, locks, and one atomic file writer."""
