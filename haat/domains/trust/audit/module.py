"""The audit's manifest."""

from haat.domains.trust.audit import reactions
from haat.domains.trust.audit.api import Audit
from haat.domains.trust.audit.personal import PERSONAL_DATA
from haat.domains.trust.audit.proof import prove
from haat.domains.trust.audit.routes import router
from haat.domains.trust.audit.service import AuditService
from haat.domains.trust.audit.tables import metadata
from haat.kernel.module import Module

MODULE = Module(
    name="audit",
    group="trust",
    contract=Audit,
    service=AuditService,
    package=__package__,
    tables=metadata,
    personal=PERSONAL_DATA,
    reactions=reactions,
    router=router,
    prove=prove,
)
