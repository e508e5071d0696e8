"""Waiting for what is sold out: asked for, told once, forgotten. Low stock, carts left behind."""

import asyncio
from uuid import UUID, uuid4

import pytest

from haat.domains.goods.inventory.api import BackInStock, StockLow
from haat.domains.reach.notifications import reactions
from haat.domains.reach.notifications.api import StillThere
from haat.domains.trade.cart.api import CartLeft, Item
from haat.domains.trade.orders.api import OrderAdvanced
from haat.engines.http.signing import LinkInvalid
from haat.kernel.errors import Invalid, NotFound, Unavailable
from tests.domains.people.doubles import guest
from tests.domains.reach.doubles import heard
from tests.domains.reach.test_notifications import (
    ADA,
    HELPER,
    OWNER,
    VENDOR,
    Told,
    told,
)

__all__ = ["told"]  # a fixture
GUEST = "ada@example.com"


def back(offer: UUID) -> BackInStock:
    return heard(BackInStock(offer_id=offer, product_id=offer, vendor_id=VENDOR, available=3))


async def waits(told: Told) -> int:
    return len(await told.db.fetch("SELECT 1 FROM notifications.waits"))


async def test_a_person_is_told_once(told: Told) -> None:
    offer = told.catalog.add(VENDOR)
    for _ in range(2):
        await told.service.wait_for(told.of(ADA), offer_id=offer)
    assert set(told.inventory.watched) == {offer}
    assert await told.waiting() == 0
    for _ in range(2):
        await reactions.tell_back(told.service, told.ctx, [back(offer), back(offer)])
    assert await told.titles(ADA) == ["P is back"]
    assert (await waits(told), await told.waiting()) == (0, 1)
    assert await told.send() == 1
    await told.service.wait_for(told.of(ADA), offer_id=offer)  # sold out again
    await reactions.tell_back(told.service, told.ctx, [back(offer)])
    assert await told.titles(ADA) == ["P is back", "P is back"]


async def test_a_guest_is_told_once_and_forgotten(told: Told) -> None:
    offer = told.catalog.add(VENDOR)
    for email in (GUEST, "  Ada@example.com "):
        await told.service.wait_for(guest(told.at), offer_id=offer, email=email)
    assert await told.send() == 1
    [asked] = told.mail.sent.values()
    assert (asked.to, "/stock-notices/" in asked.text) == (GUEST, True)
    await asyncio.gather(
        *(reactions.tell_back(told.service, told.ctx, [back(offer)]) for _ in range(4))
    )
    assert await told.send() == 1
    assert [mail.subject.split(" · ")[0] for mail in told.mail.sent.values()] == [
        "We tell you when P is back",
        "P is back",
    ]
    assert await waits(told) == 0
    assert await told.send() == 0


async def test_a_guest_stops_it(told: Told) -> None:
    offer = told.catalog.add(VENDOR)
    await told.service.wait_for(guest(told.at), offer_id=offer, email=GUEST)
    await told.send()
    [asked] = told.mail.sent.values()
    token = asked.text.split("/stock-notices/")[1].split()[0]
    with pytest.raises(LinkInvalid):
        await told.service.stop_waiting(guest(told.at), token=token[:-2] + "xx")
    for _ in range(2):
        await told.service.stop_waiting(guest(told.at), token=token)
    await reactions.tell_back(told.service, told.ctx, [back(offer)])
    assert (await told.send(), await waits(told)) == (0, 0)


async def test_who_cannot_wait(told: Told) -> None:
    offer = told.catalog.add(VENDOR)
    with pytest.raises(Invalid) as refused:
        await told.service.wait_for(guest(told.at), offer_id=offer)
    assert refused.value.fields[0].path == "email"
    with pytest.raises(NotFound):
        await told.service.wait_for(told.of(ADA), offer_id=uuid4())
    told.inventory.left[offer] = 1
    with pytest.raises(StillThere):
        await told.service.wait_for(told.of(ADA), offer_id=offer)
    assert await waits(told) == 0


async def test_a_crash_before_it_is_watched(told: Told) -> None:
    offer = told.catalog.add(VENDOR)
    told.inventory.away = True
    with pytest.raises(Unavailable):
        await told.service.wait_for(told.of(ADA), offer_id=offer)
    told.inventory.away = False
    await reactions.watch_again(told.service, told.ctx)
    assert told.inventory.watched == [offer]


async def test_low_stock_carts_and_what_is_ready(told: Told) -> None:
    offer = uuid4()
    low = heard(StockLow(offer_id=offer, vendor_id=VENDOR, sku="S-1", available=2, low_at=3))
    await told.tell(low, low)
    for person in (OWNER, HELPER):
        assert await told.titles(person) == ["S-1 is running low"]
    left = heard(CartLeft(cart_id=uuid4(), person_id=ADA, items=[Item(offer_id=offer, quantity=2)]))
    await told.tell(left)
    assert await told.titles(ADA) == ["You left something in your cart"]
    about = {"order_id": uuid4(), "vendor_order_id": uuid4(), "vendor_id": VENDOR}
    for fulfilment, pickup in (("accepted", uuid4()), ("ready", None), ("ready", uuid4())):
        moved = OrderAdvanced.model_validate(
            {**about, "person_id": ADA, "number": "H-1-1", "fulfilment": fulfilment,
             "pickup_id": pickup}
        )  # fmt: skip
        await told.tell(heard(moved))
    assert sorted(await told.titles(ADA)) == [
        "H-1-1 is ready for you to collect",
        "You left something in your cart",
    ]
