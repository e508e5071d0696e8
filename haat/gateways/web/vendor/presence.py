"""When a vendor is open, where it is, what its policies say; its absence and its closure."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import available_timezones

from fastapi import APIRouter, Request, Response

from haat.domains.people.vendors.api import (
    Absence,
    Hours,
    Place,
    Policies,
    Preferences,
    Presence,
    Vendor,
    Vendors,
)
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.kit.places import countries
from haat.gateways.web.vendor.portal import Team, page, vendor_of
from haat.gateways.web.visit import Visit, form_of, uuid_in
from haat.kernel.errors import Invalid, NotFound, Problem

router = APIRouter()
HERE = "/vendor/presence"
SECTION = "/vendor/profile"
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
SPANS = 2  # a day: before and after a break
KINDS = (
    ("shop", "Shop"),
    ("pickup", "Where goods are fetched"),
    ("returns", "Where returns go"),
    ("office", "Office"),
)


@router.get("/vendor/presence")
async def show(visit: Team) -> Response:
    return await _page(visit, {})


@router.post("/vendor/presence/hours")
async def hours(visit: Team, request: Request) -> Response:
    values = await form_of(request)

    async def save() -> None:
        wanted = _hours(values)
        await visit.doors[Vendors].set_hours(visit.ctx, vendor_id=vendor_of(visit), hours=wanted)

    return await _saved(visit, "hours", values, save, "Your hours are saved.")


@router.post("/vendor/presence/policies")
async def policies(visit: Team, request: Request) -> Response:
    values = await form_of(request)

    async def save() -> None:
        wanted = read(Policies, values)
        await visit.doors[Vendors].set_policies(
            visit.ctx, vendor_id=vendor_of(visit), policies=wanted
        )

    return await _saved(visit, "policies", values, save, "Your policies are saved.")


@router.post("/vendor/presence/places")
async def add_place(visit: Team, request: Request) -> Response:
    values = await form_of(request)

    async def save() -> None:
        given = dict(values)
        for name in ("latitude", "longitude"):
            given[name] = values.get(name, "").replace(",", ".")
        await visit.doors[Vendors].save_place(
            visit.ctx,
            id=uuid_in(values, "id"),
            vendor_id=vendor_of(visit),
            place=read(Place, given),
        )

    return await _saved(visit, "place", values, save, "The place is saved.")


@router.post("/vendor/presence/places/{id}/remove")
async def remove_place(visit: Team, id: UUID) -> Response:
    vendor_id, vendors = vendor_of(visit), visit.doors[Vendors]
    present: Presence = await vendors.presence(visit.ctx, vendor_id=vendor_id)
    if id not in {one.id for one in present.places}:
        raise NotFound
    await vendors.remove_place(visit.ctx, id=id, vendor_id=vendor_id)
    visit.flash("The place is removed.")
    return visit.redirect(HERE)


@router.post("/vendor/presence/absence")
async def plan(visit: Team, request: Request) -> Response:
    values = await form_of(request)

    async def save() -> None:
        await visit.doors[Vendors].plan_absence(
            visit.ctx, vendor_id=vendor_of(visit), absence=_absence(visit, values)
        )

    return await _saved(visit, "absence", values, save, "Your absence is planned.")


@router.post("/vendor/presence/absence/end")
async def end(visit: Team) -> Response:
    await visit.doors[Vendors].end_absence(visit.ctx, vendor_id=vendor_of(visit))
    visit.flash("You are back.")
    return visit.redirect(HERE)


@router.post("/vendor/presence/preferences")
async def preferences(visit: Team, request: Request) -> Response:
    values = await form_of(request)

    async def save() -> None:
        await visit.doors[Vendors].set_preferences(
            visit.ctx, vendor_id=vendor_of(visit), preferences=read(Preferences, values)
        )

    return await _saved(visit, "preferences", values, save, "Saved.")


@router.post("/vendor/presence/close")
async def close(visit: Team, request: Request) -> Response:
    values = await form_of(request)

    async def save() -> None:
        if values.get("sure") != "on":
            raise Invalid.at("sure", "Tick the box if you mean it.", "missing")
        await visit.doors[Vendors].close(visit.ctx, vendor_id=vendor_of(visit))

    told = "Your store sells nothing any more. It closes when its orders and its balance are done."
    return await _saved(visit, "close", values, save, told)


@router.post("/vendor/presence/stay-open")
async def stay_open(visit: Team) -> Response:
    async def save() -> None:
        await visit.doors[Vendors].stay_open(visit.ctx, vendor_id=vendor_of(visit))

    return await _saved(visit, "close", {}, save, "Your store is open again.")


async def _saved(
    visit: Visit, which: str, values: Mapping[str, str], save: Any, told: str
) -> Response:
    """What was saved is told; what was not is shown in its form, with what is wrong."""
    try:
        await save()
    except Problem as problem:
        if problem.status >= 500 or problem.status in (401, 403, 404):
            raise
        return await _page(visit, {which: Form(values, problem)}, problem.status)
    visit.flash(told)
    return visit.redirect(HERE)


def _hours(values: Mapping[str, str]) -> Hours | None:
    """None where no day has any. Invalid at a day with half a span."""
    week: list[Any] = []
    for day in range(len(DAYS)):
        spans = []
        for number in range(SPANS):
            opens, closes = (values.get(f"d{day}_{end}{number}", "") for end in ("o", "c"))
            if bool(opens) != bool(closes):
                raise Invalid.at(f"d{day}_o{number}", "Give both times.", "missing")
            if opens:
                spans.append({"opens": opens[:5], "closes": "24:00" if closes == "00:00"
                              else closes[:5]})  # fmt: skip
        week.append(spans)
    if not any(week):
        return None
    given: Any = {"timezone": values.get("timezone", ""), "week": week}
    return read(Hours, given)


def _absence(visit: Visit, values: Mapping[str, str]) -> Absence:
    """Whole days: from the beginning of one to the end of another, in UTC."""
    now = visit.ctx.now()
    since = _day(values, "since") or now.astimezone(UTC).date()
    until = _day(values, "until")
    begins = datetime.combine(since, time(), UTC)
    return Absence(
        since=max(begins, now),
        until=datetime.combine(until + timedelta(days=1), time(), UTC) if until else None,
        message=values.get("message", "")[:300],
        hidden=values.get("hidden") == "on",
    )


def _day(values: Mapping[str, str], name: str) -> date | None:
    text = values.get(name, "")
    if not text:
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = date.min
    if not 2000 <= found.year <= 9000:
        raise Invalid.at(name, "Give a day like 2026-12-24.", "date_invalid")
    return found


def _zones() -> list[tuple[str, str]]:
    """The places of the IANA database, as people know them."""
    found = sorted(one for one in available_timezones() if "/" in one and "Etc" not in one)
    return [("UTC", "UTC"), *((one, one.replace("_", " ")) for one in found)]


def _hour_values(presence: Presence) -> dict[str, str]:
    """The week as the form's fields."""
    values: dict[str, str] = {}
    for day, spans in enumerate(presence.hours.week if presence.hours else ()):
        for number, one in enumerate(spans[:SPANS]):
            values[f"d{day}_o{number}"] = one.opens
            values[f"d{day}_c{number}"] = "00:00" if one.closes == "24:00" else one.closes
    return values


async def _page(visit: Visit, forms: Mapping[str, Form], status: int = 200) -> Response:
    vendor_id, vendors = vendor_of(visit), visit.doors[Vendors]
    vendor: Vendor = await vendors.find(visit.ctx, slug=str(vendor_id))
    presence: Presence = await vendors.presence(visit.ctx, vendor_id=vendor_id)
    names = ("hours", "policies", "place", "absence", "preferences", "close")
    return page(
        visit,
        "presence.html",
        SECTION,
        status,
        vendor=vendor,
        presence=presence,
        week=_hour_values(presence),
        days=DAYS,
        spans=range(SPANS),
        zones=_zones(),
        kinds=KINDS,
        countries=countries(),
        absence=await vendors.absence(visit.ctx, vendor_id=vendor_id),
        preferences=await vendors.preferences(visit.ctx, vendor_id=vendor_id),
        forms={name: forms.get(name, Form()) for name in names},
        new_id=visit.ctx.new_id(),
    )
