"""The account, its keys and quotas, and the Regions: ReadAccounts, ReadAccessKeys, ReadRegions, ReadQuotas."""

from __future__ import annotations

from collections.abc import Iterable

from omicopy.sandbox.api.actions.call import Action, Answer, ApiCall, Request
from omicopy.sandbox.api.actions.lists import Filter, one_of, page, select
from omicopy.sandbox.model.behaviours import Behaviour
from omicopy.sandbox.model.region_state import RUNNING, Omi
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
    own, region, settings = call.account.account_id, call.region, call.settings
    snapshots = sum(snapshot.account_id == own for snapshot in region.snapshots.all(call.moment))
    exports = sum(task.account_id == own and task.state in RUNNING for task in region.tasks.all(call.moment))
    copies = copies_in_flight(call.account, region.images.all(call.moment), settings.behaviour)
    counted = (
        ("volume_size_limit", "Volume Size Limit", "Maximum cumulated size of BSU volumes (GiB)", 0, 0),
        ("snapshot_limit", "Snapshot Limit", "Maximum number of snapshots", settings.snapshots, snapshots),
        (
            "snapshot_export_limit",
            "Snapshot Exports Limit",
            "Maximum number of running snapshot export tasks",
            settings.exports_in_flight,
            0,
        ),
        (
            "snapshot_copy_limit",
            "Snapshot Copy Limit",
            "Maximum number of in-progress snapshot copies",
            settings.copies_in_flight,
            0,
        ),
        (
            "image_export_limit",
            "Image Exports Limit",
            "Maximum number of running image export tasks",
            settings.exports_in_flight,
            exports,
        ),
        (
            "image_copy_limit",
            "Image Copy Limit",
            "Maximum number of in-progress image copies",
            settings.copies_in_flight,
            copies,
        ),
    )
    return [_quota(own, *quota) for quota in counted]


def copies_in_flight(account: SandboxAccount, images: Iterable[Omi], behaviour: Behaviour) -> int:
    """Returns how many running copies of an account count against `image_copy_limit`."""
    imports_too = behaviour.copy_limit is CopyLimit.IMPORTS_TOO
    making = [image for image in images if image.account_id == account.account_id and image.is_being_made]
    return sum(imports_too or not image.is_import for image in making)


def _quota(own: str, name: str, short: str, description: str, limit: int, used: int) -> Quota:
    return {
        "AccountId": own,
        "Description": description,
        "MaxValue": limit,
        "Name": name,
        "QuotaCollection": "Storage",
        "ShortDescription": short,
        "UsedValue": used,
    }


ACTIONS: dict[str, Action] = {
    "ReadAccounts": read_accounts,
    "ReadAccessKeys": read_access_keys,
    "ReadRegions": read_regions,
    "ReadQuotas": read_quotas,
}
