"""The public functions, one per command, and the types that they take and return. The command line calls them, too.

Profiles are those of the command line (`NAME`, `NAME@REGION`, `env:PREFIX`). Durations are timedeltas or texts such as
`7d`. Every function raises OmicopyError, with a `code`, a `message` and a `hint`, if the command as a whole fails. The
failure of a single copy, task or check raises nothing: its result contains the error.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omicopy.api.buckets import cors as cors
    from omicopy.api.checks import doctor as doctor
    from omicopy.api.connection import ConnectionOptions as ConnectionOptions, connect as connect
    from omicopy.api.copies import copy as copy, export as export
    from omicopy.api.exports import cancel as cancel
    from omicopy.api.imports import import_image as import_image
    from omicopy.api.manifests import build_manifest as build_manifest, inspect as inspect, resign as resign
    from omicopy.api.plans import load_plan as load_plan, run_plan as run_plan
    from omicopy.api.pruning import prune as prune
    from omicopy.api.run_prepared import Watch as Watch
    from omicopy.api.status_report import status as status
    from omicopy.api.urls import presign as presign, presign_upload as presign_upload
    from omicopy.deletion.cancel import CancelReport as CancelReport
    from omicopy.doctor.findings import Check as Check, CheckStatus as CheckStatus
    from omicopy.errors import ErrorCode as ErrorCode, OmicopyError as OmicopyError
    from omicopy.manifests.cors import CorsRules as CorsRules
    from omicopy.manifests.from_disks.build import BuiltManifest as BuiltManifest
    from omicopy.manifests.inspect import Inspection as Inspection
    from omicopy.manifests.presign import PresignResult as PresignResult
    from omicopy.model.choices import BootMode as BootMode, DiskFormat as DiskFormat, IfExists as IfExists
    from omicopy.model.export import StoredExport as StoredExport
    from omicopy.model.request import Budgets as Budgets
    from omicopy.model.result import (
        CopyResult as CopyResult,
        CopyResults as CopyResults,
        Status as Status,
        exit_code as exit_code,
    )
    from omicopy.plans.model import Plan as Plan, plan_schema as plan_schema
    from omicopy.prune.entries import Action as Action, PruneReport as PruneReport
    from omicopy.reconcile.apply import RunMode as RunMode
    from omicopy.reconcile.run import RunOptions as RunOptions
    from omicopy.status.report import PlanStatus as PlanStatus, StatusReport as StatusReport

_NAMES = {
    "omicopy.api.buckets": ("cors",),
    "omicopy.api.checks": ("doctor",),
    "omicopy.api.connection": ("ConnectionOptions", "connect"),
    "omicopy.api.copies": ("copy", "export"),
    "omicopy.api.exports": ("cancel",),
    "omicopy.api.imports": ("import_image",),
    "omicopy.api.manifests": ("build_manifest", "inspect", "resign"),
    "omicopy.api.plans": ("load_plan", "run_plan"),
    "omicopy.api.pruning": ("prune",),
    "omicopy.api.run_prepared": ("Watch",),
    "omicopy.api.status_report": ("status",),
    "omicopy.api.urls": ("presign", "presign_upload"),
    "omicopy.deletion.cancel": ("CancelReport",),
    "omicopy.doctor.findings": ("Check", "CheckStatus"),
    "omicopy.errors": ("ErrorCode", "OmicopyError"),
    "omicopy.manifests.cors": ("CorsRules",),
    "omicopy.manifests.from_disks.build": ("BuiltManifest",),
    "omicopy.manifests.inspect": ("Inspection",),
    "omicopy.manifests.presign": ("PresignResult",),
    "omicopy.model.choices": ("BootMode", "DiskFormat", "IfExists"),
    "omicopy.model.export": ("StoredExport",),
    "omicopy.model.request": ("Budgets",),
    "omicopy.model.result": ("CopyResult", "CopyResults", "Status", "exit_code"),
    "omicopy.plans.model": ("Plan", "plan_schema"),
    "omicopy.prune.entries": ("Action", "PruneReport"),
    "omicopy.reconcile.apply": ("RunMode",),
    "omicopy.reconcile.run": ("RunOptions",),
    "omicopy.status.report": ("PlanStatus", "StatusReport"),
}
"""What each module gives. It is loaded when one of its names is asked for: to sign a URL takes no loop and no plan."""
_MODULES = {name: module for module, names in _NAMES.items() for name in names}
__all__ = [*_MODULES]


def __getattr__(name: str) -> Any:
    """Loads what a name stands for."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    """With the names that are not loaded yet: for completion, and for `help`."""
    return sorted({*globals(), *__all__})
