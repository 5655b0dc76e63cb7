"""Checks every request, and every answer of the sandbox, against OUTSCALE's official OpenAPI file.

The file is part of osc-sdk-python. Reading it takes more than a second, so each process reads it once. The schemas of
OpenAPI 3.0 are those of JSON Schema draft 4, except for `nullable`, and that keys beside a `$ref` are ignored.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft4Validator
from jsonschema.exceptions import ValidationError
from jsonschema.protocols import Validator
from referencing import Registry
from referencing.jsonschema import DRAFT4

from omicopy.sandbox.api.errors import ApiError, ApiErrorKind

WRONG = {
    "additionalProperties": ApiErrorKind.BAD_PARAMETER,
    "required": ApiErrorKind.BAD_COMBINATION,
    "type": ApiErrorKind.WRONG_TYPE,
}


class OpenApiError(Exception):
    """The official file is missing. The message says what to install."""


class OpenApi:
    """The official OpenAPI document with its validators."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        resource = DRAFT4.create_resource({"components": _as_draft4(document["components"])})
        self._registry: Registry[Any] = Registry().with_resource("urn:outscale", resource)
        self._validators: dict[str, Validator] = {}

    def knows(self, action: str) -> bool:
        """Returns true if the service has this call."""
        return f"/{action}" in self.document["paths"]

    def needs_signature(self, action: str) -> bool:
        """Returns true if the call needs a signature. A few do not."""
        security = self._call(action).get("security", self.document.get("security", []))
        return bool(security)

    def check_request(self, action: str, body: object) -> None:
        """Raises ApiError if the official file does not allow the body."""
        error = self.first_error(f"{action}Request", body)
        if error is not None:
            where = ".".join(str(step) for step in error.absolute_path) or action
            raise ApiError(WRONG.get(str(error.validator), ApiErrorKind.NOT_VALID), f"{where}: {error.message}")

    def answer_error(self, action: str, status: int, body: object) -> str | None:
        """Returns what is wrong with an answer of the sandbox, or None."""
        name = f"{action}Response" if status == 200 else "ErrorResponse"
        error = self.first_error(name, body)
        return None if error is None else f"{action} {status}: {error.json_path}: {error.message}"

    def first_error(self, name: str, value: Any) -> ValidationError | None:
        """Returns the first violation of one of the file's schemas, or None."""
        if name not in self._validators:
            reference = {"$ref": f"urn:outscale#/components/schemas/{name}"}
            self._validators[name] = Draft4Validator(reference, registry=self._registry)
        return next(iter(self._validators[name].iter_errors(value)), None)

    def _call(self, action: str) -> Mapping[str, Any]:
        call: Mapping[str, Any] = self.document["paths"][f"/{action}"]["post"]
        return call


@cache
def official_openapi() -> OpenApi:
    """Reads the file from osc-sdk-python, without importing that package. Raises OpenApiError if it is missing."""
    from ruamel.yaml import YAML

    found = importlib.util.find_spec("osc_sdk_python")
    if found is None or not found.submodule_search_locations:
        raise OpenApiError("the package osc-sdk-python, which brings OUTSCALE's OpenAPI file, is not installed")
    file = Path(next(iter(found.submodule_search_locations))) / "resources" / "outscale.yaml"
    return OpenApi(YAML(typ="safe").load(file.read_text(encoding="utf-8")))


def _as_draft4(node: Any) -> Any:
    if isinstance(node, list):
        return [_as_draft4(item) for item in node]
    if not isinstance(node, dict):
        return node
    if isinstance(node.get("$ref"), str):
        return {"$ref": node["$ref"]}
    made = {key: _as_draft4(value) for key, value in node.items()}
    if made.get("nullable") is True and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    return made
