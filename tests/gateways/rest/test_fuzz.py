"""Whatever is sent to whatever address: never a 5xx, and every refusal is a problem document.

Seeded: HAAT_FUZZ_SEED repeats a run, HAAT_FUZZ_ROUNDS makes it longer.
"""

import asyncio
import json
import os
import random
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.gateways.rest.operations import (
    Operation,
    example,
    is_described,
    operations,
    path_of,
    schemas,
)
from tests.gateways.town import Town

SEED = int(os.environ.get("HAAT_FUZZ_SEED", "20261121"))
ROUNDS = int(os.environ.get("HAAT_FUZZ_ROUNDS", "12"))
PATH = re.compile(r"[a-zA-Z0-9_.\-]*")
BIG = 2**63
TEXTS = (
    "",
    " ",
    "\0",
    "a\0b",
    "\ud800",
    "\udfff tail",
    "é" * 300,
    "x" * 20_000,
    "\u202eevil",
    "\r\nSet-Cookie: a=b",
    "'; DROP TABLE orders;--",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "%00",
    "{{7*7}}",
    "NaN",
    "1e400",
    "-0",
    "0x10",
    "१२३",
    "9" * 400,
    "0001-01-01T00:00:00",
    "9999-12-31T23:59:59+14:00",
    "00000000-0000-0000-0000-000000000000",
    "{00000000000070008000000000000000}",
    "true",
    "null",
)
NUMBERS = (0, -1, 1, BIG - 1, BIG, -BIG - 1, 2**31, 10**30, 1.5, -0.0, 1e300, 10**400)
RAW = (
    b"",
    b"{",
    b"null",
    b"[]",
    b'"text"',
    b"0",
    b"1e400",
    b"-",
    b"\xff\xfe\x00",
    b"\xef\xbb\xbf{}",
    b'{"a":1e400}',
    b'{"a":NaN,"b":-Infinity}',
    b'{"minor":1,"minor":2}',
    b"[" * 5_000,
    b'{"a":' * 5_000,
    b'{"a":"\\ud800"}',
    b'{"\\u0000":1}',
    b"9" * 5_000,
    b"{}" + b" " * 1000 + b"{}",
    b"--x\r\ncontent-disposition: form-data; name=file\r\n\r\nhello",
)
TYPES = (
    "application/json",
    "application/json; charset=utf-16",
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "multipart/form-data; boundary=x",
    "multipart/form-data; boundary=x; charset=undefined",
    "multipart/form-data; boundary=" + "y" * 300,
    "application/xml",
    "/",
    "",
)
HEADERS = (
    {"authorization": "Bearer"},
    {"authorization": "Bearer " + "x" * 6_000},
    {"authorization": "Bearer eyJhbGciOiJub25lIn0.e30."},
    {"authorization": "Basic \xff\xfe"},
    {"x-vendor-id": "x"},
    {"x-vendor-id": "\xff"},
    {"x-cart-id": "x"},
    {"x-cart-id": "00000000-0000-0000-0000-000000000000"},
    {"x-request-id": "a b\tc" * 50},
    {"x-correlation-id": "\xe9" * 70},
    {"idempotency-key": ""},
    {"idempotency-key": "k" * 300},
    {"idempotency-key": "\xe9\x7f"},
    {"accept": "text/html"},
    {"accept": "text/html", "host": "evil.example:99999"},
    {"accept-language": "x" * 2_000},
    {"origin": "http://[", "accept": "text/html"},
    {"referer": "http://[::1", "accept": "text/html"},
    {"cookie": "haat_access=x; haat_refresh=%00; haat_cart=1; haat_flash=%ff"},
    {"content-encoding": "gzip"},
    {"traceparent": "00-zz-1-1"},
    {"x-forwarded-for": "not, an, address"},
    {"if-none-match": '"x'},
    {"range": "bytes=99999999999999999999-"},
    {"expect": "nothing"},
)


def broken(value: Any, dice: random.Random) -> Any:
    """The value with one thing in it replaced by something unpleasant."""
    if isinstance(value, dict) and value and dice.random() < 0.85:
        key = dice.choice(list(value))
        changed = dict(value)
        how = dice.random()
        if how < 0.1:
            del changed[key]
        elif how < 0.2:
            changed[dice.choice(TEXTS)] = changed.pop(key)
        else:
            changed[key] = broken(value[key], dice)
        return changed
    if isinstance(value, list) and value and dice.random() < 0.85:
        if dice.random() < 0.2:
            return value * dice.choice((0, 101, 400))
        return [broken(value[0], dice), *value[1:]]
    return unpleasant(dice)


def unpleasant(dice: random.Random, depth: int = 0) -> Any:
    kind = dice.randrange(8)
    if kind < 4:
        return dice.choice(TEXTS)
    if kind < 6:
        return dice.choice(NUMBERS)
    if kind == 6 or depth > 2:
        return dice.choice((None, True, [], {}, [None], {"": None}))
    return {dice.choice(TEXTS): unpleasant(dice, depth + 1)}


