"""Buying and refunding over REST."""

from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio

from haat.domains.trade.checkout.api import Checkout
from haat.domains.trade.checkout.routes import router
from haat.domains.trade.settlement.api import Settlement
from haat.domains.trade.settlement.routes import router as refund_router
from haat.kernel.context import Actor
from haat.kernel.ids import derive
from tests.conftest import DatabaseOf
from tests.domains.people.doubles import Rest
from tests.domains.trade.market_day import Day, card

ADDRESS = {"name": "Ada Low", "line1": "1 Main St", "city": "Dhaka", "country": "BD"}


@pytest_asyncio.fixture(loop_scope="session")
async def day(database_of: DatabaseOf) -> Day:
    found = Day(await database_of("checkout"), await database_of("settlement"))
    await found.forget()
    return found


@pytest.fixture
def rest(day: Day) -> Rest:
    doors: Any = {Checkout: day.checkout, Settlement: day.settlement}
    return Rest(day.world.clock, doors, router, refund_router)


def summary(day: Day, **more: Any) -> dict[str, Any]:
    offer = day.world.offer(vendor=day.world.ids().new())
    items = [{"offerId": str(offer), "quantity": 2}]
    return {"items": items, "email": "ada@example.org", "shipTo": ADDRESS, **more}


async def test_quote_place_and_status(day: Day, rest: Rest) -> None:
    async with rest.client() as client:
        made = await client.post("/checkout/summary", json=summary(day))
        assert made.status_code == 201
        quote = made.json()
        assert quote["totals"]["total"] == {"minor": 2739, "currency": "USD"}
        assert (await client.get(f"/checkout/{quote['id']}")).json() == quote
        order = {"quoteId": quote["id"], "payment": {"token": "ok"}}
        bought = await client.post("/orders", json=order)
        assert (bought.status_code, bought.json()["status"]) == (201, "placed")
        status = await client.get(f"/checkout/{quote['id']}/status")
        assert (status.status_code, status.json()) == (200, bought.json())
        assert (await client.get(f"/checkout/{uuid4()}/status")).status_code == 404


async def test_customers_see_no_commission(day: Day, rest: Rest) -> None:
    async with rest.client() as client:
        made = await client.post("/checkout/summary", json=summary(day))
        again = await client.get(f"/checkout/{made.json()['id']}")
        for answer in (made, again):
            assert "commission" not in answer.text
            assert '"net"' not in answer.text


async def test_in_one_go(day: Day, rest: Rest) -> None:
    async with rest.client() as client:
        body = summary(day, payment={"provider": "test", "token": "ok"})
        bought = await client.post("/orders", json=body)
        assert (bought.status_code, bought.json()["status"]) == (201, "placed")
        assert bought.json()["orderLink"].startswith("/orders/link/")


async def test_declined(day: Day, rest: Rest) -> None:
    async with rest.client() as client:
        answer = await client.post("/orders", json=summary(day, payment={"token": "decline"}))
        problem = answer.json()
        assert (answer.status_code, problem["code"]) == (402, "payment_declined")
        assert (problem["status"], problem["declineCode"]) == (402, "do_not_honor")
        assert problem["checkoutId"]


async def test_an_intent_is_paid_at_the_providers_page(day: Day, rest: Rest) -> None:
    async with rest.client() as client:
        quote = (await client.post("/checkout/summary", json=summary(day))).json()
        body = {"quoteId": quote["id"], "returnUrl": "https://market.example/back"}
        parked = await client.post("/payments/intent", json=body)
        assert (parked.status_code, parked.json()["status"]) == (202, "needs_action")
        assert parked.json()["nextActionUrl"] == "https://pay.example/3ds"
        [payment] = day.world.payments.known
        day.world.payments.approve(payment)
        status = (await client.get(f"/checkout/{quote['id']}/status")).json()
        assert status["status"] == "placed"


async def test_out_of_stock_and_expired(day: Day, rest: Rest) -> None:
    async with rest.client() as client:
        body = summary(day)
        body["items"][0]["quantity"] = 11
        short = await client.post("/orders", json=body)
        assert (short.status_code, short.json()["code"]) == (409, "out_of_stock")
        quote = (await client.post("/checkout/summary", json=summary(day))).json()
        day.world.clock.advance(day.checkout._quoting._ttl)
        late = await client.post("/orders", json={"quoteId": quote["id"]})
        assert (late.status_code, late.json()["code"]) == (410, "quote_expired")


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": None}, "email"),
        ({"shipTo": None}, "shipTo"),
        ({"shipTo": {**ADDRESS, "country": "Bangladesh"}}, "shipTo.country"),
        ({"shipTo": {**ADDRESS, "planet": "Earth"}}, "shipTo.planet"),
        ({"items": []}, "items"),
        ({"items": [{"offerId": "x", "quantity": 1}]}, "items.0.offerId"),
        ({"items": [{"offerId": str(uuid4()), "quantity": 0}]}, "items.0.quantity"),
        ({"items": [{"offerId": str(uuid4()), "quantity": "2"}]}, "items.0.quantity"),
        ({"shipping": {"x": str(uuid4())}}, "shipping"),
        ({"payment": {"provider": "Not/one"}}, "payment.provider"),
        ({"returnUrl": "javascript:alert(1)"}, "returnUrl"),
        ({"coupon": "FREE"}, "coupon"),
        ({"quoteId": 7}, "quoteId"),
    ],
)
async def test_bad_input(day: Day, rest: Rest, change: dict[str, Any], path: str) -> None:
    async with rest.client() as client:
        answer = await client.post("/orders", json=summary(day, **change))
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["path"].startswith(path)
    assert not day.world.inventory.held
    assert not day.world.payments.known


