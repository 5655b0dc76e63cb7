"""One file per command: its signature, one call of `omicopy.api`, one call that prints."""
