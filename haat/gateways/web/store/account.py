"""A person's own page: name, phone, addresses, and the vendor they act for."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field

from haat.domains.people.identity.api import Identity, Person
from haat.domains.people.profiles.api import Address, Profile, Profiles, SavedAddress
from haat.domains.people.vendors.api import Vendors
from haat.domains.trade.checkout.api import Checkout, OneClick
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.kit.places import countries
from haat.gateways.web.store.shopping import PersonShopping
from haat.gateways.web.visit import REFRESH, Visit, form_of, uuid_in
from haat.kernel.errors import NotFound, Problem
from haat.kernel.model import Body

router = APIRouter()


NEEDS = {
    ("address",): "To use it, add an address.",
    ("method",): "To use it, keep a way to pay: tick it when you pay for an order.",
    ("address", "method"): "To use it, add an address, and keep a way to pay with your next order.",
}


class ProfileForm(Body):
    """An empty phone removes the one that is there."""

    full_name: Annotated[str, Field(min_length=1, max_length=120)]
    own_phone: Annotated[str, Field(max_length=40)] = ""
    one_click: bool = False


@router.get("/account")
async def show(visit: PersonShopping) -> Response:
    return await _page(visit, Form(), Form())


@router.post("/account")
async def change(visit: PersonShopping, request: Request) -> Response:
    values = await form_of(request)
    try:
        wanted = read(ProfileForm, values)
        await visit.doors[Profiles].change_profile(
            visit.ctx,
            name=wanted.full_name,
            phone=wanted.own_phone,
            one_click=wanted.one_click,
        )
    except Problem as problem:
        if problem.status >= 500:
            raise
        form = Form(values, problem, {"name_invalid": "full_name"})
        return await _page(visit, form, Form(), problem.status)
    visit.flash("Your profile is saved.")
    return visit.redirect("/account")


@router.post("/account/addresses")
async def add_address(visit: PersonShopping, request: Request) -> Response:
    values = await form_of(request)
    try:
        address = read(Address, {name: values.get(name, "") for name in Address.model_fields})
        await visit.doors[Profiles].save_address(
            visit.ctx,
            id=visit.ctx.new_id(),
            address=address,
            is_default=bool(values.get("is_default")),
        )
    except Problem as problem:
        if problem.status >= 500:
            raise
        return await _page(visit, Form(), Form(values, problem), problem.status)
    visit.flash("The address is saved.")
    return visit.redirect("/account#addresses")


@router.post("/account/addresses/remove")
async def remove_address(visit: PersonShopping, request: Request) -> Response:
    id = uuid_in(await form_of(request), "id")
    await visit.doors[Profiles].remove_address(visit.ctx, id=id)
    visit.flash("The address is removed.")
    return visit.redirect("/account#addresses")


@router.post("/account/addresses/default")
async def prefer_address(visit: PersonShopping, request: Request) -> Response:
    id = uuid_in(await form_of(request), "id")
    saved: list[SavedAddress] = await visit.doors[Profiles].addresses(visit.ctx)
    address = next((one.address for one in saved if one.id == id), None)
    if address is None:
        raise NotFound
    await visit.doors[Profiles].save_address(visit.ctx, id=id, address=address, is_default=True)
    return visit.redirect("/account#addresses")


@router.post("/account/vendor")
async def act_for(visit: PersonShopping, request: Request) -> Response:
    """Acts for another of the vendors whose team the person is in."""
    vendor_id = uuid_in(await form_of(request), "vendor_id")
    signed_in = await visit.doors[Identity].refresh(
        visit.ctx, refresh_token=request.cookies.get(REFRESH, ""), vendor_id=vendor_id
    )
    visit.enter(signed_in)
    return visit.redirect("/vendor")


async def _page(
    visit: Visit, profile_form: Form, address_form: Form, status: int = 200
) -> Response:
    profile: Profile
    saved: list[SavedAddress]
    person: Person
    profile, saved, person = await asyncio.gather(
        visit.doors[Profiles].profile(visit.ctx),
        visit.doors[Profiles].addresses(visit.ctx),
        visit.doors[Identity].me(visit.ctx),
    )
    ids = [membership.vendor_id for membership in person.memberships]
    teams = await visit.doors[Vendors].by_ids(visit.ctx, ids=ids) if ids else []
    return visit.page(
        "store/account.html",
        status,
        profile=profile,
        person=person,
        saved=saved,
        teams=teams,
        profile_form=profile_form,
        address_form=address_form,
        countries=countries(),
        one_click_lacks=_lacks(await visit.doors[Checkout].one_click(visit.ctx)),
    )


def _lacks(state: OneClick) -> str:
    """What one-click buying still needs; "" while it is off, or nothing is missing."""
    if "preference" in state.missing:
        return ""
    return NEEDS.get(tuple(state.missing), "")