async def test_refunds_are_for_staff(day: Day, rest: Rest) -> None:
    world = day.world
    quote = await day.quote(world.guest(), world.offer(vendor=world.ids().new()))
    await day.place(world.guest(), quote)
    await day.deliver(quote.id)
    part = str(derive(quote.id, f"vendor-order:{quote.groups[0].vendor_id}"))
    body = {"vendorOrderId": part, "amount": {"minor": 90, "currency": "USD"}, "reason": "Broken"}
    person = Actor("person", world.ids().new())
    async with rest.client() as guest:
        assert (await guest.post("/payments/refund", json=body)).status_code == 401
    async with rest.client(world.context(person)) as client:
        assert (await client.post("/payments/refund", json=body)).status_code == 403
        assert (await client.get(f"/admin/refunds?vendorOrderId={part}")).status_code == 403
        assert (await client.get("/admin/disputes")).status_code == 403
    async with rest.client(world.context(person, "staff", "staff:orders")) as staff:
        done = await staff.post("/payments/refund", json=body)
        assert (done.status_code, done.json()["status"]) == (201, "done")
        listed = (await staff.get(f"/admin/refunds?vendorOrderId={part}")).json()
        assert listed == {"items": [done.json()], "next": None}
        body["amount"] = {"minor": 10_000_000, "currency": "USD"}
        refused = await staff.post("/payments/refund", json=body)
        assert (refused.status_code, refused.json()["code"]) == (409, "not_refundable")
        assert refused.json()["refundable"]["minor"] == quote.totals.total.minor - 90
        del body["amount"]
        line = {"lineId": str(quote.groups[0].lines[0].id), "quantity": 1}
        more: dict[str, Any] = {"items": [line], "shipping": {"minor": 30, "currency": "USD"}}
        by_line = await staff.post("/payments/refund", json={**body, **more})
        assert (by_line.status_code, by_line.json()["shipping"]["minor"]) == (201, 30)
        assert by_line.json()["items"] == [line]
        assert by_line.json()["repaid"][0]["provider"] == "test"
        changes: list[dict[str, Any]] = [
            {"items": []},
            {"items": [{**line, "quantity": 0}]},
            more,
        ]
        for change in changes:
            bad = await staff.post("/payments/refund", json={**body, **change})
            assert bad.status_code in (409, 422)
        assert (await staff.get("/admin/disputes")).json() == {"items": [], "next": None}
        for wrong in ({"reason": ""}, {"amount": {"minor": "9", "currency": "USD"}}, {"id": 1}):
            bad = await staff.post("/payments/refund", json={**body, **wrong})
            assert bad.status_code == 422
    given = by_line.json()["amount"]["minor"]
    assert sum(world.payments.known[card(quote.id)].refunds.values()) == 90 + given


async def test_with_credits(day: Day, rest: Rest) -> None:
    world = day.world
    who = world.ids().new()
    world.identity.emails[who] = "ada@example.org"
    world.wallet.balances[who] = 1000
    async with rest.client(world.context(Actor("person", who), "person")) as client:
        quote = (await client.post("/checkout/summary", json=summary(day))).json()
        paying = {"token": "ok", "credits": {"minor": 1001, "currency": "USD"}}
        body = {"quoteId": quote["id"], "payment": paying}
        short = await client.post("/orders", json=body)
        assert (short.status_code, short.json()["code"]) == (409, "credits_too_low")
        assert short.json()["available"]["minor"] == 1000
        paying["credits"] = {"minor": 1000, "currency": "USD"}
        bought = await client.post("/orders", json=body)
        assert (bought.status_code, bought.json()["credits"]["minor"]) == (201, 1000)
        status = await client.get(f"/checkout/{quote['id']}/status")
        assert status.json() == bought.json()


async def test_by_bank_transfer(day: Day, rest: Rest) -> None:
    async with rest.client() as client:
        placed = await client.post("/orders", json=summary(day, payment={"provider": "bank"}))
        assert (placed.status_code, placed.json()["status"]) == (201, "placed")
        assert placed.json()["instructions"]["reference"] == "R1"
        recorded = await client.post("/orders", json=summary(day, payment={"provider": "recorded"}))
        assert recorded.json()["code"] == "payment_provider_unknown"
