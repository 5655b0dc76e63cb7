"""The account, its keys and quotas, and the Regions: ReadAccounts, ReadAccessKeys, ReadRegions, ReadQuotas."""

from __future__ import annotations

from omicopy.sandbox.api.actions.call import Answer, ApiCall, Request
from omicopy.sandbox.api.actions.lists import Filter, one_of, page, select
from omicopy.sandbox.model.region_state import RUNNING
from omicopy.sandbox.model.settings import SandboxAccount
from omicopy.sandbox.model.task_behaviours import CopyLimit

Quota = dict[str, str | int]


def read_accounts(call: ApiCall, _: Request) -> Answer:
    """Returns the caller's account."""
    account = call.account
    return {
        "Accounts": [
            {
                "AccountId": account.account_id,
                "CompanyName": "EXAMPLE SAS",
                "CustomerId": account.account_id[-8:],
                "Email": f"{account.profile}@example.com",
                "FirstName": "JEAN",
                "LastName": "DUPONT",
                "ZipCode": "92210",
                "City": "SAINT-CLOUD",
                "Country": "FRANCE",
            }
        ]
    }


def read_access_keys(call: ApiCall, request: Request) -> Answer:
    """Returns the caller's one key, with dates in the form of the official example. No key has a tag."""
    filters: dict[str, Filter[SandboxAccount]] = {
        "AccessKeyIds": one_of(lambda account: account.access_key),
        "States": one_of(lambda _: "ACTIVE"),
    }
    found = [] if "Tag" in request else select([call.account], request, filters)
    dates = {"CreationDate": "2025-01-01T00:00:00.000+0000", "LastModificationDate": "2025-01-01T00:00:00.000+0000"}
    if call.settings.access_keys_end:
        dates |= {"ExpirationDate": call.settings.access_keys_end}
    return {"AccessKeys": [{"AccessKeyId": account.access_key, "State": "ACTIVE"} | dates for account in found]}


def read_regions(call: ApiCall, _: Request) -> Answer:
    """Returns the two Regions. Needs no signature."""
    return {"Regions": [{"RegionName": name, "Endpoint": host} for name, host in call.region_endpoints.items()]}


def read_quotas(call: ApiCall, request: Request) -> Answer:
    """Returns quotas with the names and texts of OUTSCALE's integration tests. None counts images."""
    filters: dict[str, Filter[Quota]] = {
        "QuotaNames": one_of(lambda quota: quota["Name"]),
        "Collections": one_of(lambda quota: quota["QuotaCollection"]),
        "ShortDescriptions": one_of(lambda quota: quota["ShortDescription"]),
        "QuotaTypes": one_of(lambda _: "global"),
    }
    shown, rest = page(select(_quotas(call), request, filters), request)
    return {"QuotaTypes": [{"QuotaType": "global", "Quotas": shown}] if shown else [], **rest}


def _quotas(call: ApiCall) -> list[Quota]:
    settings, region = call.settings, call.region
    snapshots = len(call.own(region.snapshots))
    exports = sum(task.state in RUNNING for task in call.own(region.tasks))
    copies = copies_in_flight(call)
    running = "Maximum number of running"
    in_progress = "Maximum number of in-progress"
    counted = (
        ("volume_size", "Volume Size", "Maximum cumulated size of BSU volumes (GiB)", 0, 0),
        ("snapshot", "Snapshot", "Maximum number of snapshots", settings.snapshots, snapshots),
        ("snapshot_export", "Snapshot Exports", f"{running} snapshot export tasks", settings.exports_in_flight, 0),
        ("snapshot_copy", "Snapshot Copy", f"{in_progress} snapshot copies", settings.copies_in_flight, 0),
        ("image_export", "Image Exports", f"{running} image export tasks", settings.exports_in_flight, exports),
        ("image_copy", "Image Copy", f"{in_progress} image copies", settings.copies_in_flight, copies),
    )
    return [
        {
            "AccountId": call.account.account_id,
            "Description": description,
            "MaxValue": limit,
            "Name": f"{name}_limit",
            "QuotaCollection": "Storage",
            "ShortDescription": f"{short} Limit",
            "UsedValue": used,
        }
        for name, short, description, limit, used in counted
    ]


def copies_in_flight(call: ApiCall) -> int:
    """Returns how many running copies of the caller count against `image_copy_limit`."""
    imports_too = call.settings.behaviour.copy_limit is CopyLimit.IMPORTS_TOO
    images = call.own(call.region.images)
    return sum(image.is_being_made and (imports_too or not image.is_import) for image in images)
