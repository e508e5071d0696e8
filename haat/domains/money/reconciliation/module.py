"""The manifest of reconciliation."""

from haat.domains.money.reconciliation import reactions
from haat.domains.money.reconciliation.api import Reconciliation
from haat.domains.money.reconciliation.personal import PERSONAL_DATA
from haat.domains.money.reconciliation.proof import prove
from haat.domains.money.reconciliation.routes import router
from haat.domains.money.reconciliation.service import ReconciliationService
from haat.domains.money.reconciliation.tables import metadata
from haat.kernel.module import Module

MODULE = Module(
    name="reconciliation",
    group="money",
    contract=Reconciliation,
    service=ReconciliationService,
    package=__package__,
    tables=metadata,
    personal=PERSONAL_DATA,
    reactions=reactions,
    router=router,
    prove=prove,
)
