"""The orders service, split by use case: placing, reading, listing, moving, telling, paying."""

from haat.domains.trade.orders.api import Orders
from haat.domains.trade.orders.service.paying import Paying
from haat.domains.trade.orders.service.placing import Placing
from haat.domains.trade.orders.service.telling import Telling


class OrdersService(Placing, Telling, Paying, Orders):
    """Fulfils the contract; its further methods are for the module's own reactions and timers."""
