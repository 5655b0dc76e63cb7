"""How long a start takes, beside tools that do the same: `python tests/bench/startup.py [RUNS]`.

All commands run in turns, each as a process of its own, against a sandbox with one finished export in it. What counts
is the CPU time; the time on the wall stands beside it. `url` asks all that it ever asks: until when the access key is
good, for the manifest, for one byte of every object in it, and for the tasks of the export. The sandbox speaks http:
over https, `url` reads the authorities' certificates once, some 15 ms, as any tool has to that sends something.
`presign` and `signurl` send nothing. Fails where a command does.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from omicopy.sandbox.main import Sandbox
from omicopy.sandbox.model.settings import EXPORT_BUCKET, SOURCE_REGION, SandboxSettings
from tests.bench.cost import SCRIPTS, Cost, in_turns, measure
from tests.bench.table import Row, text_table

RUNS = 9
WEEK = 604_800
OMICOPY, AWS, S3CMD, OSC = (str(SCRIPTS / tool) for tool in ("omicopy", "aws", "s3cmd", "osc-cli"))
HELP, TAB, NO_CHECK = "omicopy --help", "omicopy, then TAB", "omicopy url s3://… --no-check"
PROBE = "omicopy inspect s3://… --probe (R9's reads alone)"
URL, FLOOR = "omicopy url s3://…, all reads", "all that url needs of others, imported"
PRESIGN, SIGNURL, ASK = "aws s3 presign", "s3cmd signurl", "osc-cli api ReadAccessKeys"
BESIDE = {
    "python -c pass": (PRESIGN, None),
    "omicopy --version": (PRESIGN, None),
    HELP: (PRESIGN, 0.35),
    TAB: (PRESIGN, None),
    NO_CHECK: (PRESIGN, None),
    PROBE: (PRESIGN, 0.75),
    URL: (PRESIGN, 0.75),
    FLOOR: (PRESIGN, None),
}
"""What is measured, beside what, and how much of its CPU time it may take."""
IMPORT = re.compile(r"import time: +(\d+) \| +\d+ \| ( *)(\S+)")
HEAVIEST = 10


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    with finished_export() as (location, env):
        print(text_table(compare(location, env, runs)))
        print(f"\nWhat is left of {URL}: milliseconds in imports, by who asks for them (python -X importtime)")
        for package, seconds in profile(location, env).most_common(HEAVIEST):
            print(f"{seconds * 1000:6.1f}  {package}")


def rows(runs: int = RUNS) -> list[Row]:
    """Half a minute. Raises where a command fails."""
    with finished_export() as (location, env):
        return compare(location, env, runs)


@contextmanager
def finished_export() -> Iterator[tuple[str, dict[str, str]]]:
    """Where the manifest of an export of ours lies, and the environment in which all tools find its sandbox."""
    with Sandbox(SandboxSettings(export_seconds=0.1)) as sandbox:
        env = clean_environment(sandbox.env)
        command = [OMICOPY, "export", "golden-linux", "--from", "source", "--bucket", EXPORT_BUCKET, "-q"]
        measure(command, env | {"OMICOPY_POLL_MIN": "0.1s"})
        (task,) = sandbox.region_state(SOURCE_REGION).tasks.all()
        yield f"s3://{EXPORT_BUCKET}/{task.manifest_key}", env


def clean_environment(sandbox: Mapping[str, str]) -> dict[str, str]:
    """Nobody's settings but the sandbox's."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "PYTHONPATH") if name in os.environ}
    return kept | {name: sandbox[name] for name in ("HOME", "OSC_CONFIG_FILE", "XDG_STATE_HOME")}


def compare(location: str, env: Mapping[str, str], runs: int) -> list[Row]:
    costs = in_turns(commands(location), env, runs)
    table = [row(name, costs[name], other, costs[other], bound) for name, (other, bound) in BESIDE.items()]
    return table + [row(URL, costs[URL], other, costs[other]) for other in (SIGNURL, ASK)]


def commands(location: str) -> dict[str, Sequence[str]]:
    own = ["--from", "source"]
    tab = ["env", "COMP_WORDS=omicopy ", "COMP_CWORD=1", "_OMICOPY_COMPLETE=complete_bash"]
    libraries = "import typer._adapters, botocore.auth, botocore.credentials, urllib3, osc_sdk_python.call, tenacity"
    return {
        "python -c pass": [sys.executable, "-c", "pass"],
        "omicopy --version": [OMICOPY, "--version"],
        HELP: [OMICOPY, "--help"],
        TAB: [*tab, OMICOPY],  # as the function does that --install-completion gives to bash
        NO_CHECK: [OMICOPY, "url", location, *own, "--no-check"],
        PROBE: [OMICOPY, "inspect", location, *own, "--probe"],
        URL: [OMICOPY, "url", location, *own],
        FLOOR: [sys.executable, "-c", libraries],
        PRESIGN: [AWS, "s3", "presign", location, "--profile", "source", "--expires-in", str(WEEK)],
        SIGNURL: [S3CMD, "signurl", location, f"+{WEEK}"],
        ASK: [OSC, "api", "ReadAccessKeys", "--profile", "source"],
    }


def row(name: str, ours: Cost, other: str, theirs: Cost, bound: float | None = None) -> Row:
    return Row(f"Start: {name}", message(ours), f"{other}: {message(theirs)}", ours.cpu / theirs.cpu, bound)


def message(cost: Cost) -> str:
    return f"{cost.cpu * 1000:.0f} ms (wall {cost.wall * 1000:.0f})"


def profile(location: str, env: Mapping[str, str]) -> Counter[str]:
    """Seconds that `url` spends in imports. A module of Python's own counts for the package that asks for it first."""
    command = [sys.executable, "-X", "importtime", "-m", "omicopy", "url", location, "--from", "source"]
    parts = subprocess.run(command, env=env, capture_output=True, text=True, check=True).stderr
    spent: Counter[str] = Counter()
    askers: list[str] = []
    for found in map(IMPORT.match, reversed(parts.splitlines())):  # who asks is told after what is asked for
        if found:
            depth, package = len(found[2]) // 2, found[3].split(".")[0]
            del askers[depth:]
            is_python = package in sys.stdlib_module_names
            askers.append((askers[-1] if askers else "python") if is_python else package)
            spent[askers[-1]] += int(found[1]) / 1e6
    return spent


if __name__ == "__main__":
    main()
