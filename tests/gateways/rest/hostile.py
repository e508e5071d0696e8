"""Hostile strings in every text field of the OpenAPI document: refused at their path, or kept as
they came. What "as they came" leaves out is in docs/operate/proofs.md: blanks around a text, and
what a kind of field says of itself (lines of a postal address, HTML)."""

import json
import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from haat.domains.goods.catalog.markup import clean
from haat.kernel.errors import Invalid
from tests.gateways.rest.operations import Operation, example, operations, path_of, schemas
from tests.gateways.town import UPLOAD, Town
from tests.journeys.box import ADDRESS

FILE = Path(os.environ.get("HAAT_TEST_DATA", ""), "hostile", "blns.json")
# Their text is a secret, or said to somebody else, so that no answer gives it back; a slug is made
# of the letters and digits in it.
UNTOLD = re.compile(
    r"password|token|secret|^slug$|account$|^state$|challenge|^code$|cursor|^old$|^new$|^iban|bic$"
)
# What the schema calls a text and a list of our own narrows: another text is never kept.
# Done once: again, they answer what the first call made of the row.
ONCE = {
    "POST /admin/product-requests/{id}/approve",
    "POST /admin/product-requests/{id}/refuse",
    "POST /orders/{id}/parcels",
    "POST /shipments",
    "PUT /orders/{id}/ship",
    "PUT /orders/{id}/status",
    "PATCH /admin/orders/{id}/status",
}
CHOSEN = {"status", "method", "provider", "scopes.[]", "events.[]", "contentType"}


_MONEY = {"minor": 500, "currency": "USD"}
_GOODS: dict[str, Any] = {"title": "Bowl {n}", "variants": [{"sku": "H-{n}", "price": _MONEY}]}
# What an example of the schema does not pass with; {n} is another each time, {row} the town's.
BODIES: dict[str, dict[str, Any]] = {
    "POST /me/addresses": ADDRESS,
    "PUT /me/addresses/{id}": ADDRESS,
    "PATCH /me/addresses/{id}": {},
    "POST /products": _GOODS,
    "POST /vendors/{vendor_id}/products": _GOODS,
    "POST /admin/categories": {"name": "Shelf {n}"},
    "POST /admin/listing-rules": {"words": ["never"]},
    "POST /auth/register": {"email": "h{n}@example.com", "name": "H", "password": "a-long-one-{n}"},
    "POST /checkout/summary": {
        "items": [{"offerId": "{offer}", "quantity": 1}],
        "shipTo": ADDRESS,
    },
    "POST /media/uploads": UPLOAD,
    "POST /vendors/apply": {
        "name": "Shop {n}",
        "country": "GB",
        "contactEmail": "shop{n}@example.com",
    },
    "POST /vendors/{vendor_id}/api-keys": {"name": "Key {n}", "scopes": ["vendor:products"]},
}


def strings() -> list[str]:
    """The list, each once, without the empty one."""
    found = json.loads(FILE.read_text("utf-8"))
    return [text for text in dict.fromkeys(found) if text]


@dataclass(frozen=True, slots=True)
class TextField:
    """A text field of an operation's body; `path` as in a problem, with [] for a list's item."""

    operation: Operation
    path: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.operation} {'.'.join(self.path)}"

    @property
    def is_told(self) -> bool:
        if str(self.operation) in ONCE or ".".join(self.path) in CHOSEN:
            return False
        return not UNTOLD.search(self.path[-1])


def text_fields() -> list[TextField]:
    """Every one of every operation that takes JSON."""
    return [
        TextField(one, path)
        for one in operations()
        if one.body is not None and not one.form
        for path in dict.fromkeys(_texts(one.body, (), frozenset()))
    ]


def _texts(schema: Any, path: tuple[str, ...], seen: frozenset[str]) -> Iterator[tuple[str, ...]]:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name in seen:
            return
        seen, schema = seen | {name}, schemas()[name]
    for several in ("anyOf", "oneOf", "allOf"):
        for one in schema.get(several, ()):
            yield from _texts(one, path, seen)
    kind = schema.get("type")
    if kind == "object":
        for name, one in schema.get("properties", {}).items():
            yield from _texts(one, (*path, name), seen)
    elif kind == "array":
        yield from _texts(schema.get("items", {}), (*path, "[]"), seen)
    elif kind == "string" and not {"format", "enum", "const", "pattern"} & set(schema):
        yield path


def body_with(one: TextField, text: str, rows: dict[str, str]) -> Any:
    """The smallest body that may mean something, with the text in its field."""
    given = BODIES.get(str(one.operation))
    if given is None:
        body = example(one.operation.body or {}, rows)
    else:
        known = json.dumps(given).replace("{n}", os.urandom(4).hex())
        body = json.loads(known.replace("{offer}", rows["offer"]))
    return _put(one.operation.body, body, one.path, text, rows)


def _put(schema: Any, value: Any, path: tuple[str, ...], text: str, rows: dict[str, str]) -> Any:
    if not path:
        return text
    schema = _whole(schema)
    if path[0] == "[]":
        items = value if isinstance(value, list) else []
        first = items[0] if items else example(schema["items"], rows)
        return [_put(schema["items"], first, path[1:], text, rows), *items[1:]]
    known = dict(value) if isinstance(value, dict) else dict(example(schema, rows) or {})
    inner = schema["properties"][path[0]]
    known[path[0]] = _put(inner, known.get(path[0]), path[1:], text, rows)
    return known


