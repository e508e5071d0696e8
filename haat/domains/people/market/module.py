"""The market's manifest."""

from haat.domains.people.market import reactions
from haat.domains.people.market.api import Market
from haat.domains.people.market.routes import router
from haat.domains.people.market.service import MarketService
from haat.domains.people.market.tables import metadata
from haat.kernel.module import Module

MODULE = Module(
    name="market",
    group="people",
    contract=Market,
    service=MarketService,
    package=__package__,
    tables=metadata,
    reactions=reactions,
    router=router,
)
