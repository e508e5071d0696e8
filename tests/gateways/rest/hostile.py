"""Hostile strings in every text field of the OpenAPI document: refused at their path, or kept as
they came. What "as they came" leaves out is in docs/operate/proofs.md: blanks around a text, and
what a kind of field says of itself (lines of a postal address, HTML)."""

import json
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import Any

import httpx

from haat.domains.goods.catalog.complying import folded
from haat.domains.goods.catalog.markup import clean
from haat.kernel.errors import Invalid
from tests.gateways.rest.bodies import body_with
from tests.gateways.rest.operations import Operation, operations, path_of, schemas
from tests.gateways.rest.rows import MADE
from tests.gateways.rest.supplies import Rows, Supplies
from tests.journeys.box import Client

FILE = Path(os.environ.get("HAAT_TEST_DATA", ""), "hostile", "blns.json")
# Their text is a secret, or said to somebody else, so that no answer gives it back; a slug is made
# of the letters and digits in it.
UNTOLD = re.compile(
    r"password|token|secret|^slug$|account$|^state$|challenge|^code$|cursor|^old$|^new$|^iban|bic$"
    r"|^kept$|^iss$|^error$|^user$",
    re.IGNORECASE,
)
# What the schema calls a text and a list of our own narrows: another text is never kept.
CHOSEN = {"status", "method", "provider", "scopes.[]", "events.[]", "contentType"}
# What is only asked for, and a pattern that other texts are made by.
ASKED = re.compile(r"^POST /marketplace/search |^POST /admin/payments/funds |skuPattern$")
# They name somebody's secret, or what is kept elsewhere: all of them is refused at once, without
# saying what was wrong.
SEALED = {
    "wrong_credentials",
    "refresh_token_invalid",
    "host_token_invalid",
    "link_invalid",
    "challenge_over",
    "passkey_invalid",
    "order_link_invalid",
    "sign_in_refused",
    "payment_declined",
}
# Another row has that text already: about the field, and a conflict.
TAKEN = {"sku_taken", "slug_taken", "category_slug_taken", "vendor_name_taken"}
# Their text is noted in the audit, with who gave it.
LATER = {"reason", "note", "text", "heldReason"}
# Where a text is read that the answer does not tell; {names} are rows, or of the answer.
READ = {
    "POST /admin/categories": "/categories/{id}/attributes",
    "PATCH /admin/categories/{id}": "/categories/{category}/attributes",
    "POST /admin/vendors/{id}/remarks": "/admin/vendors/{vendor}/history",
    "POST /imports/{id}/start": "/import-mappings",
    "POST /orders": "/orders/{orderNumber}",
    "POST /admin/payments/{id}/confirm": "/admin/payments/{id}/raw",
    "PUT /admin/wallets/{owner_id}/frozen": "/admin/wallets/frozen",
    "PUT /admin/vendors/{id}/waivers/{item_id}": "/admin/vendors/{vendor}/onboarding",
    "POST /admin/product-requests/{id}/approve": "/products/{productId}",
    "POST /orders/{id}/cancel": "/orders/{number}",
    "POST /orders/link/{token}/cancel": "/orders/{number}",
}
BY_CUSTOMER = re.compile(r"^POST /returns|^POST /orders/\{id\}/cancel|^POST /orders (?!email)")
BY_GUEST = re.compile(r"^POST /orders/link/|^POST /orders email")


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
        if ASKED.search(str(self)) or ".".join(self.path) in CHOSEN:
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


