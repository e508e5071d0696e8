"""Vendors that asked to close: closed once nothing of theirs is left to do, and not before."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from haat.domains.money.payouts.api import VendorBalance
from haat.domains.reach.backoffice.closing import AT_ONCE
from haat.domains.reach.backoffice.service import BackofficeService
from haat.domains.trade.orders.api import OrderFilter
from haat.engines.sql import Database
from haat.kernel.context import Context
from haat.kernel.money import Money
from haat.kernel.page import Page
from tests.conftest import DatabaseOf
from tests.domains.people.doubles import clock, system
from tests.domains.reach.doubles import (
    FakeCatalog,
    FakeLedger,
    FakeLetters,
    FakeMarket,
    FakeOrders,
    FakePayouts,
    FakeVendors,
    usd,
)


class Leaving(FakeVendors):
    def __init__(self) -> None:
        self.about: set[UUID] = set()
        self.ended: list[UUID] = []

    async def closing(self, ctx: Context, *, after: UUID | None = None, limit: int) -> list[UUID]:
        return sorted(id for id in self.about if after is None or id > after)[:limit]

    async def end(self, ctx: Context, *, vendor_id: UUID) -> bool:
        self.about.remove(vendor_id)
        self.ended.append(vendor_id)
        return True


class Busy(FakeOrders):
    def __init__(self) -> None:
        super().__init__()
        self.states: dict[UUID, str] = {}

    async def vendor_orders(
        self, ctx: Context, *, vendor_id: UUID, where: OrderFilter | None = None, **more: Any
    ) -> Page[Any]:
        found = where is not None and self.states.get(vendor_id) == where.fulfilment
        return Page.model_construct(items=[None] if found else [], next=None)


class Balances(FakePayouts):
    def __init__(self) -> None:
        super().__init__()
        self.left: dict[UUID, tuple[str, Money]] = {}

    async def balance(self, ctx: Context, *, vendor_id: UUID, **more: Any) -> VendorBalance:
        nothing = dict.fromkeys(("available", "pending", "reserved", "requested", "paid"), usd(0))
        part, amount = self.left.get(vendor_id, ("paid", usd(900)))
        return VendorBalance.model_validate({"vendor_id": vendor_id, **nothing, part: amount})


@pytest.fixture
async def db(database_of: DatabaseOf) -> Database:
    return await database_of("backoffice")


async def test_a_store_closes_when_nothing_is_left_to_do(db: Database) -> None:
    vendors, orders, payouts = Leaving(), Busy(), Balances()
    office = BackofficeService(
        db, FakeLetters(), FakeMarket(), FakeCatalog(), FakeLedger(), payouts, vendors, orders
    )
    ctx = system(clock())
    waits: dict[str, UUID] = {}
    for state in ("pending", "accepted", "ready", "in_transit"):
        orders.states[waits.setdefault(state, uuid4())] = state
    for part, minor in (("available", -5), ("available", 1), ("pending", 1), ("reserved", 1),
                        ("requested", 1)):  # fmt: skip
        payouts.left[waits.setdefault(f"{part} {minor}", uuid4())] = (part, usd(minor))
    done = [uuid4() for _ in range(AT_ONCE + 3)]  # more than one look finds
    orders.states |= dict(zip(done, ("delivered", "rejected", "cancelled"), strict=False))
    vendors.about = {*waits.values(), *done}
    assert await office.close_finished(ctx) == len(done)
    assert sorted(vendors.ended) == sorted(done)
    assert await office.close_finished(ctx) == 0
    for what, id in waits.items():  # each of them in its own time
        assert id in vendors.about, what
        orders.states.pop(id, None)
        payouts.left.pop(id, None)
        assert await office.close_finished(ctx) == 1
        assert vendors.ended[-1] == id
