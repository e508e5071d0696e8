"""Settlement's manifest."""

from haat.domains.trade.settlement import reactions
from haat.domains.trade.settlement.api import Settlement
from haat.domains.trade.settlement.personal import PERSONAL_DATA
from haat.domains.trade.settlement.proof import prove
from haat.domains.trade.settlement.routes import router
from haat.domains.trade.settlement.service import SettlementService
from haat.domains.trade.settlement.tables import metadata
from haat.kernel.module import Module

MODULE = Module(
    name="settlement",
    group="trade",
    contract=Settlement,
    service=SettlementService,
    package=__package__,
    tables=metadata,
    personal=PERSONAL_DATA,
    reactions=reactions,
    router=router,
    prove=prove,
)
