"""From what was typed to requests: which image is meant, what its copies are called, and what is refused at once."""

from __future__ import annotations
