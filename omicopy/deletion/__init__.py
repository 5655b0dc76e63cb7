"""What may be deleted of ours, and deleting it (R4)."""
