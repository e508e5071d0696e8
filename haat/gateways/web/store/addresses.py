"""A person's addresses: each country's with the fields it needs, by the names it has for them."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.domains.people.profiles.api import Address, AddressRules, Profiles, SavedAddress
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.kit.places import countries
from haat.gateways.web.pages import country_name
from haat.gateways.web.store.shopping import PersonShopping
from haat.gateways.web.visit import Visit, form_of, uuid_in
from haat.kernel.errors import Invalid, NotFound, Problem
from haat.kernel.model import Body

router = APIRouter()
NEW = "new"
# Other names of our fields in browsers' own address books.
AUTOCOMPLETE = {
    "name": "name",
    "line1": "address-line1",
    "line2": "address-line2",
    "city": "address-level2",
    "region": "address-level1",
    "postal_code": "postal-code",
}
_LONGEST = {"region": 80, "postal_code": 20}
_WORDS = {"name": "Full name", "line1": "Street and number", "line2": "Flat, floor, company"}


class LabelForm(Body):
    label: str = ""


@router.get("/account/addresses/{ref}")
async def show(visit: PersonShopping, ref: str, country: str = "") -> Response:
    """`ref` "new", or an address's id; `country` shows the fields of another country."""
    saved = None if ref == NEW else await _mine(visit, ref)
    values = {} if saved is None else _values(saved)
    chosen = country if country in dict(countries()) else ""
    if chosen:
        values["country"] = chosen
    if saved is None and not chosen:
        values["country"] = visit.viewing.country if visit.viewing else visit.market.country
    return await _page(visit, ref, Form(values))


@router.post("/account/addresses")
async def add(visit: PersonShopping, request: Request) -> Response:
    return await _save(visit, NEW, visit.ctx.new_id(), await form_of(request))


# Before the one that takes any last segment.
@router.post("/account/addresses/remove")
async def remove(visit: PersonShopping, request: Request) -> Response:
    id = uuid_in(await form_of(request), "id")
    await visit.doors[Profiles].remove_address(visit.ctx, id=id)
    visit.flash("The address is removed.")
    return visit.redirect("/account#addresses")


@router.post("/account/addresses/default")
async def prefer(visit: PersonShopping, request: Request) -> Response:
    saved = await _mine(visit, (await form_of(request)).get("id", ""))
    await visit.doors[Profiles].save_address(
        visit.ctx, id=saved.id, address=saved.address, is_default=True
    )
    return visit.redirect("/account#addresses")


@router.post("/account/addresses/{ref}")
async def change(visit: PersonShopping, ref: str, request: Request) -> Response:
    saved = await _mine(visit, ref)
    return await _save(visit, ref, saved.id, await form_of(request))


async def _save(visit: Visit, ref: str, id: UUID, values: dict[str, str]) -> Response:
    try:
        rules = await _rules(visit, values.get("country", ""))
        if not any(field.name == "city" for field in rules.fields) and not values.get("city"):
            values["city"] = country_name(rules.country)
        address = read(Address, {name: values.get(name, "") for name in Address.model_fields})
        await visit.doors[Profiles].save_address(
            visit.ctx,
            id=id,
            address=address,
            is_default=bool(values.get("is_default")),
            label=values.get("label", "")[:40],
        )
    except NotFound:
        raise
    except Problem as problem:
        if problem.status >= 500:
            raise
        return await _page(visit, ref, Form(values, problem), problem.status)
    visit.flash("The address is saved.")
    return visit.redirect("/account#addresses")


async def _page(visit: Visit, ref: str, form: Form, status: int = 200) -> Response:
    country = form.value("country")
    if country not in dict(countries()):
        country = visit.market.country
    rules = await _rules(visit, country)
    return visit.page(
        "store/address_form.html",
        status,
        ref=ref,
        form=form,
        fields=[_field(field.name, field, rules) for field in rules.fields],
        country=country,
        countries=countries(),
        is_default=form.checked("is_default"),
    )


def _field(name: str, field: Any, rules: AddressRules) -> dict[str, Any]:
    snake = "postal_code" if name == "postalCode" else name
    example = ", ".join(rules.postal_examples) if snake == "postal_code" else ""
    return {
        "name": snake,
        "label": _WORDS.get(snake, field.label),
        "required": field.required,
        "choices": [(code, text) for code, text in field.choices],
        "hint": f"As in {example}" if example else "",
        "autocomplete": AUTOCOMPLETE[snake],
        "maxlength": _LONGEST.get(snake, 120),
    }


async def _rules(visit: Visit, country: str) -> AddressRules:
    """The country's rules; Invalid at `country` for what is none."""
    try:
        rules: AddressRules = await visit.doors[Profiles].address_rules(visit.ctx, country=country)
    except NotFound:
        raise Invalid.at("country", "Choose a country.", "country_unknown") from None
    return rules


async def _mine(visit: Visit, ref: str) -> SavedAddress:
    """The address with this id; Invalid for what is no id, NotFound for one that is not theirs."""
    id = uuid_in({"id": ref}, "id")
    saved: list[SavedAddress] = await visit.doors[Profiles].addresses(visit.ctx)
    found = next((one for one in saved if one.id == id), None)
    if found is None:
        raise NotFound
    return found


def _values(saved: SavedAddress) -> dict[str, str]:
    values = {name: str(value) for name, value in dict(saved.address).items()}
    values["label"] = saved.label
    return {**values, "is_default": "on"} if saved.is_default else values
