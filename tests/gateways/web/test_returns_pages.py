"""Returns by forms alone: customer, guest, vendor and staff, on a real market."""

import re
from typing import Any
from uuid import UUID, uuid4

import pytest_asyncio

from haat.app.proving import prove_all
from haat.domains.trade.orders.api import Orders
from tests.gateways.web.browser import Browser, form_in, picture
from tests.journeys.box import Box
from tests.journeys.scene import Shop, buy, open_shop

NASTY = "<script>alert('x')</script> & more"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def clay(box: Box) -> Shop:
    staff = await box.staff()
    await staff.ok("PATCH", "/admin/settings", {"returnWindowMinutes": 20_160})
    return await open_shop(box, "Clay House", price=1299, stock=500)


@pytest_asyncio.fixture(loop_scope="session")
async def ada(box: Box) -> Browser:
    await box.person("ada@example.com", "Ada Buyer")
    return await Browser(box).sign_in("ada@example.com")


@pytest_asyncio.fixture(loop_scope="session")
async def owner(box: Box, clay: Shop) -> Browser:
    return await Browser(box).sign_in("owner@clay-house.example.com")


@pytest_asyncio.fixture(loop_scope="session")
async def staff(box: Box) -> Browser:
    client = await box.staff()
    return await Browser(box).sign_in(client.person["email"])


async def bought(box: Box, shop: Shop, *, guest: bool = False, deliver: bool = True) -> Any:
    """An order of two things, sent and as a rule delivered; the vendor order in it."""
    client = box.guest() if guest else await box.person("ada@example.com", "Ada Buyer")
    placed = await buy(box, client, {shop.offer: 2})
    ctx = box.runtime.system_context("test")
    [order] = await box.runtime.inner[Orders].by_ids(ctx, ids=[UUID(placed["orderId"])])
    part = order.vendor_orders[0]
    for step in ("accept", "ready", "ship", *(["deliver"] if deliver else [])):
        await shop.owner.ok("PUT", f"/orders/{part.id}/{step}")
    await box.settle()
    return order, part


def chosen(page: str, at: str, part: Any, count: int = 1, **more: Any) -> dict[str, str]:
    """The filled form of asking for a return."""
    form = form_in(page, at)
    return {
        **form,
        f"q-{part.lines[0].id}": str(count),
        "reason": "damaged",
        "text": NASTY,
        "step": "preview",
        **more,
    }


async def asked(box: Box, who: Browser, order: Any, part: Any, **more: Any) -> str:
    """Asks for it; the address of its page."""
    at = f"/orders/{order.number}/return/{part.id}"
    shown = await who.send(at, chosen(await who.page(at), at, part, **more))
    assert shown.status_code == 200, shown.text
    return await who.done(at, {**form_in(shown.text, at), "step": "confirm"})


async def test_from_asking_to_the_refund(
    box: Box, clay: Shop, ada: Browser, owner: Browser
) -> None:
    order, part = await bought(box, clay)
    at = f"/orders/{order.number}/return/{part.id}"
    assert f'href="{at}"' in await ada.page(f"/orders/{order.number}")
    form = chosen(await ada.page(at), at, part)
    shown = await ada.send(at, form, [("pictures", picture())])
    assert "You would get $12.99" in shown.text
    ready = {**form_in(shown.text, at), "step": "confirm"}
    assert len(ready["kept_pictures"].split()) == 1
    changed = await ada.send(at, {**ready, "step": "change"})
    assert NASTY in form_in(changed.text, at)["text"]
    page_at = await ada.done(at, ready)
    assert await ada.done(at, ready) == page_at  # pressed twice
    page = await ada.page(page_at)
    assert "To be answered" in page
    assert "<script>alert" not in page
    assert page.count("Picture 1 of this message") == 1
    assert "R-1" in await ada.page("/returns")
    assert "Asked for already" in await ada.page(at)
    id = page_at.rsplit("/", 1)[1]

    listed = await owner.page("/vendor/returns?state=requested")
    assert f"/vendor/returns/{id}" in listed
    there = f"/vendor/returns/{id}"
    text = await owner.page(there)
    assert "Answer until" in text
    answer = form_in(text, f"{there}/approve")
    await owner.done(f"{there}/approve", {**answer, "approve_text": "Send it to Kiln Lane 1."})
    page = await ada.page(page_at)
    assert "Kiln Lane 1" in page
    await ada.done(f"{page_at}/sent-back", {"tracking_number": "HT77"})
    text = await owner.page(there)
    assert "HT77" in text
    await owner.done(f"{there}/receive", form_in(text, f"{there}/receive"))
    await box.settle()
    assert "went back the way you paid" in await ada.page(page_at)
    assert "$12.99" in await ada.page(f"/orders/{order.number}")
    notes = await ada.page("/notifications")
    assert "is approved" in notes
    assert await prove_all(box.runtime) == []


