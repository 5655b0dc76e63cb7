"""The public functions: `from omicopy import copy, presign, inspect, run_plan`. The command line calls the same.

Profiles are those of the command line (`NAME`, `NAME@REGION`, `env:PREFIX`), durations are timedeltas or texts such as
`7d`. Every function raises OmicopyError for what is foreseeable, with a `code`, a `message` and a `hint`; what becomes
of single copies is told in the results, and raises nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omicopy.api.buckets import cors as cors
    from omicopy.api.connection import ConnectionOptions as ConnectionOptions
    from omicopy.api.connection import connect as connect
    from omicopy.api.copies import Watch as Watch
    from omicopy.api.copies import copy as copy
    from omicopy.api.exports import cancel as cancel
    from omicopy.api.manifests import build_manifest as build_manifest
    from omicopy.api.manifests import inspect as inspect
    from omicopy.api.manifests import resign as resign
    from omicopy.api.plans import load_plan as load_plan
    from omicopy.api.plans import run_plan as run_plan
    from omicopy.api.urls import presign as presign
    from omicopy.api.urls import presign_upload as presign_upload
    from omicopy.model.choices import BootMode as BootMode
    from omicopy.model.choices import DiskFormat as DiskFormat
    from omicopy.model.choices import IfExists as IfExists
    from omicopy.model.request import Budgets as Budgets
    from omicopy.model.result import CopyResult as CopyResult
    from omicopy.model.result import Status as Status
    from omicopy.model.result import exit_code as exit_code
    from omicopy.plans.model import Plan as Plan
    from omicopy.reconcile.apply import RunMode as RunMode
    from omicopy.reconcile.run import RunOptions as RunOptions

_MODULES = {
    "cors": "omicopy.api.buckets",
    "cancel": "omicopy.api.exports",
    "build_manifest": "omicopy.api.manifests",
    "resign": "omicopy.api.manifests",
    "presign_upload": "omicopy.api.urls",
    "ConnectionOptions": "omicopy.api.connection",
    "connect": "omicopy.api.connection",
    "Watch": "omicopy.api.copies",
    "copy": "omicopy.api.copies",
    "inspect": "omicopy.api.manifests",
    "load_plan": "omicopy.api.plans",
    "run_plan": "omicopy.api.plans",
    "presign": "omicopy.api.urls",
    "RunOptions": "omicopy.reconcile.run",
    "RunMode": "omicopy.reconcile.apply",
    "BootMode": "omicopy.model.choices",
    "DiskFormat": "omicopy.model.choices",
    "IfExists": "omicopy.model.choices",
    "Plan": "omicopy.plans.model",
    "CopyResult": "omicopy.model.result",
    "Status": "omicopy.model.result",
    "exit_code": "omicopy.model.result",
    "Budgets": "omicopy.model.request",
}
__all__ = [
    "BootMode",
    "Budgets",
    "ConnectionOptions",
    "CopyResult",
    "DiskFormat",
    "IfExists",
    "Plan",
    "RunMode",
    "RunOptions",
    "Status",
    "Watch",
    "build_manifest",
    "cancel",
    "connect",
    "copy",
    "cors",
    "exit_code",
    "inspect",
    "load_plan",
    "presign",
    "presign_upload",
    "resign",
    "run_plan",
]


def __getattr__(name: str) -> Any:
    """Loads what a name stands for when it is first asked for: to sign a URL takes neither the loop nor a plan."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    """With the names that are not loaded yet: for completion, and for `help`."""
    return sorted({*globals(), *__all__})
