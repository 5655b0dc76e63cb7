"""Who is asking, where, and how much there may be: ReadAccounts, ReadAccessKeys, ReadRegions, ReadQuotas."""

from __future__ import annotations

from omicopy.sandbox.actions.call import Action, Answer, Call, Request
from omicopy.sandbox.actions.lists import Filter, one_of, page, select
from omicopy.sandbox.settings import Account
from omicopy.sandbox.world import RUNNING

Quota = dict[str, str | int]


def read_accounts(call: Call, _: Request) -> Answer:
    """The caller's own account."""
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


def read_access_keys(call: Call, request: Request) -> Answer:
    """The caller's one key; dates in the shape of the official example. A key here carries no tag."""
    filters: dict[str, Filter[Account]] = {
        "AccessKeyIds": one_of(lambda account: account.access_key),
        "States": one_of(lambda _: "ACTIVE"),
    }
    found = [] if "Tag" in request else select([call.account], request, filters)
    dates = {"CreationDate": "2025-01-01T00:00:00.000+0000", "LastModificationDate": "2025-01-01T00:00:00.000+0000"}
    if call.settings.access_keys_end:
        dates |= {"ExpirationDate": call.settings.access_keys_end}
    return {"AccessKeys": [{"AccessKeyId": account.access_key, "State": "ACTIVE"} | dates for account in found]}


def read_regions(call: Call, _: Request) -> Answer:
    """The two Regions there are; needs no signature."""
    return {"Regions": [{"RegionName": name, "Endpoint": host} for name, host in call.region_endpoints.items()]}


def read_quotas(call: Call, request: Request) -> Answer:
    """The limits that the sandbox enforces. The real names of these quotas are not known; these are guesses."""
    filters: dict[str, Filter[Quota]] = {
        "QuotaNames": one_of(lambda quota: quota["Name"]),
        "Collections": one_of(lambda quota: quota["QuotaCollection"]),
        "ShortDescriptions": one_of(lambda quota: quota["ShortDescription"]),
        "QuotaTypes": one_of(lambda _: "global"),
    }
    shown, rest = page(select(_quotas(call), request, filters), request)
    return {"QuotaTypes": [{"QuotaType": "global", "Quotas": shown}] if shown else [], **rest}


def _quotas(call: Call) -> list[Quota]:
    own = call.account.account_id
    images = sum(image.account_id == own for image in call.world.images.all(call.moment))
    snapshots = sum(snapshot.account_id == own for snapshot in call.world.snapshots.all(call.moment))
    tasks = call.world.tasks.all(call.moment)
    exports = sum(task.account_id == own and task.state in RUNNING for task in tasks)
    settings = call.settings
    return [
        _quota(own, "image_limit", "Images Limit", "Maximum number of OMIs", settings.images, images),
        _quota(own, "snapshot_limit", "Snapshots Limit", "Maximum number of snapshots", settings.snapshots, snapshots),
        _quota(
            own,
            "image_export_limit",
            "Exports Limit",
            "Maximum number of simultaneous exports",
            settings.exports_in_flight,
            exports,
        ),
    ]


def _quota(own: str, name: str, short: str, description: str, limit: int, used: int) -> Quota:
    return {
        "AccountId": own,
        "Description": description,
        "MaxValue": limit,
        "Name": name,
        "QuotaCollection": "Compute",
        "ShortDescription": short,
        "UsedValue": used,
    }


ACTIONS: dict[str, Action] = {
    "ReadAccounts": read_accounts,
    "ReadAccessKeys": read_access_keys,
    "ReadRegions": read_regions,
    "ReadQuotas": read_quotas,
}
