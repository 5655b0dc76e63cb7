"""What a read can tell: present, absent, unknown, refused, or not asked yet. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from omicopy.errors import OmicopyError
from omicopy.model.export import FoundExport

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Present(Generic[T_co]):
    value: T_co


class Absent(Enum):
    """Known not to be there: every page was read, successfully, after our last write."""

    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody can say: a read failed. On an unknown fact nothing is created, deleted or signed anew."""

    error: OmicopyError


@dataclass(frozen=True, slots=True)
class Refused:
    """It can't be found out, and asking again won't help: no right to look, no such bucket, a broken manifest."""

    error: OmicopyError
    is_no_bucket: bool = False


class Unasked(Enum):
    """Not looked at yet. `decide` asks for it when, and only when, it needs to know."""

    UNASKED = "unasked"


ABSENT, UNASKED = Absent.ABSENT, Unasked.UNASKED


BucketFact = Present[FoundExport] | Absent | Unknown | Refused
"""What a look into the bucket tells of an export."""
