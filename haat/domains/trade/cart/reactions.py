"""What time does to carts, and what they hear of the goods in them."""

from haat.domains.goods.catalog.api import ListingChanged
from haat.domains.trade.cart.service import CartService
from haat.engines.sql import Tx
from haat.kernel.context import Context
from haat.kernel.events import every, on


# Told of every product that is, was or will be on sale whenever anything about it changes, its
# vendor's leave to sell included.
@on(ListingChanged, where={"new": False})
async def products_changed(
    service: CartService, ctx: Context, tx: Tx, events: list[ListingChanged]
) -> None:
    """What carts remember of its offers is asked for again."""
    await service.forget_products(tx, [event.product_id for event in events])


@every(seconds=3600)
async def expire(service: CartService, ctx: Context) -> None:
    """Carts that nobody touched for long are removed, and what was long ago is forgotten."""
    await service.expire(ctx)


@every(seconds=300)
async def remind(service: CartService, ctx: Context) -> None:
    """Who left a cart behind and wants to hear of it, does so once."""
    await service.remind(ctx)
