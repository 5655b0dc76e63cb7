"""What is unknown about limits, filters and the states of export tasks. The rest stands in `behaviours.py`."""

from __future__ import annotations

from enum import Enum


class LimitCode(Enum):
    """How the API refuses a create when a quota is used up."""

    KNOWN = "with a code of the list of gateway errors"
    WORDS = "without a code, in words only"
    OLDER = "with `PendingImageLimitExceeded`, as the older API does"


class CopyLimit(Enum):
    """What counts against the quota `image_copy_limit`."""

    COPIES = "copies within the Region only"
    IMPORTS_TOO = "copies within the Region, and imports"


class ImageIdsFilter(Enum):
    """What ReadImageExportTasks does with the filter `ImageIds`, which is new."""

    KEPT = "it filters"
    REFUSED = "it refuses the request"
    IGNORED = "it ignores the filter"


class TaskStateNames(Enum):
    """The names of the states of an export task until it ends."""

    DOCUMENTED = "pending/queued, pending"
    NEWER = "initializing, preparing, pending, uploading"
    SISTERS = "in-queue, active"
