"""The manifest of payments."""

from haat.domains.money.payments import reactions
from haat.domains.money.payments.api import Payments
from haat.domains.money.payments.proof import prove
from haat.domains.money.payments.routes import router
from haat.domains.money.payments.service import PaymentsService
from haat.domains.money.payments.tables import metadata
from haat.kernel.module import Module

MODULE = Module(
    name="payments",
    group="money",
    contract=Payments,
    service=PaymentsService,
    package=__package__,
    tables=metadata,
    reactions=reactions,
    router=router,
    prove=prove,
)
