"""What every operation refuses alike: other types of body, JSON that is none, limits and cursors
that are none, addresses and headers that are too long. Always a problem document."""

import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from haat.gateways.rest.rights import OPEN, table
from haat.kernel.page import encode_cursor
from tests.gateways.rest.operations import Operation, example, operations, path_of, schemas
from tests.gateways.rest.test_fuzz import RAW, send_all
from tests.gateways.town import Town
from tests.journeys.box import Client

pytestmark = pytest.mark.slow
LIMITS = ("0", "-1", "101", "9" * 30, "1.5", "abc", "", "%00", "1e2")
OTHERS = ("text/plain", "application/xml", "multipart/form-data; boundary=x", "application/jsonp")
CURSORS = (
    encode_cursor(),
    encode_cursor(None),
    encode_cursor(True),
    encode_cursor({}),
    encode_cursor(2**70),
    encode_cursor(-(2**70), "x"),
    encode_cursor("NaN", "Infinity"),
    encode_cursor("a\0b", "a\0b"),
    encode_cursor("\ud800"),
    encode_cursor("0001-01-01T00:00:00+14:00", "00000000-0000-0000-0000-000000000000"),
    encode_cursor("2026-11-21T08:00:00", "x"),
    encode_cursor(*["x"] * 50),
    "=",
    "%FF",
    "W" * 1999,
)


def request(
    town: Town, one: Operation, client: Client, query: str = "", **more: Any
) -> httpx.Request:
    """A request of that person, with a key, so that no operation stops at its lack."""
    headers = {"idempotency-key": uuid4().hex, **more.pop("headers", {})}
    if client.token:
        headers["authorization"] = f"Bearer {client.token}"
    url = f"{town.box.address}/api/v1{path_of(one, town.rows)}{query}"
    return httpx.Request(one.method, url, headers=headers, **more)


def is_closed(one: Operation) -> bool:
    return table().get(str(one), OPEN[0]) not in OPEN


def reads_json(one: Operation) -> bool:
    return one.body is not None and not one.form


async def statuses(town: Town, asked: list[httpx.Request]) -> dict[str, int]:
    """What is answered to each, by method and address, all of it by problem documents."""
    seen: dict[str, int] = {}
    found = await send_all(town, asked, seen)
    assert "\n".join(found) == ""
    return seen


async def test_bodies_of_another_type(town: Town) -> None:
    staff = await town.box.staff()
    for kind in OTHERS:
        asked = [
            request(town, one, staff, content=b'{"a":1}', headers={"content-type": kind})
            for one in operations()
            if reads_json(one)
        ]
        seen = await statuses(town, asked)
        assert {key: status for key, status in seen.items() if status != 415} == {}, kind


async def test_files_are_sent_as_forms(town: Town) -> None:
    staff = await town.box.staff()
    asked = [request(town, one, staff, json={"file": "x"}) for one in operations() if one.form]
    assert asked
    assert set((await statuses(town, asked)).values()) == {415}


async def test_who_must_sign_in_is_told_that_first(town: Town) -> None:
    """Whatever else is wrong with the request: its type, its JSON, its fields, its query."""
    guest, closed = town.box.guest(), [one for one in operations() if is_closed(one)]
    wrong: list[dict[str, Any]] = [
        {"content": b"{", "headers": {"content-type": "application/json"}},
        {"content": b"x", "headers": {"content-type": "text/plain", "authorization": "Basic eA=="}},
        {"json": {"no": "such field"}},
        {"json": []},
    ]
    for more in wrong:
        asked = [request(town, one, guest, "?limit=x&cursor=%00", **dict(more)) for one in closed]
        seen = await statuses(town, asked)
        assert {key: status for key, status in seen.items() if status != 401} == {}, more


