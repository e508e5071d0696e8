"""What needs the vendor now, and its newest orders."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from fastapi import APIRouter, Response

from haat.domains.goods.inventory.api import Inventory
from haat.domains.money.payouts.api import Payouts, SalesDay
from haat.domains.people.vendors.api import Vendor, Vendors
from haat.domains.trade.orders.api import FulfilmentState, OrderFilter, Orders
from haat.gateways.web.kit.bars import Bar, bars
from haat.gateways.web.pages import money
from haat.gateways.web.store.shopping import count
from haat.gateways.web.vendor.portal import may, page, stores_of, vendor_of
from haat.gateways.web.visit import PersonVisit, Visit
from haat.kernel.money import Money, total
from haat.kernel.page import Page

router = APIRouter()
COUNTED = 50  # a number beyond says "50+": counting further would cost more than it tells
RECENT = 8
DAYS = 30  # of the revenue chart


@router.get("/vendor")
async def show(visit: PersonVisit) -> Response:
    if visit.vendor_id is None:
        return visit.redirect("/vendor/apply")
    _, visit.stores = await asyncio.gather(count(visit), stores_of(visit))
    vendor, tasks, recent, balance, sales = await asyncio.gather(
        visit.doors[Vendors].find(visit.ctx, slug=str(visit.vendor_id)),
        _tasks(visit),
        _recent(visit),
        _balance(visit),
        _sales(visit),
    )
    owner: Vendor = vendor
    return page(
        visit,
        "overview.html",
        "/vendor",
        vendor=owner,
        tasks=tasks,
        recent=recent,
        balance=balance,
        sales=sales,
    )


TO_DO: dict[FulfilmentState, str] = {
    "pending": "Orders to accept",
    "accepted": "Orders to prepare",
    "ready": "Orders to ship",
}


async def _tasks(visit: Visit) -> list[tuple[str, str, str]]:
    """(label, how many, where) of what waits for the vendor."""
    asked: list[tuple[str, str, Any]] = []
    if may(visit, "vendor:orders"):
        for state, label in TO_DO.items():
            orders = visit.doors[Orders].vendor_orders(
                visit.ctx,
                vendor_id=vendor_of(visit),
                where=OrderFilter(fulfilment=state),
                limit=COUNTED,
            )
            asked.append((label, f"/vendor/orders?fulfilment={state}", orders))
    if may(visit, "vendor:stock"):
        low = visit.doors[Inventory].stock(
            visit.ctx, vendor_id=vendor_of(visit), low_only=True, limit=COUNTED
        )
        asked.append(("Low stock", "/vendor/stock?low=on", low))
    pages: list[Page[Any]] = await asyncio.gather(*(call for _, _, call in asked))
    return [
        (label, counted(found), where)
        for (label, where, _), found in zip(asked, pages, strict=True)
    ]


def counted(found: Page[Any]) -> str:
    """How many there are, as far as they were counted."""
    return f"{len(found.items)}{'+' if found.next else ''}"


async def _recent(visit: Visit) -> Any:
    if not may(visit, "vendor:orders"):
        return []
    found = await visit.doors[Orders].vendor_orders(
        visit.ctx, vendor_id=vendor_of(visit), limit=RECENT
    )
    return found.items


async def _balance(visit: Visit) -> Any:
    if not may(visit, "vendor:money"):
        return None
    return await visit.doors[Payouts].balance(visit.ctx, vendor_id=vendor_of(visit))


@dataclass(frozen=True, slots=True)
class Revenue:
    """Sales of the last days, as a chart and as the days that had any, newest first."""

    first: date
    last: date
    bars: list[Bar]
    days: list[SalesDay]
    gross: Money
    net: Money


async def _sales(visit: Visit) -> Revenue | None:
    """None where the person may not see what was sold, or nothing was sold."""
    if not may(visit, "vendor:analytics"):
        return None
    last = visit.ctx.now().astimezone(UTC).date()
    first = last - timedelta(days=DAYS - 1)
    since = datetime.combine(first, time(), UTC)
    found: list[SalesDay] = await visit.doors[Payouts].sales(
        visit.ctx,
        vendor_id=vendor_of(visit),
        since=since,
        until=since + timedelta(days=DAYS),
    )
    return revenue(found, first, visit.market.currency) if found else None


def revenue(found: list[SalesDay], first: date, currency: str) -> Revenue:
    """`found` is of DAYS days from `first` on; days without sales are left out of it."""
    by_day = {one.day: one for one in found}
    values = []
    for n in range(DAYS):
        day = first + timedelta(days=n)
        one = by_day.get(day)
        told = f"{money(one.gross)}, {_orders(one.vendor_orders)}" if one else "nothing"
        values.append((one.gross.minor if one else 0, f"{day:%-d %B}: {told}"))
    return Revenue(
        first=first,
        last=first + timedelta(days=DAYS - 1),
        bars=bars(values),
        days=found[::-1],
        gross=total((one.gross for one in found), currency),
        net=total((one.net for one in found), currency),
    )


def _orders(count: int) -> str:
    return f"{count} order{'' if count == 1 else 's'}"
