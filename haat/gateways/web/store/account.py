"""A person's own page: name, picture, addresses, and the vendor they act for."""

import asyncio
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import Field
from starlette.datastructures import UploadFile

from haat.domains.people.identity.api import Identity, LastOwner, Person
from haat.domains.people.media.api import SIZE_MAX, Media
from haat.domains.people.profiles.api import Profile, Profiles, SavedAddress
from haat.domains.people.vendors.api import Vendors
from haat.domains.trade.checkout.api import Checkout, OneClick
from haat.gateways.web.kit.forms import Form, read
from haat.gateways.web.store.shopping import PersonShopping
from haat.gateways.web.visit import REFRESH, Visit, form_of, uuid_in
from haat.kernel.errors import Invalid, Problem
from haat.kernel.model import FormBody

router = APIRouter()


NEEDS = {
    ("address",): "To use it, add an address.",
    ("method",): "To use it, keep a way to pay: tick it when you pay for an order.",
    ("address", "method"): "To use it, add an address, and keep a way to pay with your next order.",
}


class ProfileForm(FormBody):
    """An empty phone removes the one that is there."""

    full_name: Annotated[str, Field(min_length=1, max_length=120)]
    own_phone: Annotated[str, Field(max_length=40)] = ""
    one_click: bool = False
    born_on: date | None = None
    marketing: bool = False


@router.get("/account")
async def show(visit: PersonShopping) -> Response:
    return await _page(visit, Form())


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
            born_on=wanted.born_on,
            forgets_birth=wanted.born_on is None,
            marketing=wanted.marketing,
        )
    except Problem as problem:
        if problem.status >= 500:
            raise
        form = Form(values, problem, {"name_invalid": "full_name", "phone_invalid": "own_phone"})
        return await _page(visit, form, problem.status)
    visit.flash("Your profile is saved.")
    return visit.redirect("/account")


@router.post("/account/avatar")
async def picture(visit: PersonShopping, request: Request) -> Response:
    try:
        file = (await request.form()).get("picture")
        if not isinstance(file, UploadFile) or not file.filename:
            raise Invalid.at("picture", "Choose a picture.", "picture_missing")
        kept = await visit.doors[Media].upload(
            visit.ctx, id=visit.ctx.new_id(), content=await file.read(SIZE_MAX + 1)
        )
        await visit.doors[Profiles].set_avatar(visit.ctx, media_id=kept.id)
    except Problem as problem:
        if problem.status >= 500:
            raise
        wrong = Form({}, problem, {"not_a_picture": "picture", "picture_too_large": "picture"})
        return await _page(visit, Form(), problem.status, picture_form=wrong)
    visit.flash("Your picture is saved.")
    return visit.redirect("/account")


@router.post("/account/avatar/remove")
async def no_picture(visit: PersonShopping) -> Response:
    await visit.doors[Profiles].set_avatar(visit.ctx, media_id=None)
    return visit.redirect("/account")


@router.post("/account/vendor")
async def act_for(visit: PersonShopping, request: Request) -> Response:
    """Acts for another of the vendors whose team the person is in."""
    vendor_id = uuid_in(await form_of(request), "vendor_id")
    signed_in = await visit.doors[Identity].refresh(
        visit.ctx, refresh_token=request.cookies.get(REFRESH, ""), vendor_id=vendor_id
    )
    visit.enter(signed_in)
    return visit.redirect("/vendor")


@router.post("/account/vendor/leave")
async def leave(visit: PersonShopping, request: Request) -> Response:
    vendor_id = uuid_in(await form_of(request), "vendor_id")
    try:
        await visit.doors[Identity].leave(visit.ctx, vendor_id=vendor_id)
        visit.flash("You are in that team no more.")
    except LastOwner:
        visit.flash("You are its only owner: hand the store over first, on its team's page.")
    return visit.redirect("/account")


async def _page(
    visit: Visit, profile_form: Form, status: int = 200, *, picture_form: Form | None = None
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
        picture_form=picture_form or Form(),
        today=visit.ctx.now().date(),
        one_click_lacks=_lacks(await visit.doors[Checkout].one_click(visit.ctx)),
    )


def _lacks(state: OneClick) -> str:
    """What one-click buying still needs; "" while it is off, or nothing is missing."""
    if "preference" in state.missing:
        return ""
    return NEEDS.get(tuple(state.missing), "")
