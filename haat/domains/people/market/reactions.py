"""What the market does about its own facts."""

from haat.domains.people.market.api import MarketChanged
from haat.domains.people.market.service import MarketService
from haat.kernel.context import Context
from haat.kernel.events import on


@on(MarketChanged)
async def changed(service: MarketService, ctx: Context, events: list[MarketChanged]) -> None:
    """Whoever changed it told the others after the commit, unless it died in between."""
    await service.tell()
