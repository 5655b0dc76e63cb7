"""Tables on stdout: for eyes and for pipes."""

from __future__ import annotations

import sys

import pytest

from omicopy.cli.forms import OutputForm
from omicopy.cli.output import print_result, print_text
from omicopy.cli.tables import Table, print_table

NAME = "golden-" + "x" * 50
TABLE = Table(("ID", "Name", "Note"), [("ami-00000001", NAME, ""), ("", "a\x1b[31m\nb", ("gone", "Make it."))])


def begin_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on stdout is a terminal of 40 columns. In the test itself: a fixture's stdout is another one."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "40")


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def test_a_pipe_gets_a_row_a_line_without_headings(capsys) -> None:
    print_table(Table(TABLE.headings, TABLE.rows[:1]))
    print_table(Table(("A", "B"), [("1", "2")], piped=[("\t", "")]))
    assert lines(capsys) == [f"ami-00000001\t{NAME}\t-", "�\t-"]


def test_a_narrow_terminal_folds_cells_and_cuts_none(monkeypatch, capsys) -> None:
    begin_terminal(monkeypatch)
    print_table(TABLE)
    shown = lines(capsys)
    assert max(map(len, shown)) <= 40
    assert "".join(shown).count("x") == 50
    assert any(line.startswith("ami-00000001") for line in shown)


def test_a_cell_of_several_lines_and_one_that_tries_to_be(monkeypatch, capsys) -> None:
    """A tuple's parts stand below each other; a line feed from elsewhere begins no line."""
    begin_terminal(monkeypatch)
    print_table(Table((), TABLE.rows[1:]))
    assert lines(capsys) == ["-  a�[31m�b  gone", "             Make it."]


def test_lines_keep_what_looks_like_a_secret(capsys) -> None:
    print_text(["https://host/key?X-Amz-Signature=" + "a" * 64, "a\nb"])
    assert lines(capsys) == ["https://host/key?X-Amz-Signature=" + "a" * 64, "a�b"]


@pytest.mark.parametrize(
    ("form", "shown"),
    [(OutputForm.TABLE, "text\n"), (OutputForm.JSON, '{\n  "a": 1\n}\n'), (OutputForm.JSONL, '{"a": 1}\n')],
)
def test_the_form_is_chosen_once(form, shown, capsys) -> None:
    print_result(form, ["text"], lambda: {"a": 1})
    assert capsys.readouterr().out == shown
