"""The routes of commissions: a list drafted, changed, switched on and explained; who may."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest

from haat.domains.money.commissions.api import Commissions
from haat.domains.money.commissions.routes import router
from haat.engines.sql import Database
from tests.domains.money.emptying import emptied
from tests.domains.money.test_commissions import CLAY, MUG, MUGS, service_on
from tests.domains.trade.rest import Client, served, token

STAFF = token(uuid4(), "staff", "staff:money")
CLERK = token(uuid4(), "staff", "staff:orders", "staff:payouts")
LISTS = "/admin/commission-lists"
USD = {"minor": 1000, "currency": "USD"}


def rule(**given: Any) -> dict[str, Any]:
    return {"id": str(uuid4()), "name": "Mugs", "categoryIds": [str(MUGS)], "rateBp": 1200} | given


def question(**given: Any) -> dict[str, Any]:
    sale = {"id": str(uuid4()), "vendorId": str(CLAY), "productId": str(MUG), "base": USD}
    sale |= {"categoryPath": [str(MUGS)], "unitPrice": USD, "at": "2026-11-21T08:00:00Z"}
    return {"sale": sale | given}


@pytest.fixture
async def client(
    database_of: Callable[[str], Awaitable[Database]], database_url: str
) -> AsyncIterator[Client]:
    await emptied(database_url, "commissions")
    service = service_on(await database_of("commissions"), [])
    async with served(Commissions, service, router) as client:
        yield client


async def test_a_list_from_draft_to_history(client: Client) -> None:
    assert (await client(STAFF, "GET", f"{LISTS}/active")).json() is None
    body = {"rules": [rule()], "taxBp": 2000, "note": "Autumn"}
    made = await client(STAFF, "POST", LISTS, json=body)
    assert (made.status_code, made.json()["status"], made.json()["version"]) == (201, "draft", 1)
    path = f"{LISTS}/{made.json()['id']}"
    change = {"rules": [rule(rateBp=1000)], "taxBp": 2000, "version": 1}
    changed = await client(STAFF, "PUT", path, json=change)
    assert (changed.status_code, changed.json()["version"]) == (200, 2)
    again = await client(STAFF, "PUT", path, json=change)
    assert again.json() == changed.json(), "sent twice"
    late = await client(STAFF, "PUT", path, json={"rules": [], "version": 1})
    assert (late.status_code, late.json()["code"]) == (409, "commission_list_changed")
    told = await client(
        STAFF, "POST", "/admin/commissions/explain", json=question() | {"listId": path[-36:]}
    )
    assert told.json()["sums"] == "10 % of 10.00 = 1.00; tax 20 % = 0.20"
    on = {"version": 2, "reason": "Agreed with everybody"}
    for _ in range(2):
        active = await client(STAFF, "POST", f"{path}/activate", json=on)
        assert (active.status_code, active.json()["status"]) == (200, "active")
    assert (await client(STAFF, "GET", f"{LISTS}/active")).json() == active.json()
    assert (await client(STAFF, "GET", path)).json() == active.json()
    told = await client(STAFF, "POST", "/admin/commissions/explain", json=question())
    assert told.json()["assessment"]["commission"] == {"minor": 100, "currency": "USD"}
    refused = await client(STAFF, "POST", f"{path}/discard")
    assert refused.status_code == 409
    other = await client(STAFF, "POST", LISTS, json={"rules": []})
    gone = f"{LISTS}/{other.json()['id']}"
    page = (await client(STAFF, "GET", f"{LISTS}?limit=1")).json()
    assert (len(page["items"]), page["next"] is None) == (1, False)
    for _ in range(2):
        assert (await client(STAFF, "POST", f"{gone}/discard")).status_code == 204
    assert (await client(STAFF, "GET", gone)).status_code == 404


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"rules": [rule(priceFrom=2, priceTo=1)]}, "rules.0.priceTo"),
        ({"rules": [rule(), rule(categoryIds=[str(uuid4())])]}, "rules.1.categoryIds.0"),
        ({"rules": [rule(vendorIds=[str(uuid4())])]}, "rules.0.vendorIds.0"),
        ({"rules": [rule(rateBp=10_001)]}, "rules.0.rateBp"),
        ({"rules": [rule(rate=1)]}, "rules.0.rate"),
        ({"rules": [rule(name="\0")]}, "rules.0.name"),
        ({"rules": [], "taxBp": -1}, "taxBp"),
        ({"rules": [rule()] * 201}, "rules"),
        ({}, "rules"),
    ],
)
async def test_bad_lists_are_refused(client: Client, body: dict[str, Any], path: str) -> None:
    answer = await client(STAFF, "POST", LISTS, json=body)
    assert answer.status_code == 422
    assert path in [e["path"] for e in answer.json()["errors"]]


@pytest.mark.parametrize("version", [0, -1, 2**31, 10**30, "x", None])
async def test_versions_that_are_none(client: Client, version: object) -> None:
    for method, path, more in (
        ("PUT", "", {"rules": []}),
        ("POST", "/activate", {"reason": "Now"}),
    ):
        body = {"version": version, **more}
        answer = await client(STAFF, method, f"{LISTS}/{uuid4()}{path}", json=body)
        assert answer.status_code == 422


async def test_bad_questions_are_refused(client: Client) -> None:
    for wrong in (
        {"quantity": 0},
        {"unitPrice": {"minor": 1, "currency": "EUR"}},
        {"at": "2026-11-21T08:00:00"},
        {"colour": "red"},
    ):
        answer = await client(STAFF, "POST", "/admin/commissions/explain", json=question(**wrong))
        assert answer.status_code == 422, wrong
    answer = await client(
        STAFF, "POST", "/admin/commissions/explain", json=question() | {"listId": str(uuid4())}
    )
    assert answer.status_code == 404


@pytest.mark.parametrize(("who", "status"), [(None, 401), (CLERK, 403)])
async def test_only_who_keeps_the_markets_money(
    client: Client, who: str | None, status: int
) -> None:
    one = f"{LISTS}/{uuid4()}"
    for method, path, body in (
        ("GET", LISTS, None),
        ("GET", f"{LISTS}/active", None),
        ("GET", one, None),
        ("POST", LISTS, {"rules": []}),
        ("PUT", one, {"rules": [], "version": 1}),
        ("POST", f"{one}/activate", {"version": 1, "reason": "Mine"}),
        ("POST", f"{one}/discard", None),
        ("POST", "/admin/commissions/explain", question()),
    ):
        assert (await client(who, method, path, json=body)).status_code == status, path
