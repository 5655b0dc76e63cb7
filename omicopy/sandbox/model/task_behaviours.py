"""What is not known about limits, filters and the states of export tasks (see behaviours.py)."""

from __future__ import annotations

from enum import Enum


class LimitCode(Enum):
    """How a create says that a quota is used up."""

    KNOWN = "a code that the list of gateway errors has"
    WORDS = "no code, only words"
    OLDER = "`PendingImageLimitExceeded`, as the older API does"


class CopyLimit(Enum):
    """What counts under `image_copy_limit`."""

    COPIES = "copies within the Region"
    IMPORTS_TOO = "imports, too"


class ImageIdsFilter(Enum):
    """The filter `ImageIds` of ReadImageExportTasks, which is new."""

    KEPT = "it is a filter"
    REFUSED = "it is refused"
    IGNORED = "it is ignored"


class TaskStateNames(Enum):
    """What an export task is called until it ends."""

    DOCUMENTED = "pending/queued, pending"
    NEWER = "initializing, preparing, pending, uploading"
    SISTERS = "in-queue, active"
