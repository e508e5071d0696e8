"""The manifest of support sessions."""

from haat.domains.trust.support.api import Support
from haat.domains.trust.support.personal import PERSONAL_DATA
from haat.domains.trust.support.routes import router
from haat.domains.trust.support.service import SupportService
from haat.domains.trust.support.tables import metadata
from haat.kernel.module import Module

MODULE = Module(
    name="support",
    group="trust",
    contract=Support,
    service=SupportService,
    package=__package__,
    tables=metadata,
    personal=PERSONAL_DATA,
    router=router,
)
