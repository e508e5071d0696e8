"""What identity does by itself."""

from haat.domains.people.identity.service import IdentityService
from haat.kernel.context import Context
from haat.kernel.events import every


@every(seconds=600)
async def sweep(service: IdentityService, ctx: Context) -> None:
    await service.sweep(ctx)


@every(seconds=3600)
async def forget_what_is_over(service: IdentityService, ctx: Context) -> None:
    await service.sweep_invitations(ctx)
    await service.sweep_keys(ctx)


@every(seconds=30)
async def reset_factors(service: IdentityService, ctx: Context) -> None:
    await service.finish_factor_resets(ctx)
    await service.text_of_factor_resets(ctx)


@every(seconds=2)
async def send_letters(service: IdentityService, ctx: Context) -> None:
    await service.send_letters(ctx)
