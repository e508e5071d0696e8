"""The manifest of the cart."""

from haat.domains.trade.cart import reactions
from haat.domains.trade.cart.api import Cart
from haat.domains.trade.cart.routes import router
from haat.domains.trade.cart.service import CartService
from haat.domains.trade.cart.tables import metadata
from haat.kernel.module import Module

MODULE = Module(
    name="cart",
    group="trade",
    contract=Cart,
    service=CartService,
    package=__package__,
    tables=metadata,
    reactions=reactions,
    router=router,
)
