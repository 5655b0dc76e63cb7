"""The parts of README.md that are made from the code: `python -m tests.readme_blocks` writes them, a test compares.

Each part stands between `<!-- NAME -->` and `<!-- end of NAME -->`; the JSON examples are made by a run in a sandbox.
"""

from __future__ import annotations

import ast
import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from omicopy.doctor.required_rights import rights_table
from omicopy.errors import ErrorCode, OmicopyError
from tests.support import children

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PACKAGE = ROOT / "omicopy"
FLOORS = sorted(file.parent.name for file in PACKAGE.glob("*/__init__.py"))
OWN = "--from source -o json"
EXAMPLES = {
    "copy": f"copy golden-linux --to target --bucket omi-exports {OWN}",
    "url": f"url ami-00000001 {OWN}",
    "inspect": f"inspect ami-00000001 --probe {OWN}",
    "resign": f"resign ami-00000001 {OWN}",
    "manifest build": f"manifest build s3://omi-exports/from-them --name theirs {OWN}",
    "cors": f"cors s3://omi-exports --allow-origin https://www.example.com {OWN}",
    "status": f"status ami-00000001 --to target {OWN}",
    "doctor": f"doctor golden-linux --to target --bucket omi-exports {OWN}",
}
"""The commands whose JSON the README shows, in an order in which they can be run, after `PREPARE`."""

_DISK = "make_disk('qcow2', 8 * GIB, 'theirs')"
_UPLOAD = f"import sys, requests; from omicopy.sandbox.storage.disk_images import *; requests.put(sys.argv[1], {_DISK})"
PREPARE = (
    f'python -c "{_UPLOAD}" "$(omicopy url -q --method put s3://omi-exports/from-them/disk.qcow2.gz --from source)"'
)
"""Somebody without an account puts a disk into the bucket."""

TOLD = (
    "ours, available, complete: present",
    "ours, available, complete, made by this run: copied",
    "ours, available, no tags: annotate",
    "ours, available, not shared as asked: share",
    "ours, available, not as its source is: fail and name what differs",
    "ours, pending: wait",
    "ours, in a state that nobody documented: wait",
    "ours, failed before this run, tagged as its own: replace it",
    "ours, failed before this run, known to the journal: replace it",
    "ours, failed in this run: fail with its StateComment",
    "name taken by an image that is not ours: conflict",
    "name taken by ours from another source: conflict",
    "name taken, skip: skipped",
    "name taken, rename: as if it were called so",
    "the service calls the name taken, nobody is seen to hold it: look again",
    "target unknown: look again",
    "an image may have been created: look again",
    "export complete and valid: import",
    "export complete, its task aged out: import",
    "export valid for a second less than asked: sign anew",
    "export with URLs that don't say when they end: sign anew",
    "export with a URL that the store refuses: sign anew",
    "signed anew by this run, and still too short: expired",
    "export running: wait",
    "export in a state that nobody documented: wait",
    "several running: everybody follows the smallest ID",
    "ours running beside a smaller ID: cancel ours",
    "running in another format than asked for: not found",
    "complete in another format than asked for: not found",
    "complete, manifest not found, within the grace: look again",
    "complete, manifest not found after the grace: not found",
    "complete, bucket refused: permission",
    "complete, manifest not found, --re-export: start",
    "damaged, nothing running: start",
    "once a run: damaged again: damaged",
    "export failed in this run: fail with its Comment",
    "failed before this run: ignored",
    "source image pending: wait",
    "source image failed: not exportable",
    "source image missing: not exportable",
    "source image not owned: not exportable",
    "quota refused, others in flight: wait for a slot",
    "quota refused twice, none in flight: quota",
    "tasks unknown: look again",
    "bucket unknown: look again",
    "source image unknown: look again",
    "an export may have been started: look again",
    "known to be absent: start the export",
)
"""The rows of the decision table that the README shows; the tests have more."""


def block(name: str, text: str) -> str:
    """What stands in the README between a part's two marks."""
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- end of {name} -->", text, re.DOTALL)
    assert found, f"README.md has no part {name!r}"
    return found[1]


def with_block(name: str, content: str, text: str) -> str:
    before, after = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    return text.replace(before + block(name, text) + after, before + content + after)


