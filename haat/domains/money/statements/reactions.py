"""The first of the month."""

from haat.domains.money.statements.service import StatementsService
from haat.kernel.context import Context
from haat.kernel.events import every


@every(seconds=900)
async def issue_invoices(service: StatementsService, ctx: Context) -> None:
    await service.issue_due(ctx)
