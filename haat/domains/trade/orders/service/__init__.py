"""The orders service, split by use case: placing, reading, moving, paying."""

from haat.domains.trade.orders.api import Orders
from haat.domains.trade.orders.service.moving import Moving
from haat.domains.trade.orders.service.paying import Paying
from haat.domains.trade.orders.service.placing import Placing


class OrdersService(Placing, Moving, Paying, Orders):
    """Fulfils the Orders contract on one schema."""