async def test_what_is_wrong_is_told_at_its_field(
    box: Box, clay: Shop, ada: Browser, owner: Browser
) -> None:
    order, part = await bought(box, clay, deliver=False)
    at = f"/orders/{order.number}/return/{part.id}"
    page = await ada.page(at)
    name = f"q-{part.lines[0].id}"
    for change, field in (
        ({name: "0"}, "items"),
        ({name: "3"}, name),
        ({name: "x"}, name),
        ({"reason": ""}, "reason"),
        ({"reason": "boredom"}, "reason"),
        ({"kind": "gift"}, "kind"),
        ({"kind": "return", "reason": "not_received"}, "kind"),
        ({"text": "x" * 2001}, "text"),
        ({"kept_pictures": str(uuid4()), "kind": "complaint", "step": "confirm"}, ""),
    ):
        answer = await ada.send(at, {**chosen(page, at, part), **change})
        if field:
            assert answer.status_code == 422, (change, answer.status_code)
            assert f'href="#{field}"' in answer.text, change
        else:  # the sums were not agreed to: they are shown first
            assert answer.status_code == 200
    ready = await ada.send(at, chosen(page, at, part, kind="return"))
    refused = await ada.send(at, {**form_in(ready.text, at), "step": "confirm"})
    assert refused.status_code == 409
    assert "has not been delivered yet" in refused.text
    bad = [("pictures", ("a.png", b"no picture", "image/png"))]
    wrong = await ada.send(at, chosen(page, at, part), bad)
    assert wrong.status_code == 422
    assert 'id="pictures-error"' in wrong.text


async def test_vendors_count_and_refuse(
    box: Box, clay: Shop, ada: Browser, owner: Browser, staff: Browser
) -> None:
    order, part = await bought(box, clay)
    mine = await asked(box, ada, order, part, count=2)
    there = "/vendor" + mine
    empty = await owner.send(f"{there}/refuse", {"refuse_text": ""})
    assert empty.status_code == 422
    assert 'href="#refuse_text"' in empty.text
    await owner.done(f"{there}/approve", {"send_back": "on", "approve_text": ""})
    name = f"q-{part.lines[0].id}"
    for change, field in (
        ({name: "1"}, "receive_text"),
        ({name: "5"}, name),
        ({name: "0"}, "items"),
    ):
        answer = await owner.send(f"{there}/receive", {"restock": "on", **change})
        assert answer.status_code == 422
        assert f'href="#{field}"' in answer.text
    done = {name: "1", "receive_text": "One was broken."}
    await owner.done(f"{there}/receive", done)
    await box.settle()
    text = await owner.page(there)
    assert "Refunded" in text
    assert "One was broken." in await ada.page(mine)
    late = await owner.send(f"{there}/refuse", {"refuse_text": "No."})
    assert late.status_code == 409


