"""The market over REST."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from haat.domains.people.market.api import (
    HandlingHours,
    Market,
    MarketSettings,
    Name,
    OffersPolicy,
    OrderPrefix,
    PicturesMax,
    SettingsChange,
)
from haat.engines.http import Ctx, Door
from haat.kernel.model import Body, Model

router = APIRouter(tags=["market"])


class PublicMarket(Model):
    """What everybody may know of the market."""

    name: str
    currency: str
    country: str
    logo_id: UUID | None
    demo: bool
    prices_include_tax: bool
    return_window_minutes: int
    support_email: str | None
    offers_policy: OffersPolicy


class SettingsBody(Body):
    """What staff may change; what is left out stays. An empty `supportEmail` clears it."""

    name: Name | None = None
    logo_id: UUID | None = None
    prices_include_tax: bool | None = None
    commission_bp: Annotated[int, Field(ge=0, le=10_000, strict=True)] | None = None
    return_window_minutes: Annotated[int, Field(ge=0, le=525_600, strict=True)] | None = None
    support_email: Annotated[str, Field(max_length=254)] | None = None
    order_prefix: OrderPrefix | None = None
    offers_policy: OffersPolicy | None = None
    pictures_max: PicturesMax | None = None
    handling_hours: HandlingHours | None = None


@router.get("/market", summary="The market's public settings")
async def public(ctx: Ctx, market: Annotated[Market, Door(Market)]) -> PublicMarket:
    settings = await market.settings(ctx)
    return PublicMarket(**{name: getattr(settings, name) for name in PublicMarket.model_fields})


@router.patch("/admin/settings", summary="Change the market's settings")
async def change(
    body: SettingsBody, ctx: Ctx, market: Annotated[Market, Door(Market)]
) -> MarketSettings:
    return await market.change(ctx, change=SettingsChange(**dict(body)))