def made_from_code() -> dict[str, str]:
    """Every part that needs no run, by name."""
    return {
        "help": help_block(),
        "error codes": error_codes(),
        "house": house(),
        "rules": options(),
        "rights": f"\n{rights_table()}\n",
    }


def options() -> str:
    """Those rows of the decision table's tests that tell the story, in their order."""
    from tests.unit.reconcile.decide.test_decide import TABLE

    message = [row.says for row in TABLE]
    missing = set(TOLD) - set(message)
    assert not missing, f"no test shows: {missing}"
    rows = [says.rpartition(": ") for says in message if says in TOLD]
    return (
        "\n| what is known | step |\n|---|---|\n" + "".join(f"| {what} | {step} |\n" for what, _, step in rows) + "\n"
    )


def help_block() -> str:
    """`omicopy --help` and that of its main command, 100 columns wide."""
    return "".join(f"```\n$ omicopy {' '.join(args)}\n{_help(*args)}```\n" for args in (["--help"], ["copy", "--help"]))


def _help(*args: str) -> str:
    env = {**os.environ, "COLUMNS": "100", "TERMINAL_WIDTH": "100", "NO_COLOR": "1"}
    env = {name: value for name, value in env.items() if not name.startswith("OMICOPY_")}
    done = children.run([sys.executable, "-m", "omicopy", *args], env=env, check=True)
    return "\n".join(line.rstrip() for line in done.stdout.splitlines()) + "\n"


def error_codes() -> str:
    rows = "".join(
        f"| `{code.word}` | {code.exit_code} | {'yes' if OmicopyError(code, '').is_retryable else 'no'} |\n"
        for code in ErrorCode
    )
    return f"\n| code | exit | retryable |\n|---|---|---|\n{rows}\n"


def house() -> str:
    """The package as a tree, each file with the first sentence of its docstring."""
    lines = ["```", "omicopy/", *_rooms(PACKAGE, "  ")]
    for floor in FLOORS:
        lines.append(_room(PACKAGE / floor / "__init__.py", f"  {floor}/"))
        lines += _rooms(PACKAGE / floor, "    ")
    return "\n".join([*lines, "```"]) + "\n"


def _rooms(folder: Path, indent: str) -> list[str]:
    lines = [_room(file, indent + file.name) for file in sorted(folder.glob("*.py")) if file.name != "__init__.py"]
    for inner in sorted(folder.glob("*/__init__.py")) if folder != PACKAGE else []:
        lines.append(_room(inner, f"{indent}{inner.parent.name}/"))
        lines += _rooms(inner.parent, indent + "  ")
    return lines


def _room(file: Path, label: str) -> str:
    docstring = ast.get_docstring(ast.parse(file.read_text())) or ""
    return f"{label:<26} {docstring.splitlines()[0]}"


def run_in_sandbox() -> dict[str, str]:
    """The JSON examples, from a real run; the signature is cut."""
    script = "; echo ,; ".join(f"omicopy {command}" for command in EXAMPLES.values())
    command = [sys.executable, "-m", "omicopy", "sandbox", "--", "sh", "-c", f"{PREPARE}; echo [; {script}; echo ]"]
    env = os.environ | {"OMICOPY_POLL_MIN": "1s"}
    done = children.run(command, env=env, check=True)
    made = dict(zip(EXAMPLES, json.loads(done.stdout), strict=True))
    made = {name: shortened(name, value) for name, value in made.items()}
    return {
        f"json {name}": f"```json\n{json.dumps(value, indent=2, ensure_ascii=False)}\n```\n"
        for name, value in made.items()
    }


def shortened(name: str, value: Any) -> Any:
    """A signature is nobody's business, and two findings tell what the others look like."""
    if name == "url":
        return value | {"url": re.sub(r"X-Amz-Credential=.*", "X-Amz-…", value["url"])}
    return value | {"findings": value["findings"][:2]} if name == "doctor" else value


def main() -> None:
    text = README.read_text()
    for name, content in {**made_from_code(), **run_in_sandbox()}.items():
        text = with_block(name, content, text)
    README.write_text(text)


if __name__ == "__main__":
    main()
