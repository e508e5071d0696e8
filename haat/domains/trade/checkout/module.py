"""Checkout's manifest."""

from haat.domains.trade.checkout import reactions
from haat.domains.trade.checkout.api import Checkout
from haat.domains.trade.checkout.personal import PERSONAL_DATA
from haat.domains.trade.checkout.proof import prove
from haat.domains.trade.checkout.routes import router
from haat.domains.trade.checkout.service import CheckoutService
from haat.domains.trade.checkout.tables import metadata
from haat.kernel.module import Module

MODULE = Module(
    name="checkout",
    group="trade",
    contract=Checkout,
    service=CheckoutService,
    package=__package__,
    tables=metadata,
    personal=PERSONAL_DATA,
    reactions=reactions,
    router=router,
    prove=prove,
)
