"""Resources that join several modules: the gateways' views over REST."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query

from haat.domains.goods.catalog.api import Catalog
from haat.domains.goods.inventory.api import Inventory
from haat.domains.goods.pricing.api import Pricing, ShownPrice
from haat.domains.people.market.api import Market
from haat.domains.people.vendors.api import Vendors
from haat.domains.trade.shipping.api import Shipping
from haat.engines.http import Ctx, Door
from haat.gateways.views import Standings, standings_of
from haat.gateways.views.prices import of_line, priced
from haat.kernel.page import Page

router = APIRouter(tags=["catalog"])
PRICED_MAX = 100  # offers asked about at once
Country = Annotated[str | None, Query(pattern=r"^[A-Z]{2}$")]


@router.get("/products/{ref}/offers")
async def offers(
    ref: str,
    ctx: Ctx,
    catalog: Annotated[Catalog, Door(Catalog)],
    inventory: Annotated[Inventory, Door(Inventory)],
    vendors: Annotated[Vendors, Door(Vendors)],
    shipping: Annotated[Shipping, Door(Shipping)],
    market: Annotated[Market, Door(Market)],
    country: Country = None,
) -> Standings:
    """Who sells a product, the first one first, with the parts of each score; its own vendor and
    staff see the highest price at which an offer would be first (`winsAt`). `country`: where it
    would be sent, the market's own where it is left out."""
    doors = {Catalog: catalog, Inventory: inventory, Vendors: vendors, Shipping: shipping}
    to = country or (await market.settings(ctx)).country
    return await standings_of(doors, ctx, ref, to)


class OfferPrice(ShownPrice):
    """An offer's price for who asks. `charged` is what a quote would say; `price` is how it is
    shown: `tax` says whether with tax, `currency` in which currency."""

    quantity: int
    tax: Literal["included", "excluded"]
    tax_word: str


@router.get("/prices", tags=["pricing"])
async def prices(
    ctx: Ctx,
    catalog: Annotated[Catalog, Door(Catalog)],
    pricing: Annotated[Pricing, Door(Pricing)],
    offer: Annotated[list[UUID], Query(min_length=1, max_length=PRICED_MAX)],
    quantity: Annotated[int, Query(ge=1, le=999)] = 1,
    country: Country = None,
    currency: Annotated[str | None, Query(pattern=r"^[A-Z]{3}$")] = None,
) -> Page[OfferPrice]:
    """What offers cost the acting person (or a guest), by price list, with or without tax, in any
    of the market's currencies. What is not on sale is left out."""
    viewing = await pricing.viewing(ctx, country=country, currency=currency)
    lines = [one for one in await catalog.offers(ctx, ids=offer) if one.buyable]
    found = await priced({Pricing: pricing}, ctx, viewing, [of_line(x, quantity) for x in lines])
    return Page[OfferPrice](
        items=[
            OfferPrice(
                **dict(found[one.offer_id]),
                quantity=quantity,
                tax=viewing.tax,
                tax_word=viewing.tax_word,
            )
            for one in lines
        ]
    )
