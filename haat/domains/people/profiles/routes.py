"""Profile and addresses over REST. `/buyer/addresses` is another name for `/me/addresses`."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from haat.domains.people.profiles.api import Address, Profile, Profiles, SavedAddress
from haat.engines.http import Ctx, Door
from haat.kernel.errors import NotFound
from haat.kernel.model import Body, Model
from haat.kernel.page import Page

router = APIRouter(tags=["profiles"])

Service = Annotated[Profiles, Door(Profiles)]
Line = Annotated[str, Field(min_length=1, max_length=120)]
MoreLine = Annotated[str, Field(max_length=120)]
Region = Annotated[str, Field(max_length=80)]
PostalCode = Annotated[str, Field(max_length=20)]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
Phone = Annotated[str, Field(max_length=40)]


class ProfileBody(Body):
    """What is left out stays as it is."""

    name: Line | None = None
    phone: Phone | None = None
    one_click: Annotated[bool, Field(strict=True)] | None = None


class AddressBody(Body):
    name: Line
    line1: Line
    line2: MoreLine = ""
    city: Line
    region: Region = ""
    postal_code: PostalCode = ""
    country: Country
    phone: Phone = ""
    is_default: bool = False


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


def _out(saved: SavedAddress) -> AddressOut:
    return AddressOut(id=saved.id, is_default=saved.is_default, **dict(saved.address))


@router.get("/me/profile", summary="My profile")
async def profile(ctx: Ctx, profiles: Service) -> Profile:
    return await profiles.profile(ctx)


@router.patch("/me", summary="Change my profile")
async def change_profile(body: ProfileBody, ctx: Ctx, profiles: Service) -> Profile:
    return await profiles.change_profile(
        ctx, name=body.name, phone=body.phone, one_click=body.one_click
    )


@router.get("/me/addresses", summary="My addresses, the default first")
@router.get("/buyer/addresses", include_in_schema=False)
async def addresses(ctx: Ctx, profiles: Service) -> Page[AddressOut]:
    return Page(items=[_out(saved) for saved in await profiles.addresses(ctx)])


@router.post("/me/addresses", status_code=201, summary="Add an address")
@router.post("/buyer/addresses", status_code=201, include_in_schema=False)
async def add(body: AddressBody, ctx: Ctx, profiles: Service) -> AddressOut:
    return await _save(ctx, profiles, ctx.new_id(), body)


@router.patch("/me/addresses/{id}", summary="Change an address")
@router.patch("/buyer/addresses/{id}", include_in_schema=False)
async def change(id: UUID, body: AddressChangeBody, ctx: Ctx, profiles: Service) -> AddressOut:
    found = await _mine(ctx, profiles, id)
    given = body.model_dump(by_alias=False, exclude_none=True, exclude={"is_default"})
    address = Address.model_validate({**dict(found.address), **given})
    return _out(
        await profiles.save_address(ctx, id=id, address=address, is_default=body.is_default)
    )


@router.put("/me/addresses/{id}", summary="Replace an address")
@router.put("/buyer/addresses/{id}", include_in_schema=False)
async def replace(id: UUID, body: AddressBody, ctx: Ctx, profiles: Service) -> AddressOut:
    await _mine(ctx, profiles, id)
    return await _save(ctx, profiles, id, body)


@router.delete("/me/addresses/{id}", status_code=204, summary="Remove an address")
@router.delete("/buyer/addresses/{id}", status_code=204, include_in_schema=False)
async def remove(id: UUID, ctx: Ctx, profiles: Service) -> None:
    await profiles.remove_address(ctx, id=id)


async def _mine(ctx: Ctx, profiles: Profiles, id: UUID) -> SavedAddress:
    """The actor's address. NotFound: a client does not choose the id of a new one."""
    for saved in await profiles.addresses(ctx):
        if saved.id == id:
            return saved
    raise NotFound


async def _save(ctx: Ctx, profiles: Profiles, id: UUID, body: AddressBody) -> AddressOut:
    address = Address(**body.model_dump(by_alias=False, exclude={"is_default"}))
    return _out(
        await profiles.save_address(ctx, id=id, address=address, is_default=body.is_default)
    )
