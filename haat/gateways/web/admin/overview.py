"""The first page: the work that waits, then the market's numbers."""

from datetime import timedelta

from fastapi import APIRouter, Response

from haat.domains.insight.performance.api import Performance
from haat.domains.reach.backoffice.api import Backoffice, Overview
from haat.domains.trade.cart.api import Cart, Recoveries
from haat.gateways.web.admin import chart
from haat.gateways.web.admin.income import months_of
from haat.gateways.web.admin.office import Staff, page
from haat.gateways.web.visit import Visit
from haat.kernel.money import total

router = APIRouter()


@router.get("/admin")
async def show(visit: Staff) -> Response:
    found: Overview = await visit.doors[Backoffice].overview(visit.ctx)
    carts = await _recoveries(visit)
    # This month and the one before, for those who keep the money.
    income = await months_of(visit, 2) if visit.ctx.has("staff:money") else []
    below = await _below(visit)
    queues = (
        ("Vendors to review", found.vendors_pending, "/admin/vendors?status=pending", "vendors"),
        ("Vendors below the thresholds", below, "/admin/vendor-performance", "vendors"),
        ("Products to review", found.products_pending, "/admin/products", "products"),
        ("Payouts to decide", found.payouts_requested, "/admin/payouts", "payouts"),
        ("Dead letters", found.dead_letters, "/admin/dead-letters", "settings"),
    )
    return page(
        visit,
        "overview.html",
        "/admin",
        overview=found,
        queues=[
            (label, count, href)
            for label, count, href, scope in queues
            if visit.ctx.has(f"staff:{scope}")
        ],
        income=income,
        carts=carts,
        bars=chart.bars(found.days),
        sold=total((day.total for day in found.days), visit.market.currency),
        orders=sum(day.orders for day in found.days),
    )


async def _below(visit: Visit) -> str:
    """How many vendors are below the thresholds, as far as one page of them tells."""
    if not visit.ctx.has("staff:vendors"):
        return ""
    found = await visit.doors[Performance].queue(visit.ctx)
    return f"{len(found.items)}{'+' if found.next else ''}"


async def _recoveries(visit: Visit) -> Recoveries | None:
    """Of the last 30 days, for those who look after orders."""
    if not visit.ctx.has("staff:orders"):
        return None
    now = visit.ctx.now()
    found: Recoveries = await visit.doors[Cart].recoveries(
        visit.ctx, since=now - timedelta(days=30), until=now
    )
    return found
