"""Plan files for tests, and how they are read."""

from __future__ import annotations

from omicopy.plans.model import Job, Plan, parse_plan

EXAMPLE = """\
version: 1
defaults: {from: source, bucket: omi-exports, prefix: nightly, export_timeout: 12h, import_timeout: 6h, parallel: 4}
jobs:
  - name: golden                      # any key of `defaults` may stand in a job too
    images:                           # entries add up; within one entry all that is given must hold
      - id: ami-12345678
      - name: golden-linux
      - {name_regex: "^golden-", tags: {stage: prod}, latest: 2}     # latest: by creation date
    to:
      - profile: target               # or name@region
        name: "{name}"                # template as in --name
        share_with: ["333333333333"]  # account IDs that may launch the copy
        tags: {team: platform}        # beside the source's own tags
        best_effort: false            # true: its failure does not change the exit code
    if_exists: fail                   # fail | skip | rename
    cleanup: on-success               # never (default) | on-success
    retention: {keep_last: 3, keep_within: 30d}
"""
SMALL = """\
version: 1
jobs:
  - name: small
    from: source
    bucket: omi-exports
    images: [{name: golden}]
    to: [{profile: target}]
"""


def read(text: str, **environ: str) -> Plan:
    return parse_plan(text, "plan.yaml", environ)


def job(text: str, **environ: str) -> Job:
    [found] = read(text, **environ).jobs
    return found


def with_job(line: str) -> str:
    """The small plan with one more line in its job, the eighth."""
    return f"{SMALL}    {line}\n"


def with_target(text: str) -> str:
    return SMALL.replace("profile: target", f"profile: target, {text}")
