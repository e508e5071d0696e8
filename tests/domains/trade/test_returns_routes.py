"""Returns over REST: who may, what a bad request answers, and what guests do by their link."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from haat.domains.trade.orders.api import VendorOrder
from haat.domains.trade.returns.api import Returns
from haat.domains.trade.returns.routes import router
from tests.conftest import DatabaseOf
from tests.domains.trade.order_parts import CLOCK, ids
from tests.domains.trade.rest import Client, served, token
from tests.domains.trade.returning import Counter


@pytest_asyncio.fixture(loop_scope="session")
async def desk(database_of: DatabaseOf) -> Counter:
    found = Counter(await database_of("returns"))
    found.clock.set(CLOCK.now())
    await found.forget()
    return found


@pytest_asyncio.fixture(loop_scope="session")
async def ask(desk: Counter) -> AsyncIterator[Client]:
    async with served(Returns, desk.returns, router) as client:
        yield client


def buyer(one: VendorOrder) -> str:
    assert one.person_id
    return token(one.person_id)


def shop(one: VendorOrder) -> str:
    return token(ids.new(), "vendor:orders", vendor_id=one.vendor_id)


def staff() -> str:
    return token(ids.new(), "staff", "staff:orders")


def wanted(one: VendorOrder, **more: Any) -> dict[str, Any]:
    items = [{"lineId": str(one.lines[0].id), "quantity": 2}]
    return {"vendorOrderId": str(one.id), "items": items, "reason": "damaged", **more}


async def test_from_the_request_to_the_refund(ask: Client, desk: Counter) -> None:
    one = await desk.sold()
    me, them = buyer(one), shop(one)
    lines = (await ask(me, "GET", f"/orders/{one.id}/returnable")).json()
    assert [line["quantity"] for line in lines] == [2, 1]
    items = [{"lineId": lines[0]["lineId"], "quantity": 2}]
    shown = await ask(me, "POST", f"/orders/{one.id}/return-preview", json={"items": items})
    assert shown.json()["amount"] == {"minor": 1000, "currency": "EUR"}
    made = await ask(me, "POST", "/returns", json=wanted(one, text="  Broken.  "))
    assert made.status_code == 201, made.text
    found = made.json()
    assert (found["state"], found["messages"][0]["text"]) == ("requested", "Broken.")
    path = f"/vendors/{one.vendor_id}/returns/{found['id']}"
    assert (await ask(them, "POST", f"{path}/approve")).json()["state"] == "approved"
    sent = await ask(me, "POST", f"/returns/{found['id']}/sent-back", json={"trackingNumber": "X1"})
    assert sent.json()["trackingNumber"] == "X1"
    said = await ask(them, "POST", f"/returns/{found['id']}/messages", json={"text": "Thanks"})
    assert (said.status_code, said.json()["messages"][-1]["by"]) == (201, "vendor")
    counted = [{"lineId": lines[0]["lineId"], "quantity": 1}]
    short = await ask(them, "POST", f"{path}/receive", json={"items": counted})
    assert (short.status_code, short.json()["errors"][0]["path"]) == (422, "text")
    done = await ask(them, "POST", f"{path}/receive", json={"items": counted, "text": "One."})
    assert (done.json()["state"], done.json()["amount"]["minor"]) == ("refunded", 500)
    assert (await ask(me, "GET", f"/returns/{found['id']}")).json() == done.json()
    for who, listed in ((me, "/returns"), (them, f"/vendors/{one.vendor_id}/returns")):
        answer = (await ask(who, "GET", listed)).json()
        assert [item["number"] for item in answer["items"]] == [found["number"]]
    await desk.need_sound()


async def test_staff_decide_what_was_escalated(ask: Client, desk: Counter) -> None:
    one = await desk.sold()
    id = (await ask(buyer(one), "POST", "/returns", json=wanted(one))).json()["id"]
    reason = {"text": "No."}
    path = f"/vendors/{one.vendor_id}/returns/{id}"
    assert (await ask(shop(one), "POST", f"{path}/refuse", json=reason)).json()["state"] == (
        "refused"
    )
    await ask(buyer(one), "POST", f"/returns/{id}/escalate", json={"text": "Why?"})
    queue = (await ask(staff(), "GET", "/admin/returns?escalated=true")).json()
    assert [item["id"] for item in queue["items"]] == [id]
    final = (await ask(staff(), "POST", f"/admin/returns/{id}/refuse", json=reason)).json()
    assert final["final"] is True
    again = await ask(buyer(one), "POST", f"/returns/{id}/escalate", json={"text": "Why?"})
    assert (again.status_code, again.json()["code"]) == (409, "return_state")


async def test_staff_approve_and_receive(ask: Client, desk: Counter) -> None:
    one = await desk.sold()
    id = (await ask(buyer(one), "POST", "/returns", json=wanted(one))).json()["id"]
    body = {"refundShipping": True, "sendBack": True, "text": "Go on."}
    approved = (await ask(staff(), "POST", f"/admin/returns/{id}/approve", json=body)).json()
    assert (approved["state"], approved["amount"]["minor"]) == ("approved", 1490)
    done = (await ask(staff(), "POST", f"/admin/returns/{id}/receive")).json()
    assert done["state"] == "refunded"


async def test_strangers_find_nothing(ask: Client, desk: Counter) -> None:
    one = await desk.sold()
    id = (await ask(buyer(one), "POST", "/returns", json=wanted(one))).json()["id"]
    rival = token(ids.new(), "vendor:orders", vendor_id=ids.new())
    stranger, clerk = token(ids.new()), token(ids.new(), "staff", "staff:money")
    text = {"text": "x"}
    theirs = f"/vendors/{one.vendor_id}/returns"
    for who, method, path, body, status in (
        (rival, "GET", theirs, None, 404),
        (rival, "POST", f"{theirs}/{id}/approve", {}, 404),
        (rival, "POST", f"{theirs}/{id}/refuse", text, 404),
        (rival, "POST", f"{theirs}/{id}/receive", {}, 404),
        (staff(), "POST", f"{theirs}/{id}/approve", {}, 404),  # staff have a way of their own
        (rival, "GET", f"/returns/{id}", None, 404),
        (stranger, "GET", f"/returns/{id}", None, 404),
        (stranger, "GET", f"/orders/{one.id}/returnable", None, 404),
        (stranger, "POST", f"/returns/{id}/withdraw", None, 404),
        (stranger, "POST", "/returns", wanted(one), 404),
        (stranger, "GET", theirs, None, 403),
        (stranger, "GET", "/admin/returns", None, 403),
        (clerk, "GET", "/admin/returns", None, 403),
        (clerk, "POST", f"/admin/returns/{id}/approve", None, 403),
        (rival, "POST", f"/admin/returns/{id}/refuse", text, 403),
        (stranger, "POST", f"/admin/returns/{id}/receive", None, 403),
        (None, "POST", f"/admin/returns/{id}/receive", None, 401),
        (None, "GET", "/returns", None, 401),
        (None, "GET", f"/returns/{id}", None, 401),
        (None, "POST", "/returns", wanted(one), 401),
        (None, "GET", f"/returns/{id}?token=nonsense", None, 404),
        (None, "POST", f"{theirs}/{id}/approve", None, 401),
    ):
        answer = await ask(who, method, path, json=body)
        assert answer.status_code == status, (method, path, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"


async def test_guests_by_their_link(ask: Client, desk: Counter) -> None:
    one = await desk.sold(guest=True)
    link = f"?token=link-{one.order_id}"
    made = await ask(None, "POST", f"/returns{link}", json=wanted(one))
    assert made.status_code == 201, made.text
    path = f"/returns/{made.json()['id']}"
    assert (await ask(None, "GET", path + link)).json()["state"] == "requested"
    listed = (await ask(None, "GET", f"/orders/{one.id}/returns{link}")).json()
    assert [item["id"] for item in listed["items"]] == [made.json()["id"]]
    other = await desk.sold(guest=True)
    assert (await ask(None, "GET", f"{path}?token=link-{other.order_id}")).status_code == 404
    assert (await ask(None, "POST", f"{path}/withdraw{link}")).json()["state"] == "withdrawn"


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"items": []}, "items"),
        ({"items": [{"lineId": "x", "quantity": 1}]}, "items.0.lineId"),
        ({"items": [{"lineId": str(UUID(int=1)), "quantity": 0}]}, "items.0.quantity"),
        ({"items": [{"lineId": str(UUID(int=1)), "quantity": 1}]}, "items.0.lineId"),
        ({"items": [{"lineId": str(UUID(int=1)), "quantity": "1"}]}, "items.0.quantity"),
        ({"reason": "boredom"}, "reason"),
        ({"kind": "gift"}, "kind"),
        ({"text": "x" * 2001}, "text"),
        ({"pictureIds": [str(UUID(int=n)) for n in range(9)]}, "pictureIds"),
        ({"pictureIds": [str(UUID(int=7))]}, "pictureIds.0"),
        ({"amount": 5}, "amount"),
    ],
)
async def test_bad_input_is_told_by_path(
    ask: Client, desk: Counter, change: dict[str, Any], path: str
) -> None:
    one = await desk.sold()
    answer = await ask(buyer(one), "POST", "/returns", json=wanted(one, **change))
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["path"] == path
    assert await desk.db.fetchval("SELECT count(*) FROM returns.returns") == 0


async def test_what_cannot_be_returned_says_why(ask: Client, desk: Counter) -> None:
    one = await desk.sold(fulfilment="accepted")
    answer = await ask(buyer(one), "POST", "/returns", json=wanted(one))
    assert (answer.status_code, answer.json()["why"]) == (409, "not_delivered")