async def test_json_that_is_none(town: Town) -> None:
    staff = await town.box.staff()
    sent = {"content-type": "application/json"}
    for raw in RAW:
        asked = [
            request(town, one, staff, content=raw, headers=sent)
            for one in operations()
            if reads_json(one)
        ]
        await statuses(town, asked)


def mistaken(schema: Any, rows: dict[str, str]) -> Iterator[tuple[str, Any]]:
    """Bodies in which one field has what looks like its type, each with the field's path."""
    while "$ref" in schema:
        schema = schemas()[schema["$ref"].rpartition("/")[2]]
    good = (
        {name: example(schema["properties"][name], rows, name) for name in schema["required"]}
        if "required" in schema
        else {}
    )
    for name, one in schema.get("properties", {}).items():
        kinds = {part.get("type") for part in (one, *one.get("anyOf", ()))}
        times = {part.get("format") for part in (one, *one.get("anyOf", ()))}
        wrong: list[Any] = []
        if kinds & {"integer", "number"} and "string" not in kinds:
            wrong = ["1", True]
        elif "boolean" in kinds and not kinds & {"string", "integer"}:
            wrong = [0, "true"]
        elif times & {"date-time", "date"}:
            wrong = [1_700_000_000, "1700000000"]
        yield from ((name, {**good, name: value}) for value in wrong)


async def test_numbers_are_no_texts_and_truths_no_numbers(town: Town) -> None:
    """A field's path is named, whatever else may be wrong with the example."""
    staff = await town.box.staff()
    count = 0
    for one in operations():
        if not reads_json(one):
            continue
        for name, body in mistaken(one.body, town.rows):
            count += 1
            answer = await town.box.http.send(request(town, one, staff, json=body))
            assert answer.status_code == 422, (str(one), body, answer.text)
            assert name in {error["path"] for error in answer.json()["errors"]}, (str(one), body)
    assert count > 150


async def test_limits_that_are_none(town: Town) -> None:
    staff = await town.box.staff()
    asked = [
        request(town, one, staff, f"?limit={limit}")
        for one in operations()
        if any(p["name"] == "limit" for p in one.parameters)
        for limit in LIMITS
    ]
    seen = await statuses(town, asked)
    assert {key: status for key, status in seen.items() if status != 422} == {}


async def test_cursors_of_other_lists(town: Town) -> None:
    """Each list is given every other one's cursor, and what never was a cursor."""
    people = [await town.box.staff(), town.clay.owner, town.customer]
    lists = [one for one in operations() if any(p["name"] == "cursor" for p in one.parameters)]
    real = set()
    for client in people:
        for one in lists:
            answer = await town.box.http.send(request(town, one, client, "?limit=1"))
            following = answer.json().get("next") if answer.is_success else None
            if following:
                real.add(following)
    assert len(real) > 5
    for client in people:
        asked = [
            request(town, one, client, f"?cursor={cursor}")
            for one in lists
            for cursor in (*real, *CURSORS)
        ]
        await statuses(town, asked)


async def test_addresses_and_headers_that_are_too_long(town: Town) -> None:
    staff = await town.box.staff()
    long = f"?q={'x' * 9_000}"
    seen = await statuses(town, [request(town, one, staff, long) for one in operations()])
    assert set(seen.values()) == {414}
    many = {f"x-{n}": "y" for n in range(120)}
    asked = [request(town, one, staff, headers=many) for one in operations()]
    assert set((await statuses(town, asked)).values()) == {431}


async def test_a_body_of_no_operation(town: Town) -> None:
    """What no operation reads is refused by none, and breaks none."""
    staff = await town.box.staff()
    body = json.dumps({"a": [1, {"b": None}]}).encode()
    sent = {"content-type": "application/json", "content-encoding": "gzip", "accept": "a/b;q=x"}
    asked = [
        request(town, one, staff, content=body, headers=sent)
        for one in operations()
        if one.body is None and not re.search(r"logout|leave|erasure|sessions", one.path)
    ]
    await statuses(town, asked)
