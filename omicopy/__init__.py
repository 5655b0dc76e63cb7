"""Copy OUTSCALE machine images (OMIs) between accounts and Regions.

`from omicopy import copy, presign, …`: one function for each command. Their types are in `omicopy.api`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from omicopy._version import __version__ as __version__

if TYPE_CHECKING:
    from omicopy.api import (
        build_manifest as build_manifest,
        cancel as cancel,
        copy as copy,
        cors as cors,
        doctor as doctor,
        export as export,
        import_image as import_image,
        inspect as inspect,
        presign as presign,
        presign_upload as presign_upload,
        prune as prune,
        resign as resign,
        run_plan as run_plan,
        status as status,
    )

_FUNCTIONS = (
    *("build_manifest", "cancel", "copy", "cors", "doctor", "export", "import_image", "inspect", "presign"),
    *("presign_upload", "prune", "resign", "run_plan", "status"),
)
__all__ = ["__version__", *_FUNCTIONS]


def __getattr__(name: str) -> Any:
    """The public functions, loaded with all that they need when one is first asked for."""
    if name not in _FUNCTIONS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("omicopy.api"), name)


def __dir__() -> list[str]:
    """With the names that are not loaded yet: for completion, and for `help`."""
    return sorted({*globals(), *__all__})


class _PublicModule(ModuleType):
    """Keeps the functions' names for the functions.

    The packages `doctor`, `prune` and `status` have the same names: loading one would put it in the function's place.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _FUNCTIONS and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _PublicModule
