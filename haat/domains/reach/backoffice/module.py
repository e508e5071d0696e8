"""The back office's manifest."""

from haat.domains.reach.backoffice import reactions
from haat.domains.reach.backoffice.api import Backoffice
from haat.domains.reach.backoffice.routes import router
from haat.domains.reach.backoffice.service import BackofficeService
from haat.domains.reach.backoffice.tables import metadata
from haat.kernel.module import Module

MODULE = Module(
    name="backoffice",
    group="reach",
    contract=Backoffice,
    service=BackofficeService,
    package=__package__,
    tables=metadata,
    reactions=reactions,
    router=router,
)
