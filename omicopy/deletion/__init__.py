"""What omicopy may delete, and deleting it (R4)."""
