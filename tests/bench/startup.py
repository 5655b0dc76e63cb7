"""How long a start takes, beside tools that do the same: `python tests/bench/startup.py [RUNS]`. Always exits 0.

All commands run in turns, so that a busy machine is busy for each of them. Nothing touches a network.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

RUNS = 9
URL = "s3://omi-exports/ami-12345678/manifest.json"
YARDSTICK = "aws s3 presign"
TARGETS = {"omicopy --help": 0.5, "omicopy url s3://… --no-check": 1.0}
"""How long a command may take at most, as a share of the yardstick's time."""


@dataclass(frozen=True)
class Cost:
    """Seconds of one run: on the wall, and of the CPU (user and system)."""

    wall: float
    cpu: float


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    commands = available(all_commands())
    with tempfile.TemporaryDirectory() as home:
        env = clean_environment(home)
        for command in commands.values():
            measure(command, env)  # once for the disk's cache and the .pyc files
        costs: dict[str, list[Cost]] = {name: [] for name in commands}
        for _ in range(runs):
            for name, command in commands.items():
                costs[name].append(measure(command, env))
    report({name: median(of_one) for name, of_one in costs.items()}, runs)


def all_commands() -> dict[str, list[str]]:
    python, scripts = sys.executable, Path(sysconfig.get_path("scripts"))
    omicopy, aws = str(scripts / "omicopy"), str(scripts / "aws")
    return {
        "python -c pass": [python, "-c", "pass"],
        "python -c 'import typer'": [python, "-c", "import typer"],
        "omicopy --version": [omicopy, "--version"],
        "omicopy --help": [omicopy, "--help"],
        "omicopy url s3://… --no-check": [omicopy, "url", URL, "--from", "env:SRC", "--no-check"],
        YARDSTICK: [aws, "s3", "presign", URL, "--region", "eu-west-2"],
    }


def available(commands: Mapping[str, list[str]]) -> dict[str, list[str]]:
    missing = [name for name, command in commands.items() if not Path(command[0]).exists()]
    for name in missing:
        print(f"{name}: not installed beside {sys.executable} (pip install -e '.[test]')")
    return {name: command for name, command in commands.items() if name not in missing}


def clean_environment(home: str) -> dict[str, str]:
    """Nobody's settings; one account for each tool, of no service."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "PYTHONPATH") if name in os.environ}
    keys = {"SRC_ACCESS_KEY": "AK", "SRC_SECRET_KEY": "SK", "SRC_REGION": "eu-west-2"}
    return kept | {"HOME": home, "AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "SK"} | keys


def measure(command: list[str], env: Mapping[str, str]) -> Cost:
    """Raises CalledProcessError with what it said: a command that fails fast is not fast."""
    with tempfile.TemporaryFile() as said:
        began = time.perf_counter()
        process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise subprocess.CalledProcessError(process.returncode, command, said.read())
    return Cost(wall, usage.ru_utime + usage.ru_stime)


def median(costs: list[Cost]) -> Cost:
    return Cost(statistics.median(cost.wall for cost in costs), statistics.median(cost.cpu for cost in costs))


def report(medians: Mapping[str, Cost], runs: int) -> None:
    yardstick = medians.get(YARDSTICK)
    print(f"median of {runs} runs, in turns; ratios to {YARDSTICK}")
    print(f"{'':<32} {'wall':>8} {'ratio':>6} {'CPU':>9} {'ratio':>6}")
    for name, cost in medians.items():
        wall, cpu = (f"{cost.wall / yardstick.wall:.2f}", f"{cost.cpu / yardstick.cpu:.2f}") if yardstick else ("", "")
        print(f"{name:<32} {cost.wall * 1000:>5.0f} ms {wall:>6} {cost.cpu * 1000:>6.0f} ms {cpu:>6}")
    for name, target in TARGETS.items():
        if yardstick and name in medians:
            share = medians[name].wall / yardstick.wall
            print(f"{name}: {share:.2f}, at most {target}: {'met' if share <= target else 'NOT met'}")


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as error:
        print(f"{error}\n{error.output.decode(errors='replace')}")
