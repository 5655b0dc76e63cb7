"""Every shell block of README.md and of the topics does what a reader expects: it runs, in order, without an error.

Blocks marked `sh` are run in a sandbox, page by page, with the sandbox's accounts under the names of the text. A file
that a page shows after `<!-- file: NAME -->` is there. Blocks marked `shell` need what no test has: a package index, an
init system, a cluster.
"""

from __future__ import annotations

import json
import os
import re
import sys
import sysconfig
from pathlib import Path

import pytest

from omicopy.sandbox.storage.disk_images import GIB, make_disk
from tests.docs import generate
from tests.support import children
from tests.support.tool import Tool

NAMES = {
    "paris-root": "source",
    "paris-eim": "source-eim",
    "paris": "source",
    "ohio": "target",
    "tokyo": "target-other",
    "ami-12345678": "ami-00000001",
}
"""What the text calls things, and what the sandbox does."""
_CALLED = re.compile(rf"\b({'|'.join(NAMES)})\b")
_SHELL = re.compile(r"^ *```sh\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"^<!-- file: ([^ ]+) -->\n```\w+\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES = {page.name: page.read_text() for page in generate.pages()}


def in_sandbox(text: str) -> str:
    return _CALLED.sub(lambda found: NAMES[found[1]], text)


@pytest.mark.parametrize("page", sorted(page for page, text in PAGES.items() if _SHELL.search(text)))
def test_shell_blocks_run(tool: Tool, page: str) -> None:
    tool.put("from-them/disk.qcow2.gz", make_disk("qcow2", 8 * GIB, "theirs"))
    for name, content in _FILE.findall(PAGES[page]):
        (tool.home / name).write_text(in_sandbox(content))
    script = in_sandbox("\n".join(_SHELL.findall(PAGES[page])))
    path = f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}"
    ran = children.run(["sh", "-exc", script], env=tool.env | {"PATH": path}, cwd=tool.home)
    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
    assert "Traceback" not in ran.stderr


def test_python_blocks_run(tool: Tool) -> None:
    for block in [block for text in PAGES.values() for block in _PYTHON.findall(text)]:
        ran = children.run([sys.executable, "-c", in_sandbox(block)], env=tool.env, check=True)
        assert "copied ami-" in ran.stdout


def test_sample_config_has_two_usable_profiles(tool: Tool) -> None:
    (content,) = [text for page in PAGES.values() for name, text in _FILE.findall(page) if name == "config.json"]
    file: Path = tool.home / "config.json"
    file.write_text(content)
    for profile in json.loads(content):
        ran = tool.run("url", "s3://bucket/key", "--from", profile, "--no-check", OSC_CONFIG_FILE=str(file))
        assert ran.out.startswith("https://oos.")
