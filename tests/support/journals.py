"""Entries of the journal, and what it warned of."""

from __future__ import annotations

from omicopy.state.journal import export_entry, image_entry
from tests.support.builders import ORIGIN, copy_request, destination

EXPORT = export_entry(ORIGIN)
IMAGE = image_entry(copy_request(), destination())
