"""Customer groups with their price lists, and the currencies prices are shown in."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.domains.goods.pricing.api import CurrencyRate, CustomerGroup, Pricing
from haat.domains.people.identity.api import Contact, Identity
from haat.gateways.web.admin.office import Staff, page
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.kit.reading import Reader
from haat.gateways.web.visit import Visit, form_of
from haat.kernel.errors import FieldError, Forbidden, Invalid, NotFound, Problem

router = APIRouter()
HERE = "/admin/prices"
EMAILS_MAX = 500  # added at once
DISPLAYS = (("market", "As the market's prices are"), ("excluded", "Without tax, for businesses"))
ROUNDINGS = (
    ("minor", "To the smallest unit"),
    ("five", "To 0.05"),
    ("ninety_nine", "To .99"),
    ("whole", "To whole ones"),
)
AT = {"name_invalid": "name", "currency_own": "code", "currency_unknown": "code"}


@router.get("/admin/prices")
async def show(visit: Staff) -> Response:
    return await _page(visit, Form(), Form())


@router.post("/admin/prices/groups")
async def add_group(visit: Staff, request: Request) -> Response:
    values = await form_of(request)
    try:
        group = _group(visit.ctx.new_id(), values)
        await visit.doors[Pricing].save_group(visit.ctx, group=group)
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        return await _page(visit, Form(values, problem, AT), Form(), problem.status)
    visit.flash(f"The group {group.name} is there.")
    return visit.redirect(f"{HERE}/groups/{group.id}")


@router.post("/admin/prices/currencies")
async def save_currency(visit: Staff, request: Request) -> Response:
    values = await form_of(request)
    try:
        one = _currency(values)
        await visit.doors[Pricing].save_currency(visit.ctx, currency=one)
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        return await _page(visit, Form(), Form(values, problem, AT), problem.status)
    visit.flash(f"One {visit.market.currency} is {one.rate} {one.code} now.")
    return visit.redirect(f"{HERE}#currencies")


@router.get("/admin/prices/groups/{id}")
async def group(visit: Staff, id: UUID, cursor: str | None = None) -> Response:
    return await _group_page(visit, id, Form(), cursor=cursor)


@router.post("/admin/prices/groups/{id}")
async def change_group(visit: Staff, id: UUID, request: Request) -> Response:
    values = await form_of(request)
    try:
        await visit.doors[Pricing].save_group(visit.ctx, group=_group(id, values))
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        return await _group_page(visit, id, Form(values, problem, AT), problem.status)
    visit.flash("The group is saved.")
    return visit.redirect(f"{HERE}/groups/{id}")


@router.post("/admin/prices/groups/{id}/drop")
async def drop_group(visit: Staff, id: UUID) -> Response:
    await visit.doors[Pricing].drop_group(visit.ctx, id=id)
    visit.flash("The group is gone, with its price lists.")
    return visit.redirect(HERE)


@router.post("/admin/prices/groups/{id}/members")
async def add_members(visit: Staff, id: UUID, request: Request) -> Response:
    """People by their e-mail addresses, one a line; none is added where one is unknown."""
    values = await form_of(request)
    emails = [line.strip().lower() for line in values.get("emails", "").split() if line.strip()]
    try:
        found = await _people(visit, emails)
        ids = [one.person_id for one in found]
        await visit.doors[Pricing].add_members(visit.ctx, group_id=id, person_ids=ids)
    except Problem as problem:
        if problem.status >= 500 or problem.status == 403:
            raise
        form = Form(values, problem, {"email_invalid": "emails"})
        return await _group_page(visit, id, Form(), problem.status, people_form=form)
    visit.flash(f"{len(found)} added.")
    return visit.redirect(f"{HERE}/groups/{id}")


@router.post("/admin/prices/groups/{id}/members/{person_id}/drop")
async def drop_member(visit: Staff, id: UUID, person_id: UUID) -> Response:
    await visit.doors[Pricing].drop_member(visit.ctx, group_id=id, person_id=person_id)
    visit.flash("Not in this group any more.")
    return visit.redirect(f"{HERE}/groups/{id}")


async def _people(visit: Visit, emails: list[str]) -> list[Contact]:
    """Who has these addresses; Invalid at "emails" where somebody has none here."""
    if not emails or len(emails) > EMAILS_MAX:
        message = f"Give 1 to {EMAILS_MAX} addresses, one a line."
        raise Invalid.at("emails", message, "emails_missing")
    found: list[Contact] = await visit.doors[Identity].look_up(visit.ctx, emails=emails)
    unknown = sorted(set(emails) - {one.email for one in found})
    if unknown:
        message = f"Nobody here has {', '.join(unknown[:5])}."
        raise Invalid.at("emails", message, "email_unknown")
    return found


def _group(id: UUID, values: dict[str, str]) -> CustomerGroup:
    reader = Reader(values)
    name = reader.text("name", longest=80)
    display = values.get("tax_display", "market")
    if display not in dict(DISPLAYS):
        reader.refuse("tax_display", "Choose one of the list.", "literal_error")
    reader.done()
    return CustomerGroup.model_validate({"id": id, "name": name, "tax_display": display})


def _currency(values: dict[str, str]) -> CurrencyRate:
    reader = Reader(values)
    given: dict[str, Any] = {
        "code": reader.text("code", longest=3).upper(),
        "rate": reader.text("rate", longest=20),
        "source": reader.text("source", longest=120, required=False),
        "rounding": values.get("rounding", "minor"),
        "enabled": values.get("enabled") == "on",
    }
    reader.done()
    wrong = []
    if not (len(given["code"]) == 3 and given["code"].isascii() and given["code"].isalpha()):
        wrong.append(("code", "currency_invalid", "Write three letters, like EUR."))
    if given["rounding"] not in dict(ROUNDINGS):
        wrong.append(("rounding", "literal_error", "Choose one of the list."))
    if not _is_rate(given["rate"]):
        wrong.append(("rate", "rate_invalid", "Write a number like 0.9215."))
    if wrong:
        fields = [FieldError(path=path, code=code, message=text) for path, code, text in wrong]
        raise Invalid("This currency needs another look.", fields=fields)
    return CurrencyRate.model_validate(given)


def _is_rate(text: str) -> bool:
    whole, _, part = text.partition(".")
    digits = (whole + part).isascii() and (whole + part).isdecimal()
    return digits and 1 <= len(whole) <= 9 and len(part) <= 9 and not text.endswith(".")


async def _page(visit: Visit, group_form: Form, form: Form, status: int = 200) -> Response:
    if not visit.ctx.has("staff:settings"):
        raise Forbidden
    pricing: Pricing = visit.doors[Pricing]
    groups = await pricing.groups(visit.ctx)
    steps = await pricing.currency_history(visit.ctx, limit=20)
    return page(
        visit,
        "prices.html",
        HERE,
        status,
        groups=groups,
        names={one.id: one.name for one in groups},
        lists=await pricing.lists(visit.ctx),
        currencies=await pricing.currencies(visit.ctx),
        steps=steps.items,
        group_form=group_form,
        form=form,
        displays=DISPLAYS,
        roundings=ROUNDINGS,
        new_id=visit.ctx.new_id(),
    )


async def _group_page(
    visit: Visit,
    id: UUID,
    form: Form,
    status: int = 200,
    *,
    cursor: str | None = None,
    people_form: Form | None = None,
) -> Response:
    pricing: Pricing = visit.doors[Pricing]
    found = next((one for one in await pricing.groups(visit.ctx) if one.id == id), None)
    if found is None:
        raise NotFound
    members = await pricing.members(visit.ctx, group_id=id, cursor=cursor or None)
    ids = [one.person_id for one in members.items]
    people = await visit.doors[Identity].look_up(visit.ctx, person_ids=ids) if ids else []
    return page(
        visit,
        "price_group.html",
        HERE,
        status,
        group=found,
        members=members.items,
        next=members.next,
        people={one.person_id: one for one in people},
        lists=[one for one in await pricing.lists(visit.ctx) if one.group_id == id],
        form=form,
        people_form=people_form or Form(),
        displays=DISPLAYS,
        new_id=visit.ctx.new_id(),
    )
