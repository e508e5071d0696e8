"""Vendors below the thresholds, each vendor's figures, and the thresholds themselves."""

from collections.abc import Mapping
from datetime import UTC
from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.domains.insight.performance.api import Measure, Performance, Policy, Scorecard, Shortfall
from haat.domains.people.vendors.api import Vendor, Vendors
from haat.gateways.web.admin.office import Staff, page, vendors_by_id
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.kit.performance import MEASURES, Lookback, values_of
from haat.gateways.web.kit.reading import Reader
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import Problem
from haat.kernel.page import Page

router = APIRouter()
SECTION = "/admin/vendors"
HERE = "/admin/vendor-performance"
LABELS: dict[str, str] = {code: name for code, name, _ in MEASURES} | {
    "days": "Look back",
    "orders_min": "Orders at least",
    "cases_min": "That count, at least",
}


@router.get("/admin/vendor-performance")
async def queue(visit: Staff, cursor: str | None = None) -> Response:
    return await _page(visit, Form(), cursor=cursor)


@router.post("/admin/vendor-performance")
async def set_policy(visit: Staff, request: Request) -> Response:
    values = await form_of(request)
    try:
        await visit.doors[Performance].set_policy(visit.ctx, policy=policy_of(values))
    except Problem as problem:
        if problem.status >= 500 or problem.status in (401, 403):
            raise
        return await _page(visit, Form(values, problem), problem.status)
    visit.flash("The thresholds are saved. Every vendor is judged by them within minutes.")
    return visit.redirect(HERE)


def policy_of(values: Mapping[str, str]) -> Policy:
    """The form read; Invalid with every field that is wrong."""
    reader = Reader(values)
    days = values.get("days", "")
    if days not in ("30", "90"):
        reader.refuse("days", "Choose one of the list.", "literal_error")
    given = {f"{measure}_bp": reader.percent(measure) for measure, _, _ in MEASURES}
    for name in ("orders_min", "cases_min"):
        given[name] = reader.whole(name, least=1, most=10_000)
    reader.done()
    return Policy.model_validate({"days": int(days), **given})


@router.get("/admin/vendors/{id}/performance")
async def show(
    visit: Staff,
    id: UUID,
    measure: Measure = "late",
    days: Lookback = "30",
    cursor: str | None = None,
) -> Response:
    performance = visit.doors[Performance]
    card: Scorecard = await performance.of(visit.ctx, vendor_id=id)
    vendor: Vendor = await visit.doors[Vendors].find(visit.ctx, slug=str(id))
    orders = await performance.orders_of(
        visit.ctx, vendor_id=id, measure=measure, days=int(days), cursor=cursor or None
    )
    today = visit.ctx.now().astimezone(UTC).date()
    shown = values_of(card, today, measure, int(days), orders)
    return page(visit, "vendor_performance.html", SECTION, vendor=vendor, **shown)


async def _page(
    visit: Visit, form: Form, status: int = 200, *, cursor: str | None = None
) -> Response:
    performance = visit.doors[Performance]
    found: Page[Shortfall] = await performance.queue(visit.ctx, cursor=cursor or None)
    return page(
        visit,
        "performance.html",
        SECTION,
        status,
        below=found.items,
        next=found.next,
        vendors=await vendors_by_id(visit, [one.vendor_id for one in found.items]),
        policy=await performance.policy(visit.ctx),
        measures=MEASURES,
        labels=LABELS,
        form=form,
    )
