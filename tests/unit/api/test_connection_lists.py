"""Lists as arguments of the public functions: one text instead of a list is refused before anything is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from omicopy import api
from omicopy.errors import ErrorCode, OmicopyError

URL = "https://oos.eu-west-2.outscale.com/b/k"
CALLS: dict[str, Callable[..., Any]] = {
    "copy images": lambda: api.copy("abc", source="s", targets=["t"], bucket="bucket"),
    "copy targets": lambda: api.copy(["abc"], source="s", targets="t", bucket="bucket"),
    "copy share_with": lambda: api.copy(["abc"], source="s", targets=["t"], bucket="bucket", share_with="1" * 12),
    "copy boot_modes": lambda: api.copy(["abc"], source="s", targets=["t"], bucket="bucket", boot_modes="uefi"),  # type: ignore[arg-type]
    "export images": lambda: api.export("abc", source="s", bucket="bucket"),
    "import_image share_with": lambda: api.import_image(URL, target="t", share_with="1" * 12),
    "import_image boot_modes": lambda: api.import_image(URL, target="t", boot_modes="uefi"),  # type: ignore[arg-type]
    "cancel task_ids": lambda: api.cancel("image-export-12345678", profile="s"),
    "cors allow_origins": lambda: api.cors("s3://bucket", profile="s", allow_origins="https://a.example.com"),
    "doctor images": lambda: api.doctor("abc", source="s"),
    "doctor targets": lambda: api.doctor(source="s", targets="t"),
    "resign allow_key_prefixes": lambda: api.resign("s3://bucket/k", profile="s", allow_key_prefixes="other/"),
    "build_manifest volumes": lambda: api.build_manifest("s3://bucket/k", profile="s", name="abc", volumes="sda1=k"),
    "build_manifest product_types": lambda: api.build_manifest(
        "s3://bucket/k", profile="s", name="abc", product_types="0002"
    ),
    "run_plan only": lambda: api.run_plan("plan.yaml", only="golden"),
    "status names": lambda: api.status("golden", source="s"),
    "status targets": lambda: api.status(source="s", targets="t"),
    "prune targets": lambda: api.prune(source="s", targets="t", keep_last=1),
}


@pytest.mark.parametrize("call", CALLS)
def test_one_text_is_no_list(call: str) -> None:
    """Its letters would be the list: prefixes of one letter would let nearly every key be signed."""
    with pytest.raises(OmicopyError) as caught:
        CALLS[call]()
    argument = call.split()[1]
    assert caught.value.code is ErrorCode.USAGE
    assert caught.value.message == f"{argument} must be a list, not one text"
    assert caught.value.hint == f"Write {argument}=[…]."
