"""Writes the generated parts of README.md and of omicopy/docs: `python -m tests.docs.generate`. A test compares them.

A part stands between `<!-- NAME -->` and `<!-- end of NAME -->`. `blocks.py` makes parts from the code, `examples.py`
makes those named `json …` by runs in a sandbox. `--quick` leaves these out.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tests.docs import blocks, examples

ROOT = Path(__file__).parents[2]
TOPICS = ROOT / "omicopy" / "docs"
_PART = re.compile(r"<!-- ([a-z ]+) -->\n(.*?)<!-- end of \1 -->", re.DOTALL)


def pages() -> list[Path]:
    """README.md and every topic."""
    return [ROOT / "README.md", *sorted(TOPICS.glob("*.md"))]


def parts(text: str) -> dict[str, str]:
    """The parts of a page by name, generated or not."""
    return dict(_PART.findall(text))


def filled(text: str, made: dict[str, str]) -> str:
    """The page with the content of every part that was made."""
    return _PART.sub(lambda found: _part(found[1], found[2], made.get(found[1], found[2])), text)


def _is_news(name: str, old: str, new: str) -> bool:
    """Whether a JSON example says anything new: IDs and times differ in every run."""
    return not name.startswith("json ") or examples.shape(examples.shown_in(old)) != examples.shape(
        examples.shown_in(new)
    )


def _part(name: str, old: str, new: str) -> str:
    content = new if _is_news(name, old, new) else old
    return f"<!-- {name} -->\n{content}<!-- end of {name} -->"


def main() -> None:
    made = blocks.made_from_code()
    if "--quick" not in sys.argv:
        made |= examples.blocks()
    for page in pages():
        page.write_text(filled(page.read_text(), made))


if __name__ == "__main__":
    main()
