"""Orders over REST: who may, by which word, and what a bad request answers."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from haat.domains.trade.orders.api import OrderDraft, Orders
from haat.domains.trade.orders.routes import router
from haat.domains.trade.orders.service import OrdersService
from tests.conftest import DatabaseOf
from tests.domains.trade.order_parts import (
    FakeMarket,
    FakeShipping,
    caught_up,
    draft,
    ids,
    signer,
    system,
)
from tests.domains.trade.rest import Client, served, token


@pytest_asyncio.fixture(loop_scope="session")
async def orders(database_of: DatabaseOf) -> OrdersService:
    return OrdersService(await database_of("orders"), FakeMarket(), FakeShipping(), signer())


@pytest_asyncio.fixture(loop_scope="session")
async def ask(orders: OrdersService) -> AsyncIterator[Client]:
    async with served(Orders, orders, router) as client:
        yield client


@pytest_asyncio.fixture(loop_scope="session")
async def paid(orders: OrdersService) -> OrderDraft:
    made = draft(ids.new())
    await orders.create(system, draft=made)
    await orders.mark_paid(system, order_ids=[made.id])
    return made


def customer(order: OrderDraft) -> str:
    assert order.person_id
    return token(order.person_id)


def shop(order: OrderDraft, n: int = 0) -> str:
    return token(ids.new(), "vendor:orders", vendor_id=order.vendor_orders[n].vendor_id)


STAFF = ("staff", "staff:orders")


async def test_a_vendor_walks_its_part(ask: Client, paid: OrderDraft) -> None:
    one, two = paid.vendor_orders
    for step in ("accept", "ready", "ship", "deliver"):
        answer = await ask(shop(paid), "PUT", f"/orders/{one.id}/{step}")
        assert answer.status_code == 200, answer.text
    assert answer.json()["fulfilment"] == "delivered"
    assert answer.json()["shipments"][0]["status"] == "delivered"
    for word in ("processing", "shipped"):
        answer = await ask(shop(paid, 1), "PUT", f"/orders/{two.id}/status", json={"status": word})
        assert answer.status_code == 200, answer.text
    found = (await ask(customer(paid), "GET", f"/orders/{paid.id}")).json()
    assert found["fulfilment"] == "partially_delivered"
    assert len(found["vendorOrders"]) == 2
    assert "ommission" not in str(found)  # what the platform earns is not the buyer's to know
    assert "net" not in found["vendorOrders"][0]
    events = (await ask(customer(paid), "GET", f"/orders/{found['number']}/events")).json()
    assert events[0]["what"] == "placed"


async def test_everybody_reads_what_is_theirs(
    ask: Client, orders: OrdersService, paid: OrderDraft
) -> None:
    await caught_up(orders)
    one = paid.vendor_orders[0]
    mine = (await ask(shop(paid), "GET", f"/orders/{one.id}")).json()
    assert mine["number"].endswith("-1")
    assert mine["shipTo"]["name"] == "Ada Low"
    again = (await ask(shop(paid), "GET", f"/orders/{mine['number']}")).json()
    assert again == mine
    listed = (await ask(shop(paid), "GET", "/orders?fulfilment=pending")).json()
    assert [item["id"] for item in listed["items"]] == [str(one.id)]
    for path in ("/orders", "/me/orders"):
        own = (await ask(customer(paid), "GET", path)).json()
        assert [item["id"] for item in own["items"]] == [str(paid.id)]
    boss = token(ids.new(), *STAFF)
    for path in ("/orders?payment=paid", "/admin/orders?payment=paid"):
        everything = (await ask(boss, "GET", path)).json()
        assert str(paid.id) in [item["id"] for item in everything["items"]]


async def test_a_vendor_that_buys_sees_its_purchase(ask: Client, orders: OrdersService) -> None:
    who = ids.new()
    bought = draft(who)
    await orders.create(system, draft=bought)
    as_vendor = token(who, "vendor:orders", vendor_id=ids.new())
    answer = await ask(as_vendor, "GET", f"/orders/{bought.id}")
    assert answer.json()["email"] == "ada@example.org"


async def test_strangers_find_nothing(ask: Client, paid: OrderDraft) -> None:
    id = paid.vendor_orders[0].id
    rival = token(ids.new(), "vendor:orders", vendor_id=ids.new())
    stranger = token(ids.new())
    reason = {"reason": "x"}
    for who, method, path, body, status in (
        (rival, "PUT", f"/orders/{id}/accept", None, 404),
        (rival, "PUT", f"/orders/{id}/reject", reason, 404),
        (rival, "PUT", f"/orders/{id}/status", {"status": "ready"}, 404),
        (rival, "GET", f"/orders/{id}", None, 404),
        (rival, "GET", f"/orders/{id}/events", None, 404),
        (stranger, "GET", f"/orders/{paid.id}", None, 404),
        (stranger, "POST", f"/orders/{paid.id}/cancel", reason, 404),
        (stranger, "PUT", f"/orders/{id}/accept", None, 403),
        (stranger, "GET", "/admin/orders", None, 403),
        (rival, "PATCH", f"/admin/orders/{id}/status", {"status": "ready"}, 403),
        (None, "GET", f"/orders/{paid.id}", None, 401),
        (None, "GET", "/orders", None, 401),
        (None, "GET", "/orders/link/nonsense", None, 404),
    ):
        answer = await ask(who, method, path, json=body)
        assert answer.status_code == status, (method, path, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"


async def test_cancelling_a_part_or_the_whole(ask: Client, paid: OrderDraft) -> None:
    one = paid.vendor_orders[0]
    part = await ask(
        customer(paid), "POST", f"/orders/{one.id}/cancel", json={"reason": "changed my mind"}
    )
    assert (part.json()["id"], part.json()["fulfilment"]) == (str(one.id), "cancelled")
    assert "net" not in part.json()
    whole = await ask(customer(paid), "POST", f"/orders/{paid.id}/cancel", json={"reason": "all"})
    assert (whole.json()["id"], whole.json()["fulfilment"]) == (str(paid.id), "cancelled")


async def test_staff_move_any_part(ask: Client, paid: OrderDraft) -> None:
    boss, id = token(ids.new(), *STAFF), paid.vendor_orders[0].id
    moved = await ask(boss, "PATCH", f"/admin/orders/{id}/status", json={"status": "processing"})
    assert moved.json()["fulfilment"] == "accepted"
    body = {"status": "cancelled", "reason": "fraud"}
    moved = await ask(boss, "PUT", f"/orders/{id}/status", json=body)
    assert moved.json()["fulfilment"] == "cancelled"
    late = await ask(boss, "PATCH", f"/admin/orders/{id}/status", json={"status": "ready"})
    assert (late.status_code, late.json()["code"]) == (409, "order_state")
    assert late.json()["state"] == "cancelled"
    whole = (await ask(boss, "GET", f"/orders/{paid.id}")).json()
    assert whole["vendorOrders"][0]["commission"]["minor"] > 0


async def test_a_guests_link_opens_the_order(
    ask: Client, orders: OrdersService, paid: OrderDraft
) -> None:
    link = (await orders.links(system, order_ids=[paid.id]))[paid.id]
    assert (await ask(None, "GET", f"/orders/link/{link}")).json()["id"] == str(paid.id)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/orders/not-an-id/accept", None),
        ("PUT", "/orders/{id}/reject", None),
        ("PUT", "/orders/{id}/reject", {"reason": ""}),
        ("PUT", "/orders/{id}/reject", {"reason": "   "}),
        ("PUT", "/orders/{id}/reject", {"reason": "x" * 501}),
        ("PUT", "/orders/{id}/status", {"status": "lost"}),
        ("PUT", "/orders/{id}/status", {"status": "rejected"}),
        ("PUT", "/orders/{id}/status", {"state": "ready"}),
        ("PUT", "/orders/{id}/ship", {"carrier": ""}),
        ("GET", "/orders?fulfilment=lost", None),
        ("GET", "/orders?limit=101", None),
        ("GET", "/orders?cursor=zzz", None),
    ],
)
async def test_bad_requests(
    ask: Client, paid: OrderDraft, method: str, path: str, body: dict[str, str] | None
) -> None:
    answer = await ask(
        shop(paid), method, path.replace("{id}", str(paid.vendor_orders[0].id)), json=body
    )
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"]
