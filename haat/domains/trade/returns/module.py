"""The manifest of returns."""

from haat.domains.trade.returns import reactions
from haat.domains.trade.returns.api import Returns
from haat.domains.trade.returns.personal import PERSONAL_DATA
from haat.domains.trade.returns.proof import prove
from haat.domains.trade.returns.routes import router
from haat.domains.trade.returns.service import ReturnsService
from haat.domains.trade.returns.tables import metadata
from haat.kernel.module import Module

MODULE = Module(
    name="returns",
    group="trade",
    contract=Returns,
    service=ReturnsService,
    package=__package__,
    tables=metadata,
    personal=PERSONAL_DATA,
    reactions=reactions,
    router=router,
    prove=prove,
)
