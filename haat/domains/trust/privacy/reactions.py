"""What privacy does by the clock."""

from haat.domains.trust.privacy.service import PrivacyService
from haat.kernel.context import Context
from haat.kernel.events import every


@every(seconds=10, noted=True)
async def begin_due(service: PrivacyService, ctx: Context) -> None:
    await service.begin_due(ctx)


@every(seconds=2)
async def pack(service: PrivacyService, ctx: Context) -> None:
    await service.pack(ctx)


@every(seconds=10)
async def tell_ready(service: PrivacyService, ctx: Context) -> None:
    await service.tell_ready(ctx)


@every(seconds=3600)
async def end_exports(service: PrivacyService, ctx: Context) -> None:
    await service.end_exports(ctx)
