"""Which of an account's images the entries of a plan mean."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from omicopy.model.image import Image
from omicopy.model.plan import Selector

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def matching_images(images: Sequence[Image], selector: Selector) -> list[Image]:
    """The images for which all holds that the entry says, the latest first; those without a date last.

    An image that is only named, by its ID or its exact name, counts in whatever state it is. One that is searched for
    must be available: a pending one is found by a later run, a failed one is of no use to anybody.
    """
    is_search = selector.name_regex is not None or bool(selector.tags) or selector.latest is not None
    found = [image for image in images if _fits(image, selector) and (image.is_available or not is_search)]
    found.sort(key=lambda image: image.image_id)
    found.sort(key=lambda image: image.created_at or _LONG_AGO, reverse=True)
    return found[: selector.latest]


def _fits(image: Image, selector: Selector) -> bool:
    return (
        selector.id in (None, image.image_id)
        and selector.name in (None, image.name)
        and (selector.name_regex is None or re.search(selector.name_regex, image.name) is not None)
        and all(image.tags.get(key) == value for key, value in selector.tags.items())
    )
