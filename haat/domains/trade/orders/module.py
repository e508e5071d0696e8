"""The manifest of orders."""

from haat.domains.trade.orders import reactions
from haat.domains.trade.orders.api import Orders
from haat.domains.trade.orders.personal import PERSONAL_DATA
from haat.domains.trade.orders.proof import prove
from haat.domains.trade.orders.routes import router
from haat.domains.trade.orders.service import OrdersService
from haat.domains.trade.orders.tables import metadata
from haat.kernel.module import Module

MODULE = Module(
    name="orders",
    group="trade",
    contract=Orders,
    service=OrdersService,
    package=__package__,
    tables=metadata,
    personal=PERSONAL_DATA,
    reactions=reactions,
    router=router,
    prove=prove,
)
