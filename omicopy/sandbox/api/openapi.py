"""The official OpenAPI file as a judge: of every request, and of every answer that the sandbox makes itself.

The file ships inside osc-sdk-python and takes more than a second to read, so a process reads it once. It is OpenAPI
3.0, whose schemas are those of JSON Schema's draft 4 with two differences: `nullable`, and that whatever stands beside
a `$ref` doesn't count.
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
    """The official file can't be had; the message says what is missing."""


class OpenApi:
    """The OpenAPI document, ready to judge."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        resource = DRAFT4.create_resource({"components": _as_draft4(document["components"])})
        self._registry: Registry[Any] = Registry().with_resource("urn:outscale", resource)
        self._validators: dict[str, Validator] = {}

    def knows(self, action: str) -> bool:
        """Whether the service has such a call."""
        return f"/{action}" in self.document["paths"]

    def needs_signature(self, action: str) -> bool:
        """Whether the call needs authentication: a few are open to everybody."""
        security = self._call(action).get("security", self.document.get("security", []))
        return bool(security)

    def check_request(self, action: str, body: object) -> None:
        """Raises `ApiError` for a body that the official file doesn't allow."""
        error = self.first_error(f"{action}Request", body)
        if error is not None:
            where = ".".join(str(step) for step in error.absolute_path) or action
            raise ApiError(WRONG.get(str(error.validator), ApiErrorKind.NOT_VALID), f"{where}: {error.message}")

    def answer_error(self, action: str, status: int, body: object) -> str | None:
        """What is wrong with an answer of ours; None when nothing is."""
        name = f"{action}Response" if status == 200 else "ErrorResponse"
        error = self.first_error(name, body)
        return None if error is None else f"{action} {status}: {error.json_path}: {error.message}"

    def first_error(self, name: str, value: Any) -> ValidationError | None:
        """The first way in which a value breaks one of the file's schemas."""
        if name not in self._validators:
            reference = {"$ref": f"urn:outscale#/components/schemas/{name}"}
            self._validators[name] = Draft4Validator(reference, registry=self._registry)
        return next(iter(self._validators[name].iter_errors(value)), None)

    def _call(self, action: str) -> Mapping[str, Any]:
        call: Mapping[str, Any] = self.document["paths"][f"/{action}"]["post"]
        return call


@cache
def official_openapi() -> OpenApi:
    """The file that osc-sdk-python ships, without importing that package."""
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
