"""One price list: what a group pays, as lines of text."""

from datetime import UTC, datetime
from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.domains.goods.catalog.api import Catalog, Category
from haat.domains.goods.pricing.api import PriceEntry, PriceList, Pricing
from haat.domains.people.vendors.api import Vendor, Vendors
from haat.gateways.web.admin.office import Staff, page, vendors_by_id
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.kit.reading import Reader, basis_points, percent
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import Forbidden, Invalid, NotFound, Problem
from haat.kernel.money import parse_decimal

router = APIRouter()
HERE = "/admin/prices"
LINES_MAX = 5_000
SLUGS_MAX = 50  # different vendors named in one list's lines
AT = {"name_invalid": "name", "span_invalid": "ends_at", "group_unknown": "group_id"}


@router.get("/admin/prices/lists/{id}")
async def show(visit: Staff, id: UUID, group: UUID | None = None) -> Response:
    try:
        known = await visit.doors[Pricing].price_list(visit.ctx, id=id)
    except NotFound:
        if group is None:
            raise
        return await _page(visit, id, Form({"group_id": str(group), "active": "on"}), fresh=True)
    return await _page(visit, id, Form(await _values(visit, known)))


@router.post("/admin/prices/lists/{id}")
async def save(visit: Staff, id: UUID, request: Request) -> Response:
    values = await form_of(request)
    try:
        one = await _read(visit, id, values)
        await visit.doors[Pricing].save_list(visit.ctx, price_list=one)
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        form = Form(values, _at_lines(problem), AT)
        return await _page(visit, id, form, problem.status, fresh=values.get("fresh") == "yes")
    visit.flash("The price list is saved.")
    return visit.redirect(f"{HERE}/lists/{id}")


@router.post("/admin/prices/lists/{id}/drop")
async def drop(visit: Staff, id: UUID) -> Response:
    await visit.doors[Pricing].drop_list(visit.ctx, id=id)
    visit.flash("The price list is gone.")
    return visit.redirect(HERE)


def _at_lines(problem: Problem) -> Problem:
    """What is wrong with an entry is wrong with its line."""
    problem.fields = tuple(
        one.model_copy(
            update={
                "path": "lines",
                "message": f"Line {int(one.path.split('.')[1]) + 1}: {one.message}",
            }
        )
        if one.path.startswith("entries.")
        else one
        for one in problem.fields
    )
    return problem


async def _read(visit: Visit, id: UUID, values: dict[str, str]) -> PriceList:
    reader = Reader(values)
    given = {
        "id": id,
        "group_id": reader.id("group_id"),
        "name": reader.text("name", longest=80),
        "starts_at": _moment(reader, values, "starts_at"),
        "ends_at": _moment(reader, values, "ends_at"),
        "active": values.get("active") == "on",
    }
    lines = [one.strip() for one in values.get("lines", "").splitlines() if one.strip()]
    if len(lines) > LINES_MAX:
        reader.refuse("lines", f"At most {LINES_MAX} lines.", "too_many")
    reader.done()
    entries = await _entries(visit, lines)
    return PriceList.model_validate({**given, "entries": entries})


async def _entries(visit: Visit, lines: list[str]) -> list[PriceEntry]:
    """Lines as entries: a price or a percentage first, then what it is for, then from how many."""
    split = [[part.strip() for part in line.split("|")] for line in lines]
    slugs = {
        part[7:] for parts in split for part in parts[1:] if part.lower().startswith("vendor:")
    }
    if len(slugs) > SLUGS_MAX:
        raise Invalid.at("lines", f"At most {SLUGS_MAX} vendors in one list.", "too_many")
    vendors = {slug: await _vendor_id(visit, slug) for slug in sorted(slugs)}
    categories: list[Category] = await visit.doors[Catalog].categories(visit.ctx)
    ids = {one.slug: one.id for one in categories}
    found = []
    for number, parts in enumerate(split, 1):
        try:
            found.append(_entry(parts, visit.market.currency, vendors, ids))
        except (ValueError, Problem):
            message = f"Line {number} is not understood: {' | '.join(parts)[:80]}"
            raise Invalid.at("lines", message, "line_invalid") from None
    return found


async def _vendor_id(visit: Visit, slug: str) -> UUID | None:
    try:
        found: Vendor = await visit.doors[Vendors].find(visit.ctx, slug=slug)
    except NotFound:
        return None
    return found.id


def _entry(
    parts: list[str], currency: str, vendors: dict[str, UUID | None], categories: dict[str, UUID]
) -> PriceEntry:
    """ValueError or Invalid for what is not understood."""
    given: dict[str, object] = {}
    if parts[0].endswith("%"):
        number = parts[0][:-1].strip().lstrip("-−").strip()
        if not all(one.isascii() and one.isdecimal() for one in number.split(".", 1)):
            raise ValueError(number)
        given["off_bp"] = basis_points(number)
    else:
        given["price"] = parse_decimal(parts[0], currency)
    for part in parts[1:]:
        kind, _, what = part.partition(":" if ":" in part else " ")
        kind, what = kind.strip().lower(), what.strip()
        if kind == "offer":
            given["offer_id"] = UUID(what)
        elif kind == "vendor" and vendors.get(what) is not None:
            given["vendor_id"] = vendors[what]
        elif kind == "category" and what in categories:
            given["category_id"] = categories[what]
        elif kind == "from":
            given["min_quantity"] = int(what)
        else:
            raise ValueError(part)
    return PriceEntry.model_validate(given)


def _moment(reader: Reader, values: dict[str, str], name: str) -> datetime | None:
    text = values.get(name, "")
    if not text:
        return None
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        reader.refuse(name, "Give a date and a time.", "time_invalid")
        return None


async def _values(visit: Visit, one: PriceList) -> dict[str, str]:
    """The form's fields as the list is."""
    vendors = await vendors_by_id(visit, (e.vendor_id for e in one.entries if e.vendor_id))
    categories = await visit.doors[Catalog].categories(visit.ctx)
    slugs = {category.id: category.slug for category in categories}
    lines = []
    for entry in one.entries:
        parts = [f"{percent(entry.off_bp)} %" if entry.off_bp else ""]
        if entry.price is not None:
            parts = [entry.price.decimal()]
        if entry.offer_id is not None:
            parts.append(f"offer:{entry.offer_id}")
        if entry.vendor_id is not None and entry.vendor_id in vendors:
            parts.append(f"vendor:{vendors[entry.vendor_id].slug}")
        if entry.category_id is not None:
            parts.append(f"category:{slugs.get(entry.category_id, '?')}")
        if entry.min_quantity > 1:
            parts.append(f"from {entry.min_quantity}")
        lines.append(" | ".join(parts))
    return {
        "name": one.name,
        "group_id": str(one.group_id),
        "starts_at": f"{one.starts_at:%Y-%m-%dT%H:%M}" if one.starts_at else "",
        "ends_at": f"{one.ends_at:%Y-%m-%dT%H:%M}" if one.ends_at else "",
        "active": "on" if one.active else "",
        "lines": "\n".join(lines),
    }


async def _page(
    visit: Visit, id: UUID, form: Form, status: int = 200, *, fresh: bool = False
) -> Response:
    if not visit.ctx.has("staff:settings"):
        raise Forbidden
    groups = await visit.doors[Pricing].groups(visit.ctx)
    return page(
        visit,
        "price_list.html",
        HERE,
        status,
        id=id,
        form=form,
        fresh=fresh,
        groups=[(str(one.id), one.name) for one in groups],
    )
