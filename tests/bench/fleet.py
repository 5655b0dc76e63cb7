"""A sandbox full of images to copy, for the benchmarks that start omicopy as a process."""

from __future__ import annotations

from dataclasses import replace

from omicopy.sandbox.main import Sandbox
from omicopy.sandbox.model.settings import SOURCE_REGION, SandboxSettings


def build_fleet(sandbox: Sandbox, size: int, settings: SandboxSettings) -> list[str]:
    """A sandbox as new and without quotas, with so many images in the source account, of one small volume each; their
    IDs. They differ by their names and descriptions alone."""
    sandbox.reset(replace(settings, snapshots=0, exports_in_flight=0, copies_in_flight=0))
    state = sandbox.region_state(SOURCE_REGION)
    model = state.images.get("ami-00000001")
    if model is None:
        raise LookupError("the sandbox has not sown the image that all others are made after")
    ids = [f"ami-{number:08x}" for number in range(0x1000, 0x1000 + size)]
    for image_id in ids:
        state.images.put(image_id, replace(model, image_id=image_id, name=f"ship-{image_id}", description=image_id))
    state.forget_history()
    return ids
