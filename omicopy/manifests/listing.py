"""Lists many exports of one folder with one listing instead of one per export."""

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
"""Above this number of exports in one folder, they are listed together. One page covers about 250."""
Sizes = Callable[[str, str], Mapping[str, int]]
"""As `Storage.sizes`: takes a bucket and a prefix, returns the bytes of every object under it, by key."""


@dataclass(frozen=True, slots=True)
class _Listed:
    """One listing. `keys` are sorted, so that all keys with a common prefix are neighbours."""

    keys: Sequence[str]
    sizes: Mapping[str, int]

    def under(self, prefix: str) -> dict[str, int]:
        rest = islice(self.keys, bisect_left(self.keys, prefix), None)
        return {key: self.sizes[key] for key in takewhile(lambda key: key.startswith(prefix), rest)}


def list_together(storage: Storage, exports: Sequence[ExportKey]) -> Sizes:
    """Returns a function to use instead of `storage.sizes` for these exports.

    Raises nothing itself. If a folder can't be listed, the function raises that ServiceError for each export in it.
    """
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
                    raise listed.with_traceback(None)  # else the traceback grows each time
                return listed.under(prefix)
        return storage.sizes(bucket, prefix)

    return sizes


def _image_prefixes(prefix: str) -> Sequence[str]:
    """Returns the prefixes of all image folders, for each way in which the service may treat slashes."""
    return [f"{prefix}/ami-", f"{prefix}//ami-", f"/{prefix}/ami-"] if prefix else ["ami-"]


def _read(storage: Storage, bucket: str, begin: str) -> _Listed | ServiceError:
    try:
        sizes = storage.sizes(bucket, begin)
    except ServiceError as error:
        return error
    return _Listed(sorted(sizes), sizes)
