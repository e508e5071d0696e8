"""The manifest of commissions."""

from haat.domains.money.commissions.api import Commissions
from haat.domains.money.commissions.proof import prove
from haat.domains.money.commissions.routes import router
from haat.domains.money.commissions.service import CommissionsService
from haat.domains.money.commissions.tables import metadata
from haat.kernel.module import Module

MODULE = Module(
    name="commissions",
    group="money",
    contract=Commissions,
    service=CommissionsService,
    package=__package__,
    tables=metadata,
    router=router,
    prove=prove,
)
