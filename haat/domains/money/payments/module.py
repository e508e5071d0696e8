"""The manifest of payments; and the one with a card network in memory, for simulations."""

from dataclasses import replace

from haat.domains.money.payments import reactions
from haat.domains.money.payments.api import Payments
from haat.domains.money.payments.personal import PERSONAL_DATA
from haat.domains.money.payments.proof import prove
from haat.domains.money.payments.providers.simulated import Network, SimulatedCards
from haat.domains.money.payments.routes import router
from haat.domains.money.payments.service import PaymentsService
from haat.domains.money.payments.settings import PaymentsSettings
from haat.domains.money.payments.tables import metadata
from haat.engines.http.client import HttpClient
from haat.engines.sql import Database
from haat.kernel.module import Module

MODULE = Module(
    name="payments",
    group="money",
    contract=Payments,
    service=PaymentsService,
    package=__package__,
    tables=metadata,
    personal=PERSONAL_DATA,
    reactions=reactions,
    router=router,
    prove=prove,
)


def simulated(cards: SimulatedCards) -> Module:
    """The same module with this provider alone."""

    class Simulated(PaymentsService):
        def __init__(self, db: Database, http: HttpClient, settings: PaymentsSettings) -> None:
            super().__init__(db, http, settings, {cards.name: cards})

    return replace(MODULE, service=Simulated)


__all__ = ["MODULE", "Network", "SimulatedCards", "simulated"]