async def test_staff_decide(
    box: Box, clay: Shop, ada: Browser, owner: Browser, staff: Browser
) -> None:
    order, part = await bought(box, clay, deliver=False)
    mine = await asked(box, ada, order, part, kind="complaint", reason="not_received")
    there, desk = "/vendor" + mine, "/admin" + mine
    await owner.done(f"{there}/refuse", {"refuse_text": "It was sent."})
    wrong = await ada.send(f"{mine}/escalate", {"escalate_text": ""})
    assert wrong.status_code == 422
    await ada.done(f"{mine}/escalate", {"escalate_text": "It never came."})
    queue = await staff.page("/admin/returns?state=to_decide")
    assert desk in queue
    assert "Staff decide" in await staff.page("/admin/returns")
    text = await staff.page(desk)
    assert "It never came." in text
    await staff.done(f"{desk}/say", {**form_in(text, f"{desk}/say"), "text": "We look at it."})
    await staff.done(f"{desk}/approve", form_in(text, f"{desk}/approve"))
    await box.settle()
    assert "went back the way you paid" in await ada.page(mine)
    assert "We look at it." in await ada.page(mine)
    assert await prove_all(box.runtime) == []


async def test_withdrawn(box: Box, clay: Shop, ada: Browser, owner: Browser) -> None:
    order, part = await bought(box, clay)
    mine = await asked(box, ada, order, part)
    text = await ada.page(mine)
    said = {**form_in(text, f"{mine}/say"), "text": "I think it over."}
    for _ in range(2):
        await ada.done(f"{mine}/say", said, [("pictures", picture("red"))])
    assert (await ada.page(mine)).count("I think it over.") == 1
    await ada.done(f"{mine}/withdraw")
    assert "Nothing more happens" in await ada.page(mine)
    assert "Withdrawn" in await owner.page("/vendor" + mine)


async def test_guests_come_by_their_link(box: Box, clay: Shop, owner: Browser) -> None:
    order, part = await bought(box, clay, guest=True)
    ctx = box.runtime.system_context("test")
    links = await box.runtime.inner[Orders].links(ctx, order_ids=[order.id])
    link = f"/orders/link/{links[order.id]}"
    guest = Browser(box)
    link = await guest.opened(link)
    at = f"{link}/return/{part.id}"
    assert f'href="{at}"' in await guest.page(link)
    page = await guest.page(at)
    assert 'type="file"' not in page
    shown = await guest.send(at, chosen(page, at, part))
    mine = await guest.done(at, {**form_in(shown.text, at), "step": "confirm"})
    assert mine.startswith(f"{link}/returns/")
    assert "To be answered" in await guest.page(mine)
    text = form_in(await guest.page(mine), f"{mine}/say")
    await guest.done(f"{mine}/say", {**text, "text": "Hello?"})
    assert mine in await guest.page(at)
    id = mine.rsplit("/", 1)[1]
    await owner.done(f"/vendor/returns/{id}/approve", {"approve_text": ""})
    await box.settle()
    assert "went back the way you paid" in await guest.page(mine)
    await guest.page(f"/orders/link/x{links[order.id]}/returns/{id}", 404)


async def test_others_stay_outside(
    box: Box, clay: Shop, ada: Browser, owner: Browser, staff: Browser
) -> None:
    order, part = await bought(box, clay)
    mine = await asked(box, ada, order, part)
    await open_shop(box, "The Loom", price=100, stock=1)
    rival = await Browser(box).sign_in("owner@the-loom.example.com")
    await box.person("bob@example.com", "Bob")
    bob = await Browser(box).sign_in("bob@example.com")
    for who, path in (
        (bob, mine), (rival, mine), (owner, mine), (staff, mine), (rival, "/vendor" + mine),
        (bob, f"/orders/{order.number}/return/{part.id}"),
    ):  # fmt: skip
        await who.page(path, 404)
    for path in ("/admin/returns", "/admin" + mine):
        await owner.page(path, 403)
    for path in ("/vendor/returns", "/vendor" + mine):
        await bob.page(path, 403)
    assert (await rival.send(f"/vendor{mine}/approve")).status_code == 404
    assert (await bob.send(f"{mine}/withdraw")).status_code == 404
    guest = Browser(box)
    for path in ("/returns", mine, "/vendor/returns", "/admin/returns"):
        answer = await guest.http.get(path)
        assert re.match("/sign-in", answer.headers["location"])
    assert "To be answered" in await ada.page(mine)
