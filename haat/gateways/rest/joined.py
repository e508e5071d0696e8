"""Resources that join several modules: the gateways' views over REST."""

from typing import Annotated

from fastapi import APIRouter, Query

from haat.domains.goods.catalog.api import Catalog
from haat.domains.goods.inventory.api import Inventory
from haat.domains.people.market.api import Market
from haat.domains.people.vendors.api import Vendors
from haat.domains.trade.shipping.api import Shipping
from haat.engines.http import Ctx, Door
from haat.gateways.views import Standings, standings_of

router = APIRouter(tags=["catalog"])
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
