"""Decides what omicopy may delete, and deletes it (R4)."""
