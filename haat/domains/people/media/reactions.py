"""What media does about its own facts, and what it does by the clock."""

from haat.domains.people.media.api import MediaUploaded
from haat.domains.people.media.service import MediaService
from haat.kernel.context import Context
from haat.kernel.events import every, on


@on(MediaUploaded, batch=4)
async def uploaded(service: MediaService, ctx: Context, events: list[MediaUploaded]) -> None:
    """Makes the renditions, outside of any transaction: it takes a second a picture."""
    for event in events:
        await service.render(ctx, id=event.media_id)


@every(seconds=5)
async def render_rest(service: MediaService, ctx: Context) -> None:
    await service.render_rest(ctx)


@every(seconds=600)
async def forget_uploads(service: MediaService, ctx: Context) -> None:
    await service.forget_uploads(ctx)


@every(seconds=3600)
async def remove_unused(service: MediaService, ctx: Context) -> None:
    await service.remove_unused(ctx)
