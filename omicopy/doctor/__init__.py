"""Checks whether a copy will work before it starts: the command `doctor`."""
