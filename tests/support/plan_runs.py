"""Plans that are run in the sandbox."""

from __future__ import annotations

from tests.support.tool import Tool

PLAN = """
version: 1
defaults: {from: source, bucket: omi-exports, prefix: nightly}
jobs:
  - name: golden
    images: [{name: golden-linux}, {name_regex: "^golden-three$"}]
    to:
      - {profile: target, tags: {team: platform}, share_with: ["333333333333"]}
      - {profile: target-other, name: "{name}-{region}", best_effort: BEST}
  - name: windows
    images: [{id: ami-00000003}]
    to: [{profile: target}]
"""


def plan(tool: Tool, text: str = PLAN, best: str = "false") -> str:
    file = tool.home / "plan.yaml"
    file.write_text(text.replace("BEST", best))
    return str(file)


def run(tool: Tool, *args: str, code: int | None = 0, text: str = PLAN, best: str = "false"):
    return tool.run("run", plan(tool, text, best), "-o", "json", *args, code=code)
