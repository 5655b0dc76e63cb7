"""The possible results of a read: present, absent, unknown, refused, or not read yet. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

from omicopy.errors import OmicopyError
from omicopy.model.export import FoundExport

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Present(Generic[T_co]):
    """The thing exists; `value` is what was read."""

    value: T_co


class Absent(Enum):
    """Known not to exist: every page was read successfully after our last write."""

    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Unknown:
    """A read failed. On an unknown fact nothing is created, deleted or re-signed."""

    error: OmicopyError


@dataclass(frozen=True, slots=True)
class Refused:
    """It can't be found out and another read won't help: no permission, no such bucket, a broken manifest."""

    error: OmicopyError
    is_no_bucket: bool = False


class Unasked(Enum):
    """Not read yet. `decide` asks for a fact only when it needs it."""

    UNASKED = "unasked"


ABSENT, UNASKED = Absent.ABSENT, Unasked.UNASKED
BucketFact = Present[FoundExport] | Absent | Unknown | Refused
"""What the bucket tells about one export."""