@dataclass
class Judge:
    """Sends texts to fields and says what was wrong with the answers."""

    supplies: Supplies
    found: list[str] = field(default_factory=list)
    kept: set[str] = field(default_factory=set)  # fields whose text was read back
    taken: set[str] = field(default_factory=set)  # fields that took one nobody may read
    refused: set[str] = field(default_factory=set)  # fields that refused one at their path
    elsewhere: dict[str, Counter[str]] = field(default_factory=dict)  # field → why, how often
    later: list[tuple[TextField, str]] = field(default_factory=list)  # only the audit tells them

    async def ask(self, one: TextField, text: str) -> None:
        operation = one.operation
        make = MADE.get(str(one)) or MADE.get(str(operation))
        try:
            made = await self.supplies.row(str(one), make) if make else {}
        except (AssertionError, KeyError, StopIteration, RuntimeError) as error:
            self.missed(one, f"no row: {error!s:.200}")
            return
        rows = {**self.supplies.rows, **made}
        path = _path(operation, made, rows)
        who = self._who(str(one))
        body = body_with(operation, one.path, text, rows)
        answer = await who.send(operation.method, path, body)
        if answer.status_code >= 500:
            self.found.append(f"{one} {text!r}: {answer.status_code} {answer.text[:200]}")
        elif answer.is_success and one.is_told:
            await self._told(one, text, path, answer, rows)
        elif answer.is_success:
            self.taken.add(str(one))
        else:
            self._refused(one, text, answer)
        if not answer.is_success:
            self.supplies.left[str(one)].append(made)
        elif answer.status_code == 201 and operation.method == "POST":
            await self._remove(path, answer)

    def _who(self, name: str) -> Client:
        if BY_GUEST.search(name):
            return self.supplies.town.box.guest()
        return self.supplies.town.customer if BY_CUSTOMER.search(name) else self.supplies.owner

    def missed(self, one: TextField, why: str) -> None:
        self.elsewhere.setdefault(str(one), Counter())[why] += 1

    def _refused(self, one: TextField, text: str, answer: httpx.Response) -> None:
        problem = answer.json()
        paths = [error["path"] for error in problem.get("errors", ())]
        wanted = r"(^|.*\.)" + r"\.".join(
            r"\d+" if part == "[]" else re.escape(part) for part in one.path
        )
        inner = one.path[-1] if one.path[-1] != "[]" else one.path[-2]
        if problem["code"] in SEALED | TAKEN:
            self.refused.add(str(one))
        elif answer.status_code != 422:  # a row that is none, a state that is another
            self.missed(one, _why(answer))
        elif any(re.match(wanted, path) or path.startswith(inner) for path in paths):
            self.refused.add(str(one))
        elif paths or problem["code"] != "invalid":
            self.missed(one, _why(answer))  # another field, or the whole, was refused
        else:
            self.found.append(f"{one} {text!r}: refused without a path {answer.text[:200]}")

    async def _told(
        self, one: TextField, text: str, path: str, answer: httpx.Response, rows: dict[str, str]
    ) -> None:
        told = answer.json() if answer.content else None
        if str(one.operation) == "POST /media/uploads":
            told = await self.supplies.uploaded(told)
        if _is_in(one, text, told):
            self.kept.add(str(one))
            return
        known = {**rows, **(told if isinstance(told, dict) else {})}
        place = READ.get(str(one.operation), "").format_map(known) or path
        again = await self.supplies.owner.get(place)
        if again.is_success and _is_in(one, text, again.json()):
            self.kept.add(str(one))
            return
        shown = _near(one.path[-1], told) if one.path[0] in _names(told) else None
        if shown and one.path[-1] not in LATER:
            self.found.append(f"{one} {text!r}: came back as {shown!r}")
        else:
            self.later.append((one, text))

    def audited(self, told: set[str]) -> None:
        """What only the audit tells, with all that it does."""
        for one, text in self.later:
            if same_text(one, text).isdisjoint(told):
                self.missed(one, "read nowhere")
            else:
                self.kept.add(str(one))

    async def _remove(self, path: str, answer: httpx.Response) -> None:
        """What a POST made, so that rows do not run out."""
        made = answer.json() if answer.content else {}
        made = made.get("endpoint", made) if isinstance(made, dict) else {}
        if "id" in made:
            await self.supplies.owner.send("DELETE", f"{path}/{made['id']}")


def _path(operation: Operation, made: Rows, rows: Rows) -> str:
    path = operation.path
    for name, one in made.items():
        path = path.replace(f"{{{name}}}", one)
    return path_of(replace(operation, path=path), rows)


def _why(answer: httpx.Response) -> str:
    """What an answer says, in a line."""
    problem = answer.json() if answer.content else {}
    paths = ", ".join(f"{e['path']}: {e['message']}" for e in problem.get("errors", ()))
    return f"{answer.status_code} {problem.get('code')} {paths or problem.get('detail')}"


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
    if one.path[-1] == "text":  # of a product request, which becomes the product's
        parts = [part.strip() for part in text.split("\n\n") if part.strip()]
        found.add(clean("".join(f"<p>{escape(part)}</p>" for part in parts)))
    if one.path[0] == "words":  # of a listing rule, compared without case
        found.add(folded(text))
    if one.path[-1] in ("postalCode", "email", "sku", "currency"):
        found |= {line.upper(), line.lower()}
    return found


def _is_in(one: TextField, text: str, answer: Any) -> bool:
    return not same_text(one, text).isdisjoint(all_texts(answer))


def all_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from all_texts(one)
    elif isinstance(value, dict):
        for name, one in value.items():
            yield name
            yield from all_texts(one)


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
