"""What a person prefers, wherever they sign in: currency, country, mails, categories they like; and
what they agreed to."""

import asyncio
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request, Response

from haat.domains.goods.catalog.api import Catalog, Category
from haat.domains.goods.pricing.api import Pricing, Viewing
from haat.domains.people.profiles.api import INTERESTS_MAX, Preferences, Profiles
from haat.domains.trade.cart.api import Cart
from haat.gateways.web.kit.forms import Form
from haat.gateways.web.kit.places import countries
from haat.gateways.web.store.shopping import PersonShopping
from haat.gateways.web.store.tree import Tree
from haat.gateways.web.visit import COUNTRY, CURRENCY, Visit, form_of
from haat.kernel.errors import FieldError, Invalid, Problem

router = APIRouter()
SHOWN_MAX = 200  # categories to choose from


@router.get("/account/preferences")
async def show(visit: PersonShopping) -> Response:
    return await _page(visit, Form())


@router.post("/account/preferences")
async def change(visit: PersonShopping, request: Request) -> Response:
    values = await form_of(request)
    form = await request.form()
    try:
        wanted = await _read(visit, values, [str(one) for one in form.getlist("interest")])
        kept: Preferences = await visit.doors[Profiles].set_preferences(
            visit.ctx, preferences=wanted
        )
        await visit.doors[Cart].want_reminders(visit.ctx, wanted="reminders" in values)
    except Problem as problem:
        if problem.status >= 500:
            raise
        return await _page(visit, Form(values, problem), problem.status)
    keep(visit, kept, all_of_them=True)
    visit.flash("Your preferences are saved.")
    return visit.redirect("/account/preferences")


@router.get("/account/consents")
async def consents(visit: PersonShopping, cursor: str | None = None) -> Response:
    profiles: Profiles = visit.doors[Profiles]
    page, profile = await asyncio.gather(
        profiles.consents(visit.ctx, cursor=cursor or None), profiles.profile(visit.ctx)
    )
    return visit.page(
        "store/consents.html", consents=page.items, next=page.next, marketing=profile.marketing
    )


@router.post("/account/consents/withdraw")
async def withdraw(visit: PersonShopping) -> Response:
    await visit.doors[Profiles].change_profile(visit.ctx, marketing=False)
    visit.flash("You get no more news and offers.")
    return visit.redirect("/account/consents")


def keep(visit: Visit, preferences: Preferences, *, all_of_them: bool = False) -> None:
    """Pages show prices by these from here on, in this browser too. What is not said leaves this
    browser's choice alone, unless they are `all_of_them`."""
    market = visit.market
    for name, wanted, usual in (
        (CURRENCY, preferences.currency, market.currency),
        (COUNTRY, preferences.country, market.country),
    ):
        if wanted or all_of_them:
            visit.keep_choice(name, "" if wanted == usual else wanted)


async def _read(visit: Visit, values: dict[str, str], interests: list[str]) -> Preferences:
    """What was chosen; Invalid at what is not among the choices."""
    viewing: Viewing = await visit.doors[Pricing].viewing(visit.ctx)
    categories: list[Category] = await visit.doors[Catalog].categories(visit.ctx)
    known = {str(one.id) for one in categories}
    currency, country = values.get("currency", ""), values.get("country", "")
    wrong = []
    if currency not in ("", viewing.market_currency, *viewing.currencies):
        wrong.append(FieldError(path="currency", code="currency_unknown", message="Not here."))
    if country and country not in dict(countries()):
        wrong.append(FieldError(path="country", code="country_unknown", message="Choose one."))
    if len(set(interests)) > INTERESTS_MAX or not known.issuperset(interests):
        text = f"Choose at most {INTERESTS_MAX} of the list."
        wrong.append(FieldError(path="interest", code="interests_unknown", message=text))
    if wrong:
        raise Invalid("Some choices need another look.", fields=wrong)
    return Preferences(
        currency=currency,
        country=country,
        order_mail="order_mail" in values,
        interests=[UUID(one) for one in interests],
    )


async def _page(visit: Visit, form: Form, status: int = 200) -> Response:
    viewing: Viewing
    kept: Preferences
    reminded: bool
    categories: list[Category]
    kept, reminded, categories, viewing = await asyncio.gather(
        visit.doors[Profiles].preferences(visit.ctx),
        visit.doors[Cart].wants_reminders(visit.ctx),
        visit.doors[Catalog].categories(visit.ctx),
        visit.doors[Pricing].viewing(visit.ctx),
    )
    return visit.page(
        "store/account_preferences.html",
        status,
        form=form,
        kept=kept,
        reminded=reminded,
        currencies=[(one, one) for one in (viewing.market_currency, *viewing.currencies)],
        countries=countries(),
        categories=_offered(categories, kept),
    )


def _offered(categories: list[Category], kept: Preferences) -> list[dict[str, Any]]:
    """The categories to choose from: the topmost ones, and those that were chosen."""
    roots = {one.id for one in Tree(categories).roots}
    chosen = set(kept.interests)
    shown = [one for one in categories if one.id in roots or one.id in chosen]
    return [
        {"id": one.id, "name": one.name, "chosen": one.id in chosen} for one in shown[:SHOWN_MAX]
    ]
