"""What the load drills look for is found: each kind of loss, in facts made up for it."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from bench.chaos import messages
from bench.race import Ended, judged

ORDERS = [uuid4() for _ in range(3)]
PARTS = [uuid4() for _ in ORDERS]
EVENTS = [uuid4() for _ in range(2 * len(ORDERS))]  # created and paid


class Market:
    """What its databases answer: three orders of 500, all paid, all told."""

    def __init__(self) -> None:
        self.parts = [
            {"id": order, "part": part, "total": 500, "paid": True}
            for order, part in zip(ORDERS, PARTS, strict=True)
        ]
        self.placed = len(ORDERS)
        self.inboxes = {
            messages.COUNTS: [*EVENTS],
            messages.LISTS: [*EVENTS, uuid4()],
            messages.MAILS: [*EVENTS],
            messages.SETTLES: [uuid4() for _ in ORDERS],
        }
        self.day = {"orders": 3, "sales": 1_500}
        self.mails = [*ORDERS]
        self.given_up = 0
        self.notes = [f"/vendor/orders/{part}" for part in PARTS]

    async def fetch(self, module: str, sql: str) -> list[Any]:
        if sql == messages.ORDERS:
            return self.parts
        if sql == messages.PLACED:
            return [{"count": self.placed}]
        if sql == messages.DAYS:
            return [self.day]
        if sql == messages.TOLD:
            return [{"order_id": id} for id in self.mails]
        if sql == messages.GIVEN_UP:
            return [{"count": self.given_up}]
        if sql == messages.SOLD:
            return [{"path": path} for path in self.notes]
        [name] = [name for name in self.inboxes if f"'{name}'" in sql]
        assert name.startswith(f"{module}.")
        return [{"event_id": id} for id in self.inboxes[name]]


async def found(market: Market) -> str:
    return "; ".join(await messages.misheard(market.fetch))


async def test_nothing_is_found_where_nothing_is_lost() -> None:
    assert await found(Market()) == ""


@pytest.mark.parametrize("subscriber", [messages.COUNTS, messages.LISTS, messages.MAILS])
async def test_an_event_that_one_subscriber_did_not_hear(subscriber: str) -> None:
    market = Market()
    market.inboxes[subscriber].remove(EVENTS[0])
    assert f"{subscriber} has not heard 1 events" in await found(market)
    assert await messages.unheard(market.fetch) == {subscriber: 1}


async def test_a_checkout_that_was_not_settled_and_an_order_that_was_not_counted() -> None:
    market = Market()
    market.inboxes[messages.SETTLES].pop()
    market.day["orders"] = 2
    said = await found(market)
    assert "checkout.settle has not heard 1 events" in said
    assert "the back office counted 2 orders" in said


async def test_what_was_counted_or_told_twice() -> None:
    market = Market()
    market.day["sales"] = 2_000
    market.mails.append(ORDERS[0])
    market.notes.append(f"/vendor/orders/{PARTS[1]}")
    said = await found(market)
    assert "sales of 2000: there are 3 and 1500" in said
    assert f"a mail about an order: 1 came twice, {ORDERS[0]}" in said
    assert f"a vendor's note about a sale: 1 came twice, {PARTS[1]}" in said


async def test_what_was_never_told_and_what_was_told_of_nothing() -> None:
    market = Market()
    market.mails[0] = stray = uuid4()
    market.given_up = 1
    said = await found(market)
    assert f"1 are missing, {ORDERS[0]}" in said
    assert f"1 are of nothing, {stray}" in said
    assert "1 mails were given up" in said


def told(order: UUID | None = None, **more: Any) -> Ended:
    given: dict[str, Any] = {"status": 409, "code": "out_of_stock", "is_document": True}
    if order is not None:
        given = {"status": 201, "code": "placed"}
    return Ended(**{"step": "place", "ms": 1.0, "order": order, **given, **more})


def test_a_race_that_went_well() -> None:
    assert judged([told(uuid4()), told(uuid4()), told()], units=2) == []


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (told(status=503, code="unavailable"), "1 × 503 unavailable at place"),
        (told(status=0, code="no answer"), "1 × no answer at place"),
        (told(is_document=False), "1 × 409 out_of_stock at place"),
        (told(code="checkout_over"), "1 × 409 checkout_over at place"),
        (told(uuid4()), "3 orders (3 different) for 2 units"),
    ],
)
def test_a_race_in_which_somebody_heard_something_else(other: Ended, said: str) -> None:
    [line] = judged([told(uuid4()), told(uuid4()), other], units=2)
    assert said in line


def test_a_race_in_which_two_were_told_of_the_same_order() -> None:
    order = uuid4()
    assert judged([told(order), told(order)], units=2) == ["2 orders (1 different) for 2 units"]
