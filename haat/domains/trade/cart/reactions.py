"""What time does to carts."""

from haat.domains.trade.cart.service import CartService
from haat.kernel.context import Context
from haat.kernel.events import every


@every(seconds=3600)
async def expire(service: CartService, ctx: Context) -> None:
    """Guests' carts that nobody touched for long are removed."""
    await service.expire(ctx)
