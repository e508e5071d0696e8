"""Tax rates, customer groups, price lists and currencies over REST."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from haat.domains.goods.pricing.api import (
    CurrencyRate,
    CustomerGroup,
    Member,
    Name,
    PriceEntry,
    PriceList,
    Pricing,
    RateStep,
    TaxDisplay,
    TaxRate,
)
from haat.engines.http import Ctx, Door
from haat.kernel.model import Body
from haat.kernel.page import LIMIT_MAX, Page

router = APIRouter(tags=["pricing"])
Rates = Annotated[Pricing, Door(Pricing)]
PageLimit = Annotated[int, Query(ge=1, le=LIMIT_MAX)]
Cursor = Annotated[str | None, Query(max_length=1000)]


class RateBody(TaxRate, Body):
    """`rateBp` basis points: 825 is 8.25 %."""


class GroupBody(Body):
    name: Name
    tax_display: TaxDisplay = "market"


class EntryBody(PriceEntry, Body):
    """An offer with a price, or a part that is off."""


class PriceListBody(Body):
    group_id: UUID
    name: Name
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    active: bool = True
    entries: Annotated[list[EntryBody], Field(max_length=5_000)] = []


class MembersBody(Body):
    person_ids: Annotated[list[UUID], Field(min_length=1, max_length=1_000)]


class CurrencyBody(CurrencyRate, Body):
    """`rate`: what one unit of the market's currency is in this one, as text ("0.9215")."""


@router.get("/tax-rates")
async def listed(ctx: Ctx, pricing: Rates) -> Page[TaxRate]:
    return Page[TaxRate](items=await pricing.rates(ctx))


@router.put("/admin/tax-rates")
async def set_rate(body: RateBody, ctx: Ctx, pricing: Rates) -> TaxRate:
    """Sets the rate of one class of goods in one country; used within two seconds."""
    return await pricing.set_rate(ctx, rate=TaxRate(**dict(body)))


# --- groups and lists ------------------------------------------------------------------------


@router.get("/admin/customer-groups")
async def groups(ctx: Ctx, pricing: Rates) -> Page[CustomerGroup]:
    return Page[CustomerGroup](items=await pricing.groups(ctx))


@router.post("/admin/customer-groups", status_code=201)
async def add_group(body: GroupBody, ctx: Ctx, pricing: Rates) -> CustomerGroup:
    group = CustomerGroup(id=ctx.new_id(), **dict(body))
    return await pricing.save_group(ctx, group=group)


@router.put("/admin/customer-groups/{id}")
async def save_group(id: UUID, body: GroupBody, ctx: Ctx, pricing: Rates) -> CustomerGroup:
    return await pricing.save_group(ctx, group=CustomerGroup(id=id, **dict(body)))


@router.delete("/admin/customer-groups/{id}", status_code=204)
async def drop_group(id: UUID, ctx: Ctx, pricing: Rates) -> None:
    """With its members and price lists."""
    await pricing.drop_group(ctx, id=id)


@router.get("/admin/customer-groups/{id}/members")
async def members(
    id: UUID, ctx: Ctx, pricing: Rates, limit: PageLimit = 50, cursor: Cursor = None
) -> Page[Member]:
    return await pricing.members(ctx, group_id=id, limit=limit, cursor=cursor)


@router.post("/admin/customer-groups/{id}/members", status_code=204)
async def add_members(id: UUID, body: MembersBody, ctx: Ctx, pricing: Rates) -> None:
    """Who is in the group already stays in it."""
    await pricing.add_members(ctx, group_id=id, person_ids=body.person_ids)


@router.delete("/admin/customer-groups/{id}/members/{person_id}", status_code=204)
async def drop_member(id: UUID, person_id: UUID, ctx: Ctx, pricing: Rates) -> None:
    await pricing.drop_member(ctx, group_id=id, person_id=person_id)


@router.get("/admin/price-lists")
async def lists(ctx: Ctx, pricing: Rates) -> Page[PriceList]:
    """All of them, without their entries."""
    return Page[PriceList](items=await pricing.lists(ctx))


@router.get("/admin/price-lists/{id}")
async def price_list(id: UUID, ctx: Ctx, pricing: Rates) -> PriceList:
    return await pricing.price_list(ctx, id=id)


@router.put("/admin/price-lists/{id}")
async def save_list(id: UUID, body: PriceListBody, ctx: Ctx, pricing: Rates) -> PriceList:
    """Adds a list, or puts this in its place: used at once."""
    one = PriceList.model_validate({**body.model_dump(by_alias=False), "id": id})
    return await pricing.save_list(ctx, price_list=one)


@router.delete("/admin/price-lists/{id}", status_code=204)
async def drop_list(id: UUID, ctx: Ctx, pricing: Rates) -> None:
    await pricing.drop_list(ctx, id=id)


# --- currencies ------------------------------------------------------------------------------


@router.get("/currencies")
async def currencies(ctx: Ctx, pricing: Rates) -> Page[CurrencyRate]:
    """What prices can be shown in beside the market's own; staff see those that are off, too."""
    return Page[CurrencyRate](items=await pricing.currencies(ctx))


@router.put("/admin/currencies")
async def save_currency(body: CurrencyBody, ctx: Ctx, pricing: Rates) -> CurrencyRate:
    """Adds a currency, or sets its rate: used at once."""
    return await pricing.save_currency(ctx, currency=CurrencyRate(**dict(body)))


@router.get("/admin/currencies/history")
async def history(
    ctx: Ctx,
    pricing: Rates,
    code: Annotated[str | None, Query(pattern=r"^[A-Z]{3}$")] = None,
    limit: PageLimit = 50,
    cursor: Cursor = None,
) -> Page[RateStep]:
    """The rates that were set, the last one first."""
    return await pricing.currency_history(ctx, code=code, limit=limit, cursor=cursor)
