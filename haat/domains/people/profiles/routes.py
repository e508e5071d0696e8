"""Profile, preferences, consents and addresses over REST."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, File, Query, UploadFile
from pydantic import Field

from haat.domains.people.media.api import SIZE_MAX, Media
from haat.domains.people.profiles.api import (
    INTERESTS_MAX,
    Address,
    AddressRules,
    Consent,
    Label,
    Preferences,
    Profile,
    Profiles,
    SavedAddress,
)
from haat.domains.people.profiles.countries import country_name, has_no_cities
from haat.engines.http import Ctx, Door
from haat.kernel.errors import FieldError, Invalid, NotFound, Unauthenticated
from haat.kernel.model import Body, Model
from haat.kernel.page import LIMIT_MAX, Page

router = APIRouter(tags=["profiles"])

Service = Annotated[Profiles, Door(Profiles)]
Line = Annotated[str, Field(min_length=1, max_length=120)]
MoreLine = Annotated[str, Field(max_length=120)]
Region = Annotated[str, Field(max_length=80)]
PostalCode = Annotated[str, Field(max_length=20)]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Phone = Annotated[str, Field(max_length=40)]


class ProfileBody(Body):
    """What is left out stays as it is; `bornOn` null forgets it."""

    name: Line | None = None
    phone: Phone | None = None
    one_click: Annotated[bool, Field(strict=True)] | None = None
    born_on: date | None = None
    marketing: Annotated[bool, Field(strict=True)] | None = None


class PreferencesBody(Body):
    """What is left out is as it was at first."""

    currency: Annotated[str, Field(pattern=r"^([A-Z]{3})?$")] = ""
    country: Annotated[str, Field(pattern=r"^([A-Z]{2})?$")] = ""
    order_mail: Annotated[bool, Field(strict=True)] = True
    interests: Annotated[list[UUID], Field(max_length=INTERESTS_MAX)] = []


class AddressBody(Body):
    """`city` may be left out where a country's addresses have none."""

    name: Line
    line1: Line
    line2: MoreLine = ""
    city: MoreLine = ""
    region: Region = ""
    postal_code: PostalCode = ""
    country: Country
    phone: Phone = ""
    is_default: bool = False
    label: Label = ""


class AddressChangeBody(Body):
    """What is left out stays as it is."""

    name: Line | None = None
    line1: Line | None = None
    line2: MoreLine | None = None
    city: Line | None = None
    region: Region | None = None
    postal_code: PostalCode | None = None
    country: Country | None = None
    phone: Phone | None = None
    is_default: bool = False
    label: Label | None = None


class AddressOut(Model):
    """A saved address, flat."""

    id: UUID
    name: str
    line1: str
    line2: str
    city: str
    region: str
    postal_code: str
    country: str
    phone: str
    is_default: bool
    label: str


def _out(saved: SavedAddress) -> AddressOut:
    return AddressOut(
        id=saved.id, is_default=saved.is_default, label=saved.label, **dict(saved.address)
    )


@router.get("/me/profile", summary="My profile")
async def profile(ctx: Ctx, profiles: Service) -> Profile:
    return await profiles.profile(ctx)


@router.patch("/me", summary="Change my profile")
async def change_profile(body: ProfileBody, ctx: Ctx, profiles: Service) -> Profile:
    return await profiles.change_profile(
        ctx,
        name=body.name,
        phone=body.phone,
        one_click=body.one_click,
        born_on=body.born_on,
        forgets_birth="born_on" in body.model_fields_set and body.born_on is None,
        marketing=body.marketing,
    )


@router.put("/me/avatar", summary="Upload my picture")
async def set_avatar(
    file: Annotated[UploadFile, File()],
    ctx: Ctx,
    profiles: Service,
    media: Annotated[Media, Door(Media)],
) -> Profile:
    if ctx.actor.type != "person":
        raise Unauthenticated
    kept = await media.upload(ctx, id=ctx.new_id(), content=await file.read(SIZE_MAX + 1))
    return await profiles.set_avatar(ctx, media_id=kept.id)


@router.delete("/me/avatar", summary="Remove my picture")
async def remove_avatar(ctx: Ctx, profiles: Service) -> Profile:
    return await profiles.set_avatar(ctx, media_id=None)


@router.get("/me/preferences", summary="My preferences")
async def preferences(ctx: Ctx, profiles: Service) -> Preferences:
    return await profiles.preferences(ctx)


@router.put("/me/preferences", summary="Set my preferences")
async def set_preferences(body: PreferencesBody, ctx: Ctx, profiles: Service) -> Preferences:
    return await profiles.set_preferences(ctx, preferences=Preferences(**dict(body)))


@router.get("/me/consents", summary="What I said yes or no to, newest first")
async def consents(
    ctx: Ctx, profiles: Service, limit: Limit = 50, cursor: str | None = None
) -> Page[Consent]:
    return await profiles.consents(ctx, limit=limit, cursor=cursor)


@router.get("/address-rules/{country}", summary="How a country writes addresses")
async def address_rules(country: Country, ctx: Ctx, profiles: Service) -> AddressRules:
    return await profiles.address_rules(ctx, country=country)


@router.get("/me/addresses", summary="My addresses, the default first")
async def addresses(ctx: Ctx, profiles: Service) -> Page[AddressOut]:
    return Page(items=[_out(saved) for saved in await profiles.addresses(ctx)])


@router.post("/me/addresses", status_code=201, summary="Add an address")
async def add(body: AddressBody, ctx: Ctx, profiles: Service) -> AddressOut:
    return await _save(ctx, profiles, ctx.new_id(), body)


@router.patch("/me/addresses/{id}", summary="Change an address")
async def change(id: UUID, body: AddressChangeBody, ctx: Ctx, profiles: Service) -> AddressOut:
    found = await _mine(ctx, profiles, id)
    given = body.model_dump(by_alias=False, exclude_none=True, exclude={"is_default"})
    label = given.pop("label", None)
    address = _address({**dict(found.address), **given})
    return _out(
        await profiles.save_address(
            ctx, id=id, address=address, is_default=body.is_default, label=label
        )
    )


@router.put("/me/addresses/{id}", summary="Replace an address")
async def replace(id: UUID, body: AddressBody, ctx: Ctx, profiles: Service) -> AddressOut:
    await _mine(ctx, profiles, id)
    return await _save(ctx, profiles, id, body)


@router.delete("/me/addresses/{id}", status_code=204, summary="Remove an address")
async def remove(id: UUID, ctx: Ctx, profiles: Service) -> None:
    await profiles.remove_address(ctx, id=id)


async def _mine(ctx: Ctx, profiles: Profiles, id: UUID) -> SavedAddress:
    """The actor's address. NotFound: a client does not choose the id of a new one."""
    for saved in await profiles.addresses(ctx):
        if saved.id == id:
            return saved
    raise NotFound


async def _save(ctx: Ctx, profiles: Profiles, id: UUID, body: AddressBody) -> AddressOut:
    address = _address(body.model_dump(by_alias=False, exclude={"is_default", "label"}))
    return _out(
        await profiles.save_address(
            ctx, id=id, address=address, is_default=body.is_default, label=body.label
        )
    )


def _address(given: dict[str, str]) -> Address:
    """Invalid at `city` where it is missing; a country without cities has its own name there."""
    if not given["city"]:
        if not has_no_cities(given["country"]):
            raise Invalid(
                "The address is not valid.",
                code="address_invalid",
                fields=[FieldError(path="city", code="line_missing", message="Fill this in.")],
            )
        given["city"] = country_name(given["country"])
    return Address.model_validate(given)
