"""The forms of what is printed: the result on stdout, and the messages on stderr."""

from __future__ import annotations

from enum import StrEnum


class OutputForm(StrEnum):
    TABLE = "table"
    JSON = "json"
    JSONL = "jsonl"


class LogFormat(StrEnum):
    TEXT = "text"
    JSON = "json"
