"""An offer's prices over time: what it cost, and what it will cost from when until when."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.domains.goods.catalog.api import Catalog, OwnOffer, PriceStep, ScheduleDraft
from haat.gateways.web.kit import bars
from haat.gateways.web.kit.bars import Bar
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.kit.reading import Reader
from haat.gateways.web.pages import money
from haat.gateways.web.vendor.portal import Team, page
from haat.gateways.web.visit import Visit, form_of, uuid_in
from haat.kernel.errors import Problem

router = APIRouter()
HERE = "/vendor/products"
SHOWN = 30  # steps in the chart and the table
AT = {
    "schedule_overlaps": "starts_at",
    "span_invalid": "ends_at",
    "span_past": "ends_at",
    "span_too_long": "ends_at",
    "span_too_far": "starts_at",
    "price_invalid": "price",
}


@router.get("/vendor/offers/{offer_id}/prices")
async def show(visit: Team, offer_id: UUID, cursor: str | None = None) -> Response:
    values = {"id": str(visit.ctx.new_id())}
    return await _page(visit, offer_id, Form(values), cursor=cursor)


@router.post("/vendor/offers/{offer_id}/prices")
async def schedule(visit: Team, offer_id: UUID, request: Request) -> Response:
    values = await form_of(request)
    try:
        id = uuid_in(values, "id")
        draft = _draft(values, visit.market.currency)
        await visit.doors[Catalog].schedule(visit.ctx, id=id, offer_id=offer_id, draft=draft)
    except Problem as problem:
        if problem.status >= 500 or problem.status in (403, 404):
            raise
        return await _page(visit, offer_id, Form(values, problem, AT), problem.status)
    visit.flash("The price is planned.")
    return visit.redirect(f"/vendor/offers/{offer_id}/prices")


@router.post("/vendor/offers/{offer_id}/prices/{id}/end")
async def end(visit: Team, offer_id: UUID, id: UUID) -> Response:
    catalog = visit.doors[Catalog]
    await catalog.scheduled(visit.ctx, offer_id=offer_id)  # of one's own, or not found
    await catalog.unschedule(visit.ctx, id=id)
    visit.flash("That price is taken back.")
    return visit.redirect(f"/vendor/offers/{offer_id}/prices")


def _draft(values: Mapping[str, str], currency: str) -> ScheduleDraft:
    reader = Reader(values)
    price = reader.amount("price", currency)
    compare_at = reader.amount_or_none("compare_at", currency)
    starts_at = _moment(reader, values, "starts_at") if values.get("starts_at") else None
    ends_at = _moment(reader, values, "ends_at")
    reader.done()
    return ScheduleDraft(price=price, compare_at=compare_at, starts_at=starts_at, ends_at=ends_at)


def _moment(reader: Reader, values: Mapping[str, str], name: str) -> datetime:
    """What a browser sends of a date and time, taken as UTC."""
    text = values.get(name, "")
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        reader.refuse(name, "Give a date and a time." if text else "Fill this in.", "time_invalid")
        return datetime(1970, 1, 1, tzinfo=UTC)  # never used: the form is refused


async def _page(
    visit: Visit, offer_id: UUID, form: Form, status: int = 200, *, cursor: str | None = None
) -> Response:
    catalog: Catalog = visit.doors[Catalog]
    own: OwnOffer = await catalog.own_offer(visit.ctx, id=offer_id)
    planned = await catalog.scheduled(visit.ctx, offer_id=offer_id)
    steps = await catalog.price_history(
        visit.ctx, offer_id=offer_id, limit=SHOWN, cursor=cursor or None
    )
    return page(
        visit,
        "prices.html",
        HERE,
        status,
        own=own,
        planned=planned,
        steps=steps.items,
        next=steps.next,
        chart=_chart(steps.items),
        form=form,
        now=visit.ctx.now(),
    )


def _chart(steps: Sequence[PriceStep]) -> list[Bar]:
    """One bar a step, the oldest first."""
    told = [(s.price.minor, f"{s.at:%Y-%m-%d %H:%M} UTC: {money(s.price)}") for s in steps]
    return bars.bars(told[::-1])
