"""The orders service, split by use case: placing, reading, listing, moving, telling, paying."""

from haat.domains.people.market.api import Market
from haat.domains.trade.orders.api import Orders
from haat.domains.trade.orders.service.numbering import Numbers
from haat.domains.trade.orders.service.paying import Paying
from haat.domains.trade.orders.service.placing import Placing
from haat.domains.trade.orders.service.telling import Telling
from haat.domains.trade.shipping.api import Shipping
from haat.engines.http import Signer
from haat.engines.sql import Database


class OrdersService(Placing, Telling, Paying, Orders):
    """Fulfils the contract; its further methods are for the module's own reactions and timers."""

    def __init__(self, db: Database, market: Market, shipping: Shipping, signer: Signer) -> None:
        super().__init__(db, market, shipping, signer)
        self._numbers = Numbers(db)