def whole(schema: Any, rows: dict[str, str], name: str = "") -> Any:
    """An example with the optional fields too, so that they can be broken."""
    if "$ref" in schema:
        return whole(schemas()[schema["$ref"].rpartition("/")[2]], rows, name)
    if "anyOf" in schema:
        return whole(schema["anyOf"][0], rows, name)
    if schema.get("type") == "object" and "properties" in schema:
        return {key: whole(one, rows, key) for key, one in schema["properties"].items()}
    if schema.get("type") == "array":
        return [whole(schema["items"], rows, name)]
    return example(schema, rows, name)


def encoded(value: Any) -> bytes:
    """JSON, as a careless client writes it: half surrogate pairs, NaN, repeated keys."""
    return json.dumps(value).encode()


def queries(operation: Operation, dice: random.Random) -> str:
    """A query string with some of its parameters, and some of them twice."""
    names = [p["name"] for p in operation.parameters if p["in"] == "query"] or ["limit"]
    pairs = []
    for name in dice.sample(names, dice.randint(0, len(names))):
        value = dice.choice(
            (*TEXTS, *map(str, NUMBERS[:11]), "eyJhIjoxfQ", "W10", "WzFd", "W251bGxd")
        )
        text = quote(str(value)[:3_000].encode("utf-8", "surrogatepass"), safe="")
        pairs += [f"{quote(name)}={text}"] * dice.choice((1, 1, 1, 2))
    return f"?{'&'.join(pairs)}" if pairs else ""


def paths(operation: Operation, rows: dict[str, str], dice: random.Random) -> str:
    """The path, now and then with something else for a parameter."""
    if "{" not in operation.path or dice.random() < 0.5:
        return path_of(operation, rows)
    text = dice.choice((*TEXTS[1:], "%2e%2e", "a/b", "1" * 500, str(BIG), "-1", "1.0"))
    value = quote(text[:2_000].encode("utf-8", "surrogatepass"), safe="")
    return re.sub(r"\{\w+\}", lambda _: value or "%20", operation.path)


def requests(town: Town, operation: Operation, dice: random.Random) -> Iterator[httpx.Request]:
    """Unpleasant requests to one operation, without end."""
    people = [town.customer.token, town.clay.owner.token, town.box.people["staff"].token, None]
    while True:
        url = f"{town.box.address}/api/v1{paths(operation, town.rows, dice)}"
        headers: dict[str, str] = {"content-type": "application/json"}
        token = dice.choice(people)
        if token:
            headers["authorization"] = f"Bearer {token}"
        if dice.random() < 0.3:
            headers["idempotency-key"] = dice.choice(("k", "key-1", str(dice.random())))
        if dice.random() < 0.25:
            headers.update(dice.choice(HEADERS))
        content = None
        if operation.method != "GET":
            if operation.body is not None and dice.random() < 0.75:
                content = encoded(broken(whole(operation.body, town.rows), dice))
            else:
                content = dice.choice(RAW)
                headers["content-type"] = dice.choice(TYPES)
        yield httpx.Request(
            operation.method,
            url + queries(operation, dice),
            content=content,
            headers=[(k.encode(), v.encode("latin-1")) for k, v in headers.items()],
        )


def wrong_with(answer: httpx.Response) -> str | None:
    """What this answer lacks."""
    if answer.status_code >= 500:
        return "failed"
    request = answer.request
    if not is_described(request.method, request.url.path, answer.status_code):
        return "is not described"
    if answer.status_code < 400 or "text/html" in answer.headers.get("content-type", ""):
        return None
    if not answer.headers["content-type"].startswith("application/problem+json"):
        return "is no problem document"
    if answer.request.method == "HEAD":
        return None  # such an answer has no body
    document = answer.json()
    if document["status"] != answer.status_code or not document["requestId"]:
        return "contradicts itself"
    if not re.fullmatch(r"[a-z0-9_]+", document["code"]) or not document["detail"]:
        return "has no code or no detail"
    for error in document.get("errors", ()):
        snake = "_" in error["path"].split("\0")[0].replace("as_of", "")  # spelled so by its spec
        if set(error) != {"path", "code", "message"} or snake:
            return "has an unclear error"
    return None


async def send_all(
    town: Town, asked: list[httpx.Request], seen: dict[str, int] | None = None
) -> list[str]:
    """What went wrong, a line each; `seen` is told what was answered, by method and address."""
    slots = asyncio.Semaphore(8)
    found: list[str] = []

    async def one(request: httpx.Request) -> None:
        async with slots:
            answer = await town.box.http.send(request)
        if seen is not None:
            seen[f"{request.method} {request.url}"] = answer.status_code
        wrong = wrong_with(answer)
        if wrong:
            sent = {k: v for k, v in request.headers.items() if k != "authorization"}
            found.append(
                f"{request.method} {str(request.url)[:200]} {request.content[:300]!r} {sent}"
                f" {wrong}: {answer.status_code} {answer.text[:300]}"
            )

    await asyncio.gather(*(one(request) for request in asked))
    return found


@pytest.mark.slow
async def test_nothing_breaks(town: Town) -> None:
    dice = random.Random(SEED)
    await town.box.staff()
    asked = [
        request
        for operation in operations()
        for request in islice(requests(town, operation, dice), ROUNDS)
    ]
    dice.shuffle(asked)
    assert "\n".join(await send_all(town, asked)) == ""
    assert (await town.box.guest().get("/products")).status_code == 200
