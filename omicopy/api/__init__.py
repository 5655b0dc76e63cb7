"""The public functions: `from omicopy import copy, presign, inspect, run_plan`. The command line calls the same.

Profiles are those of the command line (`NAME`, `NAME@REGION`, `env:PREFIX`), durations are timedeltas or texts such as
`7d`. Every function raises OmicopyError for what is foreseeable, with a `code`, a `message` and a `hint`; what becomes
of single copies is told in the results, and raises nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omicopy.api.checks import doctor as doctor
    from omicopy.api.connection import ConnectionOptions as ConnectionOptions
    from omicopy.api.connection import connect as connect
    from omicopy.api.copies import copy as copy
    from omicopy.api.copies import export as export
    from omicopy.api.imports import import_image as import_image
    from omicopy.api.manifests import inspect as inspect
    from omicopy.api.plans import load_plan as load_plan
    from omicopy.api.plans import run_plan as run_plan
    from omicopy.api.pruning import prune as prune
    from omicopy.api.running import Watch as Watch
    from omicopy.api.status_report import status as status
    from omicopy.api.urls import presign as presign
    from omicopy.doctor.findings import Check as Check
    from omicopy.doctor.findings import CheckStatus as CheckStatus
    from omicopy.model.choices import BootMode as BootMode
    from omicopy.model.choices import DiskFormat as DiskFormat
    from omicopy.model.choices import IfExists as IfExists
    from omicopy.model.request import Budgets as Budgets
    from omicopy.model.result import CopyResult as CopyResult
    from omicopy.model.result import CopyResults as CopyResults
    from omicopy.model.result import Status as Status
    from omicopy.model.result import exit_code as exit_code
    from omicopy.plans.model import Plan as Plan
    from omicopy.plans.model import plan_schema as plan_schema
    from omicopy.prune.entries import Action as Action
    from omicopy.prune.entries import PruneReport as PruneReport
    from omicopy.reconcile.apply import RunMode as RunMode
    from omicopy.reconcile.run import RunOptions as RunOptions
    from omicopy.status.report import PlanStatus as PlanStatus
    from omicopy.status.report import StatusReport as StatusReport

_MODULES = {
    "ConnectionOptions": "omicopy.api.connection",
    "connect": "omicopy.api.connection",
    "copy": "omicopy.api.copies",
    "export": "omicopy.api.copies",
    "doctor": "omicopy.api.checks",
    "import_image": "omicopy.api.imports",
    "inspect": "omicopy.api.manifests",
    "load_plan": "omicopy.api.plans",
    "run_plan": "omicopy.api.plans",
    "prune": "omicopy.api.pruning",
    "Watch": "omicopy.api.running",
    "status": "omicopy.api.status_report",
    "presign": "omicopy.api.urls",
    "Check": "omicopy.doctor.findings",
    "CheckStatus": "omicopy.doctor.findings",
    "BootMode": "omicopy.model.choices",
    "DiskFormat": "omicopy.model.choices",
    "IfExists": "omicopy.model.choices",
    "Budgets": "omicopy.model.request",
    "CopyResult": "omicopy.model.result",
    "CopyResults": "omicopy.model.result",
    "Status": "omicopy.model.result",
    "exit_code": "omicopy.model.result",
    "Plan": "omicopy.plans.model",
    "plan_schema": "omicopy.plans.model",
    "Action": "omicopy.prune.entries",
    "PruneReport": "omicopy.prune.entries",
    "RunMode": "omicopy.reconcile.apply",
    "RunOptions": "omicopy.reconcile.run",
    "StatusReport": "omicopy.status.report",
    "PlanStatus": "omicopy.status.report",
}
__all__ = [
    "Action",
    "BootMode",
    "Budgets",
    "Check",
    "CheckStatus",
    "ConnectionOptions",
    "CopyResult",
    "CopyResults",
    "DiskFormat",
    "IfExists",
    "Plan",
    "PlanStatus",
    "PruneReport",
    "RunMode",
    "RunOptions",
    "Status",
    "StatusReport",
    "Watch",
    "connect",
    "copy",
    "doctor",
    "exit_code",
    "export",
    "import_image",
    "inspect",
    "load_plan",
    "plan_schema",
    "presign",
    "prune",
    "run_plan",
    "status",
]


def __getattr__(name: str) -> Any:
    """Loads what a name stands for when it is first asked for: to sign a URL takes neither the loop nor a plan."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    """With the names that are not loaded yet: for completion, and for `help`."""
    return sorted({*globals(), *__all__})