def _whole(schema: Any) -> Any:
    """The schema behind references, and of several the one that is not null."""
    while True:
        if "$ref" in schema:
            schema = schemas()[schema["$ref"].rpartition("/")[2]]
        elif "anyOf" in schema:
            schema = next(one for one in schema["anyOf"] if one.get("type") != "null")
        else:
            return schema


@dataclass
class Judge:
    """Sends texts to fields and says what was wrong with the answers."""

    town: Town
    token: str
    found: list[str] = field(default_factory=list)
    kept: set[str] = field(default_factory=set)  # fields that kept a text
    refused: set[str] = field(default_factory=set)  # fields that refused one at their path
    elsewhere: set[str] = field(default_factory=set)  # fields that were never reached

    async def ask(self, one: TextField, text: str) -> None:
        body = body_with(one, text, self.town.rows)
        path = path_of(one.operation, self.town.rows)
        answer = await self._send(one.operation.method, path, body)
        if answer.status_code >= 500:
            self.found.append(f"{one} {text!r}: {answer.status_code} {answer.text[:200]}")
        elif answer.status_code == 422:
            self._refused(one, text, answer)
        elif answer.is_success and one.is_told:
            await self._told(one, text, path, answer)
        elif answer.is_success:
            self.kept.add(str(one))
        else:  # a row that is none, a state that is another, a right that is wanting
            self.elsewhere.add(str(one))
        if answer.status_code == 201 and one.operation.method == "POST":
            await self._remove(path, answer)

    async def _send(self, method: str, path: str, body: Any = None) -> httpx.Response:
        url = f"{self.town.box.address}/api/v1{path}"
        headers = {"authorization": f"Bearer {self.token}"}
        if method != "GET":
            headers["idempotency-key"] = os.urandom(8).hex()
        return await self.town.box.http.request(method, url, json=body, headers=headers)

    def _refused(self, one: TextField, text: str, answer: httpx.Response) -> None:
        problem = answer.json()
        paths = [error["path"] for error in problem.get("errors", ())]
        wanted = r"(^|.*\.)" + r"\.".join(
            r"\d+" if part == "[]" else re.escape(part) for part in one.path
        )
        inner = one.path[-1] if one.path[-1] != "[]" else one.path[-2]
        if any(re.match(wanted, path) or path.startswith(inner) for path in paths):
            self.refused.add(str(one))
        elif paths or problem["code"] != "invalid":
            self.elsewhere.add(str(one))  # another field, or the whole, was refused
        else:
            self.found.append(f"{one} {text!r}: refused without a path {answer.text[:200]}")

    async def _told(self, one: TextField, text: str, path: str, answer: httpx.Response) -> None:
        if not answer.content or not _is_in(one, text, answer.json()):
            again = await self._send("GET", path)
            if again.status_code in (404, 405) and not answer.content:
                self.elsewhere.add(str(one))  # nothing of it is read by this path
                return
            if not again.is_success or not _is_in(one, text, again.json()):
                told = answer.json() if answer.content else None
                shown = _near(one.path[-1], told) if one.path[0] in _names(told) else None
                if shown is None:  # not a field of what is answered, such as a reason
                    self.elsewhere.add(str(one))
                else:
                    self.found.append(f"{one} {text!r}: came back as {shown!r}")
                return
        self.kept.add(str(one))

    async def _remove(self, path: str, answer: httpx.Response) -> None:
        """What a POST made, so that rows do not run out."""
        made = answer.json() if answer.content else {}
        if isinstance(made, dict) and "id" in made:
            await self._send("DELETE", f"{path}/{made['id']}")


def same_text(one: TextField, text: str) -> set[str]:
    """What the text may come back as."""
    plain = text.strip()
    line = unicodedata.normalize("NFC", " ".join(text.split()))
    found = {text, plain, line, unicodedata.normalize("NFC", plain)}
    if one.path[-1] == "descriptionHtml":
        try:
            found.add(clean(plain))
        except Invalid:
            return found
    if one.path[-1] in ("postalCode", "email", "sku", "currency"):
        found |= {line.upper(), line.lower()}
    return found


def _is_in(one: TextField, text: str, answer: Any) -> bool:
    return not same_text(one, text).isdisjoint(_all_texts(answer))


def _all_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _all_texts(one)
    elif isinstance(value, dict):
        for name, one in value.items():
            yield name
            yield from _all_texts(one)


def _names(value: Any) -> set[str]:
    """Every field's name in an answer."""
    if isinstance(value, list):
        return set().union(*map(_names, value))
    return set(value).union(*map(_names, value.values())) if isinstance(value, dict) else set()


def _near(name: str, answer: Any) -> str | None:
    """What stands under that name in an answer, if anything does."""
    if isinstance(answer, list):
        return next((found for one in answer if (found := _near(name, one)) is not None), None)
    if not isinstance(answer, dict):
        return None
    if isinstance(answer.get(name), str):
        return str(answer[name])
    return next((f for one in answer.values() if (f := _near(name, one)) is not None), None)
