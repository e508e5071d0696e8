"""Other names for our routes: those that clients of earlier designs of this market know.

One table. A request to such a name becomes one to our route before anything else looks at it, so
rights, limits, idempotency and answers are those of the route. Where a design calls a field
otherwise, its word is understood in the body, answered beside ours, and named where it is refused.
docs/routes.md is made from this table and from `designs`.
"""

import json
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from uuid import UUID

from starlette.datastructures import State
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from haat.domains.goods.catalog.api import Catalog
from haat.domains.trade.cart.api import Cart
from haat.engines.http.context import Given, context_from
from haat.engines.http.problems import answer_known
from haat.gateways.rest.rewriting import Rewriting
from haat.kernel.errors import NotFound, Problem

_ADDRESS = {"street": "line1", "state": "region"}
_ITEM = {"qty": "quantity"}


@dataclass(frozen=True, slots=True)
class Alias:
    """`name` and `of` are "METHOD /path" with the same parameters in their paths. `fields`: a
    design's word → ours. `by_sku`: the parameter may be the SKU of something in the cart."""

    name: str
    of: str
    fields: Mapping[str, str] = field(default_factory=dict)
    by_sku: bool = False


ALIASES: tuple[Alias, ...] = (
    Alias("GET /products/", "GET /products"),
    Alias("POST /products/create", "POST /products"),
    Alias("GET /marketplace/categories", "GET /categories"),
    Alias("GET /marketplace/trending", "GET /search/trending"),
    Alias("GET /buyer/search", "GET /search"),
    Alias("GET /buyer/discover", "GET /search/discover"),
    Alias("GET /buyer/cart", "GET /cart"),
    Alias("POST /buyer/cart", "POST /cart/items", _ITEM),
    Alias("PUT /buyer/cart/{id}", "PATCH /cart/items/{id}", _ITEM, by_sku=True),
    Alias("DELETE /buyer/cart/{id}", "DELETE /cart/items/{id}", by_sku=True),
    Alias("PATCH /cart/items/{sku}", "PATCH /cart/items/{sku}", _ITEM, by_sku=True),
    Alias("DELETE /cart/items/{sku}", "DELETE /cart/items/{sku}", by_sku=True),
    Alias("POST /summary", "POST /checkout/summary"),
    Alias("POST /orders/create", "POST /orders"),
    Alias("GET /orders/", "GET /orders"),
    Alias("GET /buyer/orders", "GET /me/orders"),
    Alias("GET /buyer/addresses", "GET /me/addresses", _ADDRESS),
    Alias("POST /buyer/addresses", "POST /me/addresses", _ADDRESS),
    Alias("PUT /buyer/addresses/{id}", "PUT /me/addresses/{id}", _ADDRESS),
    Alias("PATCH /buyer/addresses/{id}", "PATCH /me/addresses/{id}", _ADDRESS),
    Alias("DELETE /buyer/addresses/{id}", "DELETE /me/addresses/{id}"),
    Alias("POST /sellers/register", "POST /vendors/apply"),
    Alias("GET /vendors/{id}/hours", "GET /vendors/{id}/presence"),
    Alias("GET /sellers", "GET /vendors"),
    Alias("GET /sellers/", "GET /vendors"),
    Alias("GET /sellers/{id}", "GET /vendors/{id}"),
    Alias("PUT /sellers/{id}", "PATCH /vendors/{id}"),
    Alias("GET /sellers/{id}/products", "GET /vendors/{id}/products"),
    Alias("PUT /vendors/{id}", "PATCH /vendors/{id}"),
)
_PARAMETER = re.compile(r"\{\w+\}")


def shape(path: str) -> str:
    """A path with its parameters nameless, as two designs name them differently."""
    return _PARAMETER.sub("{}", path)


