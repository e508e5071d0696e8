"""Earnings: the list by status and period, and one earning line by line with its forecasts."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.domains.money.payouts.api import Earning, EarningLine, Forecast, Payouts
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.pages import query
from haat.gateways.web.vendor.money_words import WAITS, Step, Taken, steps, taken
from haat.gateways.web.vendor.portal import Team, page, vendor_of
from haat.gateways.web.visit import Visit
from haat.kernel.errors import FieldError, Invalid
from haat.kernel.money import Money, total

router = APIRouter()
HERE = "/vendor/money"
LIST = f"{HERE}/earnings"
STORIES = 20  # lines whose forecasts are read at once
Shown = Literal["", "pending", "eligible", "paid", "reversed"]
STATUSES: tuple[tuple[str, str], ...] = (
    ("", "All"),
    ("pending", "Not due yet"),
    ("eligible", "On your balance"),
    ("paid", "Paid"),
    ("reversed", "Refunded"),
)


@dataclass(frozen=True, slots=True)
class Period:
    """From the beginning of one day to the end of another, in UTC; None: open."""

    since: datetime | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Told:
    """One line of an earning as the page shows it: gross − what is taken = net."""

    line: EarningLine
    forecast: Forecast | None
    taken: list[Taken]
    net: Money
    steps: list[Step]


def period_of(values: Mapping[str, str]) -> Period:
    """Days from the fields `since` and `until`, the last one included. Invalid at the field."""
    found: dict[str, datetime | None] = {}
    errors = []
    for name in ("since", "until"):
        text = values.get(name, "")
        try:
            day = date.fromisoformat(text) if text else None
            after = timedelta(days=1 if name == "until" else 0)
            found[name] = (
                datetime(day.year, day.month, day.day, tzinfo=UTC) + after if day else None
            )
        except (ValueError, OverflowError):
            found[name] = None
            errors.append(FieldError(path=name, code="date_invalid", message="This is not a day."))
    since, until = found["since"], found["until"]
    if since and until and since >= until:
        message = "The end comes after the beginning."
        errors.append(FieldError(path="until", code="period_invalid", message=message))
    if errors:
        raise Invalid("This period needs another look.", fields=errors)
    return Period(since, until)


def _midnight(text: str, days: int) -> datetime:
    """So many days after the beginning of the day written like 2026-11-21. ValueError."""
    return datetime.combine(date.fromisoformat(text), time(), UTC) + timedelta(days=days)


@router.get("/vendor/money/earnings")
async def listed(
    visit: Team, request: Request, status: Shown = "", cursor: str | None = None
) -> Response:
    values = {name: request.query_params.get(name, "").strip() for name in ("since", "until")}
    problem, period = None, Period(None, None)
    try:
        period = period_of(values)
    except Invalid as invalid:
        problem = invalid
    found = await visit.doors[Payouts].earnings(
        visit.ctx,
        vendor_id=vendor_of(visit),
        status=status or None,
        since=period.since,
        until=period.until,
        cursor=cursor or None,
    )
    return page(
        visit,
        "earnings.html",
        HERE,
        problem.status if problem else 200,
        earnings=found.items,
        next=found.next,
        form=Form(values, problem),
        statuses=[(value, text, LIST + query(status=value, **values)) for value, text in STATUSES],
        chosen=status,
        asked=values,
    )


@router.get("/vendor/money/earnings/{id}")
async def show(visit: Team, id: UUID, line: UUID | None = None) -> Response:
    """Of an earning with many lines only the story of `line` is told."""
    payouts = visit.doors[Payouts]
    earning: Earning
    newest: list[Forecast]
    earning, newest = await asyncio.gather(
        payouts.earning(visit.ctx, vendor_order_id=id),
        payouts.forecast(visit.ctx, vendor_order_id=id),
    )
    lines = await _lines(visit, earning, {one.line_id: one for one in newest}, line)
    paid = total((one.paid for one in newest), earning.currency)
    dates = [one.expected_at for one in newest if one.expected_at]
    blockers = list(dict.fromkeys(b for one in newest for b in one.blockers))
    return page(
        visit,
        "earning.html",
        HERE,
        earning=earning,
        lines=lines,
        paid=paid,
        net=total((one.net for one in lines), earning.currency),
        expected=max(dates, default=None),
        blockers=[WAITS[one] for one in blockers],
        waits=WAITS,
    )


async def _lines(
    visit: Visit, earning: Earning, newest: Mapping[UUID, Forecast], only: UUID | None
) -> list[Told]:
    """Every line with the story of its forecasts; a line that has none has no story."""
    told = [one for one in earning.lines if one.id in newest]
    if len(told) > STORIES:
        told = [one for one in told if one.id == only]
    histories: list[list[Forecast]] = await asyncio.gather(
        *(visit.doors[Payouts].forecast_history(visit.ctx, line_id=one.id) for one in told)
    )
    stories = {one.id: steps(history) for one, history in zip(told, histories, strict=True)}
    return [_told(one, newest.get(one.id), stories.get(one.id, [])) for one in earning.lines]


def _told(line: EarningLine, forecast: Forecast | None, story: list[Step]) -> Told:
    net = forecast.net if forecast else line.net
    return Told(line, forecast, taken(line, forecast), net, story)
