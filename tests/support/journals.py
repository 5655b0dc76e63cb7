"""Entries of the journal, and what it warned of."""

from __future__ import annotations

from omicopy.state.journal import export_entry, image_entry
from tests.support.builders import A_SOURCE, a_target, copy_request

EXPORT = export_entry(A_SOURCE)
IMAGE = image_entry(copy_request(), a_target())