class Aliases:
    """Stands before whatever looks at a path; `prefixes` are the roots of the API."""

    def __init__(self, app: ASGIApp, state: State, prefixes: tuple[str, ...]) -> None:
        self._app = app
        self._state = state
        self._roots = tuple(f"{prefix}/" for prefix in prefixes)
        self._fixed: dict[str, Alias] = {}
        self._open: dict[tuple[str, str], list[tuple[re.Pattern[str], Alias]]] = {}
        for alias in ALIASES:
            method, path = alias.name.split(" ")
            if "{" not in path:
                self._fixed[alias.name] = alias
                continue
            pattern = re.compile(shape(path).replace("{}", "([^/]+)"))
            first = path.split("/")[1]
            self._open.setdefault((method, first), []).append((pattern, alias))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._find(scope)
        if found is None:
            await self._app(scope, receive, send)
            return
        root, alias, given = found
        try:
            if alias.by_sku:
                given = await self._offer(scope, given)
        except Problem as problem:
            answer = await answer_known(Request(scope, receive, send), problem)
            await answer(scope, receive, send)
            return
        method, path = alias.of.split(" ")
        scope["method"] = method
        scope["path"] = root + _PARAMETER.sub(lambda _: given, path)[1:]
        scope["raw_path"] = quote(scope["path"], safe="/", errors="surrogatepass").encode()
        if not alias.fields:
            await self._app(scope, receive, send)
            return
        receive, spoken = await _understood(scope, receive, alias.fields)

        async def change(answer: Any) -> Any:
            return _told(answer, alias.fields, spoken)

        await self._app(scope, receive, Rewriting(send, change, told=_is_told).send)

    def _find(self, scope: Scope) -> tuple[str, Alias, str] | None:
        """The root asked under, the alias, and what stands for its parameter ("" for none)."""
        if scope["type"] != "http":
            return None
        path: str = scope["path"]
        root = next((one for one in self._roots if path.startswith(one)), None)
        if root is None:
            return None
        short = path[len(root) - 1 :]
        method = scope["method"]
        fixed = self._fixed.get(f"{method} {short}")
        if fixed is not None:
            return root, fixed, ""
        for pattern, alias in self._open.get((method, short[1:].partition("/")[0]), ()):
            match = pattern.fullmatch(short)
            if match:
                return root, alias, match[1]
        return None

    async def _offer(self, scope: Scope, given: str) -> str:
        """The offer in the caller's cart that has this SKU; an id as it is. NotFound."""
        try:
            return str(UUID(given))
        except ValueError:
            pass
        headers: Given = {}
        for name, value in scope["headers"]:
            headers.setdefault(name, value)
        ctx = context_from(self._state, scope, headers)
        try:
            cart_id = UUID(headers.get(b"x-cart-id", b"").decode("latin-1"))
        except ValueError:
            cart_id = None
        cart = await self._state.doors[Cart].view(ctx, cart_id=cart_id)
        ids = [item.offer_id for item in cart.items]
        lines = await self._state.doors[Catalog].offers(ctx, ids=ids) if ids else []
        for line in lines:
            if line.sku == given:
                return str(line.offer_id)
        raise NotFound("Nothing in the cart has that SKU.")


async def _understood(
    scope: Scope, receive: Receive, fields: Mapping[str, str]
) -> tuple[Receive, frozenset[str]]:
    """A `receive` that gives the body in our words, and which of theirs it used. What is no JSON
    object goes on as it is."""
    if scope["method"] == "GET":
        return receive, frozenset()
    parts: list[Message] = [await receive()]
    while parts[-1]["type"] == "http.request" and parts[-1].get("more_body", False):
        parts.append(await receive())
    whole = b"".join(part.get("body", b"") for part in parts)
    try:
        body = json.loads(whole)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict) or parts[-1]["type"] != "http.request":
        return _again(parts, receive), frozenset()
    used = {theirs for theirs, ours in fields.items() if theirs in body and ours not in body}
    if not used:
        return _again(parts, receive), frozenset()
    ours = {fields[name] if name in used else name: value for name, value in body.items()}
    written = json.dumps(ours).encode()
    length = (b"content-length", str(len(written)).encode())
    scope["headers"] = [
        length if name == b"content-length" else (name, value) for name, value in scope["headers"]
    ]
    message: Message = {"type": "http.request", "body": written, "more_body": False}
    return _again([message], receive), frozenset(used)


def _again(parts: list[Message], receive: Receive) -> Callable[[], Awaitable[Message]]:
    given = iter(parts)

    async def again() -> Message:
        message: MutableMapping[str, Any] | None = next(given, None)
        return message if message is not None else await receive()

    return again


def _is_told(start: Message) -> bool:
    """Whether an answer speaks of fields: JSON, or a problem that may name them."""
    kinds = [value for name, value in start["headers"] if name.lower() == b"content-type"]
    return bool(kinds) and kinds[0].startswith((b"application/json", b"application/problem+json"))


def _told(answer: Any, fields: Mapping[str, str], spoken: frozenset[str]) -> Any:
    """The answer with the design's words beside ours; a refused field by the word it was sent."""
    if not isinstance(answer, dict):
        return answer
    if "code" in answer and "status" in answer:
        sent = {fields[name]: name for name in spoken}
        for error in answer.get("errors", ()):
            error["path"] = sent.get(error["path"], error["path"])
        return answer
    for one in [answer, *answer.get("items", ())]:
        if isinstance(one, dict):
            one.update({name: one[ours] for name, ours in fields.items() if ours in one})
    return answer
