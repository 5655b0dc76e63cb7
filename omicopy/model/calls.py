"""How many requests one profile's API client sent."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class CallCount:
    """`retries` are the reads that repeated an earlier one; they count as reads, too."""

    reads: int = 0
    writes: int = 0
    retries: int = 0
