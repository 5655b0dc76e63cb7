"""The top floor: parses, calls, prints; decides nothing."""
