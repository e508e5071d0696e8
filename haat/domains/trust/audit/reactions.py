"""What the audit hears: every note, whatever schema it was made in."""

from haat.domains.trust.audit.api import AuditNoted
from haat.domains.trust.audit.service import AuditService
from haat.engines.sql import Tx
from haat.kernel.context import Context
from haat.kernel.events import on


@on(AuditNoted, batch=500)
async def record(service: AuditService, ctx: Context, tx: Tx, events: list[AuditNoted]) -> None:
    await service.record(tx, events)
