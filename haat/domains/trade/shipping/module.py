"""The manifest of shipping."""

from haat.domains.trade.shipping import reactions
from haat.domains.trade.shipping.api import Shipping
from haat.domains.trade.shipping.routes import router
from haat.domains.trade.shipping.service import ShippingService
from haat.domains.trade.shipping.tables import metadata
from haat.kernel.module import Module

MODULE = Module(
    name="shipping",
    group="trade",
    contract=Shipping,
    service=ShippingService,
    package=__package__,
    tables=metadata,
    reactions=reactions,
    router=router,
)
