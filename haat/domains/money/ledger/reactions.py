"""The chain follows what is written by at most a second; what expires is voided."""

from typing import Any

import structlog

from haat.domains.money.ledger.service import LedgerService
from haat.kernel.context import Context
from haat.kernel.events import every

_log: Any = structlog.get_logger(__name__)


@every(seconds=1)
async def seal(service: LedgerService, ctx: Context) -> None:
    await service.seal(ctx)


@every(seconds=3)
async def expire(service: LedgerService, ctx: Context) -> None:
    await service.expire(ctx)


@every(seconds=3600)
async def tell_head(service: LedgerService, ctx: Context) -> None:
    """Logs go to another machine: a head in them shows when the end of the chain was cut off."""
    head = await service.head(ctx)
    if head is not None:
        _log.info("ledger_head", head=f"{head.hash}@{head.position}")
