"""What media does about its own facts."""

from haat.domains.people.media.api import MediaUploaded
from haat.domains.people.media.service import MediaService
from haat.kernel.context import Context
from haat.kernel.events import on


@on(MediaUploaded, batch=4)
async def uploaded(service: MediaService, ctx: Context, events: list[MediaUploaded]) -> None:
    """Makes the renditions, outside of any transaction: it takes a second a picture."""
    for event in events:
        await service.render(ctx, id=event.media_id)
