"""ReadAccounts, ReadAccessKeys, ReadQuotas."""

from __future__ import annotations


def test_quotas_show_limits_and_use(user) -> None:
    user.sandbox.scheduler.hold()
    user.start_export("ami-00000001")
    [quotas] = user.api("source").api("ReadQuotas", Filters={"QuotaNames": ["image_export_limit"]})["QuotaTypes"]
    assert [(quota["MaxValue"], quota["UsedValue"]) for quota in quotas["Quotas"]] == [(10, 1)]
    assert (quotas["QuotaType"], quotas["Quotas"][0]["QuotaCollection"]) == ("global", "Storage")


def test_read_access_keys_shows_no_secret(user) -> None:
    [key] = user.api("source").api("ReadAccessKeys")["AccessKeys"]
    assert (key["AccessKeyId"], key["State"]) == (user.sandbox.accounts["source"].access_key, "ACTIVE")
    assert "SecretKey" not in key


def test_an_eim_user_belongs_to_its_account(user) -> None:
    """It sees its own key only, and the images of the account."""
    api, own = user.api("source-eim"), user.sandbox.accounts["source-eim"]
    assert api.api("ReadAccounts")["Accounts"][0]["AccountId"] == user.sandbox.accounts["source"].account_id
    assert [key["AccessKeyId"] for key in api.api("ReadAccessKeys")["AccessKeys"]] == [own.access_key]
    assert "golden-three" in user.image_names("source-eim")
