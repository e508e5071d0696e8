"""Puts the parts of the demo together: draws pictures beside the history, and uploads them last."""

import asyncio
from datetime import datetime
from functools import partial
from uuid import UUID

from pydantic import SecretStr

from haat.app.migrating import migrate_all
from haat.app.runtime import Runtime
from haat.app.seeding.assortment import STORES, Goods, goods
from haat.app.seeding.cast import Crowd, Member, as_member, settled
from haat.app.seeding.demo import first_day
from haat.app.seeding.extras import EXTRAS, Extra, Extras
from haat.app.seeding.history import History
from haat.app.seeding.opening import Opening, Report, picture_id, standing
from haat.app.seeding.pictures import product_picture
from haat.app.seeding.plan import Size, plans
from haat.app.settings import AppSettings
from haat.app.targets import all_modules
from haat.domains.people.market.api import Market, NotOpened
from haat.domains.people.media.api import Media
from haat.kernel.clock import SettableClock

CONNECTIONS = 5
THREADS = 2  # that draw while the history goes on


async def fill(
    settings: AppSettings, size: Size, now: datetime, card_network: str, report: Report
) -> bool:
    """Makes the whole demo up to `now`; False when this market is somebody's own, not a demo.

    `card_network` is the test card network's address.
    """
    await asyncio.to_thread(migrate_all, settings)
    start = first_day(now, size.days)
    clock = SettableClock(start)
    assortment = goods(size.products)
    drawing = asyncio.create_task(_draw(assortment))
    try:
        async with Runtime(
            _hasty(settings), all_modules(), clock=clock, reacts=True, timers=False
        ) as runtime:
            if not await _is_ours(runtime):
                return False
            scene = await Opening(runtime, size, start, report).all(assortment)
            made = plans(size, [one for one in assortment if standing(one) == "active"])
            history = History(
                runtime, clock, scene, made, now, card_network=card_network, report=report
            )
            await history.walk()
            await Extras(runtime, scene, now, size.customers).all(assortment)
            await settled(runtime)
        pictures = await drawing
    finally:
        drawing.cancel()
    # Without reactions: making smaller copies of all pictures takes a while, and need not be
    # waited for. The market's worker does it; until then the originals are shown.
    async with Runtime(settings, all_modules(), clock=SettableClock(now)) as runtime:
        await _upload(runtime, start, assortment, pictures, scene.members)
    return True


def _hasty(settings: AppSettings) -> AppSettings:
    """Commits are not waited for: what a crash of the server takes with it, the next run makes
    again. The ordinary commits of the upload at the end make all earlier ones durable. Few
    connections, because each of them has to prepare every statement for itself."""
    url = settings.sql_url.get_secret_value()
    url += ("&" if "?" in url else "?") + "synchronous_commit=off"
    return settings.model_copy(update={"sql_url": SecretStr(url), "sql_pool": CONNECTIONS})


async def _is_ours(runtime: Runtime) -> bool:
    """Nobody has opened this market yet, or the demo has."""
    try:
        settings = await runtime.inner[Market].settings(runtime.system_context("demo"))
    except NotOpened:
        return True
    return bool(settings.demo)


async def _draw(assortment: list[Goods]) -> dict[UUID, bytes]:
    """Every product's picture."""
    slots = asyncio.Semaphore(THREADS)

    async def one(made: Goods) -> tuple[UUID, bytes]:
        async with slots:
            initial = STORES[made.store].name[0]
            seed = f"product-{made.number}"
            return picture_id(made), await asyncio.to_thread(
                product_picture, made.shape, initial, seed
            )

    async def extra(made: Extra) -> tuple[UUID, bytes]:
        async with slots:
            initial = STORES[made.store].name[0]
            drawn = await asyncio.to_thread(product_picture, made.shape, initial, made.label)
            return made.picture_id, drawn

    every = [*(one(made) for made in assortment), *(extra(made) for made in EXTRAS)]
    return dict(await asyncio.gather(*every))


async def _upload(
    runtime: Runtime,
    at: datetime,
    assortment: list[Goods],
    pictures: dict[UUID, bytes],
    members: list[Member],
) -> None:
    media: Media = runtime.inner[Media]

    async def one(id: UUID, label: str, member: Member) -> None:
        ctx = as_member(f"picture:{label}", at, member)
        await media.upload(ctx, id=id, content=pictures[id], vendor_id=member.vendor_id)

    jobs = [partial(one, picture_id(it), str(it.number), members[it.store]) for it in assortment]
    jobs += [partial(one, it.picture_id, it.label, members[it.store]) for it in EXTRAS]
    await Crowd(8).all(jobs)
