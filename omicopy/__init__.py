"""Copy OUTSCALE machine images (OMIs) between accounts and Regions."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from omicopy._version import __version__

if TYPE_CHECKING:
    from omicopy.api import copy, inspect, presign, run_plan

__all__ = ["__version__", "copy", "inspect", "presign", "run_plan"]


def __getattr__(name: str) -> Any:
    """The public functions, loaded with all that they need when one is first asked for."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("omicopy.api"), name)


def __dir__() -> list[str]:
    """With the names that are not loaded yet: for completion, and for `help`."""
    return sorted({*globals(), *__all__})
