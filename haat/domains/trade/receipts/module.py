"""The manifest of receipts."""

from haat.domains.trade.receipts.api import Receipts
from haat.domains.trade.receipts.personal import PERSONAL_DATA
from haat.domains.trade.receipts.proof import prove
from haat.domains.trade.receipts.routes import router
from haat.domains.trade.receipts.service import ReceiptsService
from haat.domains.trade.receipts.tables import metadata
from haat.kernel.module import Module

MODULE = Module(
    name="receipts",
    group="trade",
    contract=Receipts,
    service=ReceiptsService,
    package=__package__,
    tables=metadata,
    personal=PERSONAL_DATA,
    router=router,
    prove=prove,
)
