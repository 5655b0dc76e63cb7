"""The plan file: its schema, selectors, shards, conflicts, and the requests made from it."""
