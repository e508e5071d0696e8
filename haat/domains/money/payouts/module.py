"""The manifest of payouts."""

from haat.domains.money.payouts import reactions
from haat.domains.money.payouts.api import Payouts
from haat.domains.money.payouts.personal import PERSONAL_DATA
from haat.domains.money.payouts.proof import prove
from haat.domains.money.payouts.routes import router
from haat.domains.money.payouts.service import PayoutsService
from haat.domains.money.payouts.tables import metadata
from haat.kernel.module import Module

MODULE = Module(
    name="payouts",
    group="money",
    contract=Payouts,
    service=PayoutsService,
    package=__package__,
    tables=metadata,
    personal=PERSONAL_DATA,
    reactions=reactions,
    router=router,
    prove=prove,
)
