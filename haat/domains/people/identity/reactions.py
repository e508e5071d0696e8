"""What identity does by itself."""

from haat.domains.people.identity.service import IdentityService
from haat.kernel.context import Context
from haat.kernel.events import every


@every(seconds=600)
async def sweep(service: IdentityService, ctx: Context) -> None:
    await service.sweep(ctx)
