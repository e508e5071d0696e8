"""Tax rates over REST."""

from typing import Annotated

from fastapi import APIRouter

from haat.domains.goods.pricing.api import Pricing, TaxRate
from haat.engines.http import Ctx, Door
from haat.kernel.model import Body
from haat.kernel.page import Page

router = APIRouter(tags=["pricing"])
Rates = Annotated[Pricing, Door(Pricing)]


class RateBody(TaxRate, Body):
    """`rateBp` basis points: 825 is 8.25 %."""


@router.get("/tax-rates")
async def listed(ctx: Ctx, pricing: Rates) -> Page[TaxRate]:
    return Page[TaxRate](items=await pricing.rates(ctx))


@router.put("/admin/tax-rates")
async def set_rate(body: RateBody, ctx: Ctx, pricing: Rates) -> TaxRate:
    """Sets the rate of one class of goods in one country; used within two seconds."""
    return await pricing.set_rate(ctx, rate=TaxRate(**dict(body)))
