"""Copies an image, prints the result, and hands the export over to somebody else. Shows the public functions.

Without an account: omicopy sandbox -- python examples/python/copy_and_tell.py ami-00000001
With yours: change the two profiles and the bucket.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from omicopy import copy, inspect, presign, run_plan
from omicopy.api import Budgets, CopyResult, RunOptions, exit_code
from omicopy.errors import OmicopyError
from omicopy.model.units import parse_duration

SOURCE, TARGET, BUCKET = "source", "target", "omi-exports"


def main() -> int:
    """Returns the exit code that `omicopy` would end with."""
    asked = arguments()
    try:
        pause = parse_duration(asked.pause)
        options = RunOptions(Budgets(poll_min=pause, poll_max=12 * pause))
        results = copy([asked.image], source=SOURCE, targets=[TARGET], bucket=BUCKET, options=options)
        if asked.plan:
            results += run_plan(asked.plan, options=options)
        tell(results)
        if results[0].is_good:
            hand_over(asked.image)
    except OmicopyError as error:  # every expected failure; a copy that fails is a result, not an exception
        print(f"{error.message}\n  {error.hint}", file=sys.stderr)
        return error.exit_code
    return exit_code(results)


def tell(results: Sequence[CopyResult]) -> None:
    """Prints one line per copy; for a failed one also why, and what to do."""
    for result in results:
        print(f"{result.request.label}: {result.status}, {result.image_id or 'no image'}")
        if result.error:
            print(f"  {result.error.message}\n  {result.error.hint}")


def hand_over(image_id: str) -> None:
    """Prints a working URL of the export's manifest, and what its receiver sees without credentials."""
    presigned = presign(image_id, profile=SOURCE, expires="2d")
    seen = inspect(presigned.url.url, probe=True)
    size = sum(snapshot.size_bytes for snapshot in seen.manifest.snapshots) // 2**30
    print(f"{seen.manifest.name}, {size} GiB, to be imported before {seen.expiry.at or 'nobody knows when'}:")
    print(presigned.url.url)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("image", metavar="IMAGE_ID")
    parser.add_argument("--plan", type=Path, help="a plan to run as well")
    parser.add_argument("--pause", default="5s", help="first interval between polls; the longest is 12 times that")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
