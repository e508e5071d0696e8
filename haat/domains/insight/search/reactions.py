"""What search hears: what is on sale."""

from haat.domains.goods.catalog.api import ListingChanged
from haat.domains.insight.search.service import SearchService
from haat.kernel.context import Context
from haat.kernel.events import on


@on(ListingChanged, batch=200)
async def listings_changed(
    service: SearchService, ctx: Context, events: list[ListingChanged]
) -> None:
    await service.show(ctx, events)
