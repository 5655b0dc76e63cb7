"""Lists many exports of one folder with one listing instead of one for each."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import TYPE_CHECKING

from omicopy.cloud.errors import ServiceError
from omicopy.model.export import ExportKey

if TYPE_CHECKING:
    from omicopy.cloud.object_storage import Storage

MIN_EXPORTS = 100
"""From this number of exports in one folder on, they are listed together. One page covers about 250."""
Sizes = Callable[[str, str], Mapping[str, int]]
"""As `Storage.sizes`: from a bucket and a prefix to every object under it, bytes by key."""


@dataclass(frozen=True, slots=True)
class _Listed:
    """A list, with its keys in order, so that what begins alike stands together."""

    keys: Sequence[str]
    sizes: Mapping[str, int]

    def under(self, prefix: str) -> dict[str, int]:
        rest = islice(self.keys, bisect_left(self.keys, prefix), None)
        return {key: self.sizes[key] for key in takewhile(lambda key: key.startswith(prefix), rest)}


def list_together(storage: Storage, exports: Sequence[ExportKey]) -> Sizes:
    """What to ask for the objects of these exports. Raises nothing itself: where a place can't be listed, everybody
    who asks for something in it gets that ServiceError."""
    places = Counter((export.bucket, export.prefix) for export in exports)
    lists = {
        (bucket, begin): _read(storage, bucket, begin)
        for (bucket, prefix), count in places.items()
        if count > MIN_EXPORTS
        for begin in _image_prefixes(prefix)
    }

    def sizes(bucket: str, prefix: str) -> Mapping[str, int]:
        for (listed_bucket, begin), listed in lists.items():
            if listed_bucket == bucket and prefix.startswith(begin):
                if isinstance(listed, ServiceError):
                    raise listed.with_traceback(None)  # or each raising would make it longer
                return listed.under(prefix)
        return storage.sizes(bucket, prefix)

    return sizes


def _image_prefixes(prefix: str) -> Sequence[str]:
    """Of the folders of all images, however the service treats slashes."""
    return [f"{prefix}/ami-", f"{prefix}//ami-", f"/{prefix}/ami-"] if prefix else ["ami-"]


def _read(storage: Storage, bucket: str, begin: str) -> _Listed | ServiceError:
    try:
        sizes = storage.sizes(bucket, begin)
    except ServiceError as error:
        return error
    return _Listed(sorted(sizes), sizes)
