"""How the store does against the market's thresholds."""

from datetime import UTC

from fastapi import APIRouter, Response

from haat.domains.insight.performance.api import Measure, Performance, Scorecard
from haat.gateways.web.kit.performance import Lookback, values_of
from haat.gateways.web.vendor.portal import Team, page, vendor_of

router = APIRouter()
HERE = "/vendor/performance"


@router.get("/vendor/performance")
async def show(
    visit: Team, measure: Measure = "late", days: Lookback = "30", cursor: str | None = None
) -> Response:
    performance, vendor_id = visit.doors[Performance], vendor_of(visit)
    card: Scorecard = await performance.own(visit.ctx, vendor_id=vendor_id)
    orders = await performance.own_orders(
        visit.ctx,
        vendor_id=vendor_id,
        measure=measure,
        days=int(days),
        cursor=cursor or None,
    )
    today = visit.ctx.now().astimezone(UTC).date()
    shown = values_of(card, today, measure, int(days), orders)
    return page(visit, "performance.html", HERE, **shown)
