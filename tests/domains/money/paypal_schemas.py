"""PayPal's own OpenAPI files as the judge of what is sent and answered in tests.

A key that its schemas do not know is a mistake as well, so that a misspelt one does not pass.
Where the files are absent (JUDGED is false), tests run all the same, unjudged.
"""

import json
import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from openapi_schema_validator import OAS30Validator, OAS30WriteValidator

GIVEN = os.environ.get("HAAT_TEST_DATA")
FOLDER = Path(GIVEN or ".") / "specs" / "paypal"
JUDGED = bool(GIVEN) and FOLDER.is_dir()
needs_specs = pytest.mark.skipif(
    not JUDGED, reason="HAAT_TEST_DATA has no specs/paypal (OpenAPI files)"
)
FILES = (
    "checkout_orders_v2",
    "payments_payment_v2",
    "payments_payouts_batch_v1",
    "notifications_webhooks_v1",
    "customer_disputes_v1",
    "reporting_transactions_v1",
)
_JSON = "application/json"
_VERIFY = "/v1/notifications/verify-webhook-signature"  # its event is made of read-only parts

Document = dict[str, Any]


@cache
def _document(name: str) -> Document:
    found: Document = json.loads((FOLDER / f"{name}.json").read_text())
    return found


@cache
def _operations() -> list[tuple[str, str, re.Pattern[str], Document, str]]:
    """File, method, shape of the path, operation, path."""
    found = []
    for name in FILES:
        for path, methods in _document(name)["paths"].items():
            shape = re.compile(re.sub(r"\{[^}]+\}", r"([^/]+)", path) + "$")
            found += [
                (name, method.upper(), shape, methods[method], path)
                for method in ("get", "post")
                if method in methods
            ]
    return found


class Operation:
    """The operation behind a method and a path. AssertionError when there is none."""

    def __init__(self, method: str, path: str) -> None:
        for name, verb, shape, operation, template in _operations():
            match = shape.match(path)
            if verb == method and match:
                self.name, self.operation, self.template = name, operation, template
                self.root = _document(name)
                names = re.findall(r"\{([^}]+)\}", template)
                self.in_path = dict(zip(names, match.groups(), strict=True))
                return
        raise AssertionError(f"PayPal has no {method} {path}")

    def check_request(self, query: dict[str, str], headers: dict[str, str], body: bytes) -> None:
        given = {"query": query, "path": self.in_path, "header": headers}
        known = set()
        for parameter in map(self._resolved, self.operation.get("parameters", [])):
            place, name = parameter["in"], parameter["name"]
            known.add((place, name))
            value = given[place].get(name.lower() if place == "header" else name)
            assert value is not None or not parameter.get("required"), f"{name} is missing"
            if value is not None:
                self._check(parameter["schema"], _typed(value, parameter["schema"]))
        unknown = {("query", name) for name in query} - known
        assert not unknown, f"{self.template} knows no {unknown}"
        if "requestBody" not in self.operation:
            assert not body, f"{self.template} takes no body"
            return
        schema = self.operation["requestBody"]["content"][_JSON]["schema"]
        document = json.loads(body)
        writes = OAS30Validator if self.template == _VERIFY else OAS30WriteValidator
        self._check(schema, document, writes)
        self._known(schema, document, self.template)

    def check_answer(self, status: int, document: Any) -> None:
        answers = self.operation["responses"]
        answer = self._resolved(answers.get(str(status)) or answers["default"])
        schema = answer.get("content", {}).get(_JSON, {}).get("schema")
        if schema is None:
            assert document is None, f"{status} of {self.template} has no body"
            return
        self._check(schema, document)
        if status < 400:
            self._known(schema, document, self.template)

    def _check(self, schema: Document, value: Any, validator: Any = OAS30Validator) -> None:
        whole = {**schema, "components": self.root["components"]}
        if "$ref" in schema:
            whole = {"allOf": [schema], "components": self.root["components"]}
        errors = [f"{e.json_path}: {e.message}" for e in validator(whole).iter_errors(value)]
        assert not errors, f"{self.template}: {errors[:5]}"

    def _known(self, schema: Document, value: Any, at: str) -> None:
        if isinstance(value, list):
            items = self._resolved(schema).get("items", {})
            for one in value:
                self._known(items, one, at + "[]")
        elif isinstance(value, dict):
            known, is_open = self._properties(schema)
            if not known or is_open:
                return  # anything goes in it
            for key, inner in value.items():
                assert key in known, f"{at} knows no {key!r}"
                self._known(known[key], inner, f"{at}.{key}")

    def _properties(self, schema: Document) -> tuple[Document, bool]:
        schema = self._resolved(schema)
        found, is_open = (
            dict(schema.get("properties", {})),
            bool(schema.get("additionalProperties")),
        )
        for part in schema.get("allOf", []):
            more, part_is_open = self._properties(part)
            found |= more
            is_open = is_open or part_is_open
        return found, is_open

    def _resolved(self, schema: Document) -> Document:
        while "$ref" in schema:
            found: Any = self.root
            for key in schema["$ref"].removeprefix("#/").split("/"):
                found = found[key]
            schema = found
        return schema


def _typed(value: str, schema: Document) -> Any:
    if schema.get("type") == "integer":
        return int(value)
    return value == "true" if schema.get("type") == "boolean" else value
