"""Shipping methods: what sending costs, by weight or not, and where to."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from haat.domains.trade.shipping.api import Band, Shipping, ShippingMethod
from haat.gateways.web.kit.forms import Form, invalid
from haat.gateways.web.kit.places import countries
from haat.gateways.web.kit.reading import Reader
from haat.gateways.web.vendor.portal import Team, page, vendor_of
from haat.gateways.web.visit import Visit, form_of, uuid_in
from haat.kernel.errors import NotFound, Problem

router = APIRouter()
HERE = "/vendor/shipping"
BANDS_MAX = 20
GRAMS_MAX = 10_000_000


@router.get("/vendor/shipping")
async def listed(visit: Team) -> Response:
    methods: list[ShippingMethod] = await visit.doors[Shipping].methods(
        visit.ctx, vendor_id=vendor_of(visit)
    )
    return page(visit, "shipping.html", HERE, methods=methods)


@router.get("/vendor/shipping/{ref}")
async def edit(visit: Team, ref: str) -> Response:
    """The form of a method; "new" is one that is not there yet."""
    method = await _method(visit, ref)
    values = values_of(method) if method else {"id": str(visit.ctx.new_id()), **NEW}
    return _page(visit, ref, method, Form(values))


@router.post("/vendor/shipping/{ref}")
async def save(visit: Team, ref: str, request: Request) -> Response:
    values = await form_of(request)
    method = await _method(visit, ref)
    if "add_band" in values:
        values["bands"] = str(min(_count(values) + 1, BANDS_MAX))
        return _page(visit, ref, method, Form(values))
    try:
        id = method.id if method else uuid_in(values, "id")
        wanted = method_of(values, id, vendor_of(visit), visit.market.currency)
        await visit.doors[Shipping].save_method(visit.ctx, method=wanted)
    except NotFound:
        raise
    except Problem as problem:
        if problem.status >= 500:
            raise
        return _page(visit, ref, method, Form(values, at_fields(problem)), problem.status)
    visit.flash("The shipping method is saved.")
    return visit.redirect(HERE)


NEW = {"bands": "1", "days_min": "2", "days_max": "5", "active": "on"}


def values_of(method: ShippingMethod) -> dict[str, str]:
    """The form of a method as it is."""
    values = {
        "id": str(method.id),
        "name": method.name,
        "bands": str(len(method.bands)),
        "countries": " ".join(method.countries),
        "free_from": method.free_from.decimal() if method.free_from else "",
        "days_min": str(method.days_min),
        "days_max": str(method.days_max),
        "active": "on" if method.active else "",
    }
    for n, band in enumerate(method.bands):
        values[f"b{n}_up_to"] = str(band.weight_g_max or "")
        values[f"b{n}_price"] = band.price.decimal()
    return values


def method_of(
    values: Mapping[str, str], id: UUID, vendor_id: UUID, currency: str
) -> ShippingMethod:
    """The form read; Invalid with every field that is wrong."""
    reader = Reader(values)
    bands = []
    for n in range(_count(values)):
        if n and not (values.get(f"b{n}_up_to") or values.get(f"b{n}_price")):
            continue
        limit = reader.whole(f"b{n}_up_to", least=1, most=GRAMS_MAX, empty=0)
        price = reader.amount(f"b{n}_price", currency)
        bands.append(Band(weight_g_max=limit or None, price=price))
    given: dict[str, Any] = {
        "name": reader.text("name", longest=80),
        "countries": codes_in(reader, values.get("countries", "")),
        "free_from": reader.amount_or_none("free_from", currency),
        "days_min": reader.whole("days_min", most=90),
        "days_max": reader.whole("days_max", most=90),
        "active": values.get("active") == "on",
    }
    reader.done()
    try:
        return ShippingMethod(id=id, vendor_id=vendor_id, bands=bands, **given)
    except ValidationError as error:
        raise invalid(error) from None


def codes_in(reader: Reader, text: str) -> list[str]:
    """'PT, Spain' → ['PT', 'ES']: codes by spaces, names by commas."""
    known = dict(countries())
    by_name = {name.casefold(): code for code, name in known.items()}
    found: list[str] = []
    for part in text.replace(";", ",").split(","):
        name = " ".join(part.split())
        if not name:
            continue
        words = [by_name[name.casefold()]] if name.casefold() in by_name else name.upper().split()
        unknown = [word for word in words if word not in known]
        if unknown:
            reader.refuse("countries", f"There is no country {unknown[0]}.", "country_unknown")
        found += [word for word in words if word in known and word not in found]
    return found


def at_fields(problem: Problem) -> Problem:
    """The same problem with shipping's field paths as the form's names."""
    columns = {"weightGMax": "up_to", "price": "price"}
    fields = []
    for error in problem.fields:
        first, *rest = error.path.split(".")
        path = {"freeFrom": "free_from", "daysMax": "days_max", "daysMin": "days_min"}.get(
            first, first
        )
        if first == "bands" and len(rest) > 1:
            path = f"b{rest[0]}_{columns.get(rest[1], rest[1])}"
        fields.append(error.model_copy(update={"path": path}))
    problem.fields = tuple(fields)
    return problem


async def _method(visit: Visit, ref: str) -> ShippingMethod | None:
    """One of the vendor's; None for "new"."""
    if ref == "new":
        return None
    methods: list[ShippingMethod] = await visit.doors[Shipping].methods(
        visit.ctx, vendor_id=vendor_of(visit)
    )
    for method in methods:
        if str(method.id) == ref:
            return method
    raise NotFound


def _count(values: Mapping[str, str]) -> int:
    text = values.get("bands", "")
    return max(1, min(int(text), BANDS_MAX)) if text.isdecimal() and len(text) < 4 else 1


def _page(
    visit: Visit, ref: str, method: ShippingMethod | None, form: Form, status: int = 200
) -> Response:
    many = _count(form.values)
    return page(
        visit,
        "shipping_method.html",
        HERE,
        status,
        ref=ref,
        method=method,
        form=form,
        many=many,
        may_add=many < BANDS_MAX,
    )
