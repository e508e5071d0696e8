"""What time does to carts."""

from haat.domains.trade.cart.service import CartService
from haat.kernel.context import Context
from haat.kernel.events import every


@every(seconds=3600)
async def expire(service: CartService, ctx: Context) -> None:
    """Carts that nobody touched for long are removed, and what was long ago is forgotten."""
    await service.expire(ctx)


@every(seconds=300)
async def remind(service: CartService, ctx: Context) -> None:
    """Who left a cart behind and wants to hear of it, does so once."""
    await service.remind(ctx)
