"""Who hears of which goods, and what is new: one look for all listeners of a process.

Products are looked at when the catalogue says on the cache's channel that they changed, and all of
them now and then, should a word have been lost. Stock is looked at every second, in one plural
query for everything that anybody here listens to: holds would otherwise have to announce
themselves on the way to every order, for listeners that mostly are not there.

A listener that is slow gets the latest of each offer, not all of it: nothing piles up.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import structlog

from haat.domains.goods.catalog.api import CHANGES, Catalog
from haat.domains.goods.inventory.api import Inventory
from haat.engines.cache import Cache
from haat.engines.endings import end
from haat.kernel.context import Context
from haat.kernel.contract import Contract
from haat.kernel.errors import Limited, Problem, Unavailable
from haat.kernel.money import Money

log = structlog.get_logger()

PRODUCTS_AT_ONCE, OFFERS_AT_ONCE = 100, 500
ALL_AFTER = 10  # looks, until every product is looked at whether it is said to have changed or not
CHANGED_MAX = 10_000


class Leaving(Unavailable, code="leaving"):
    """This process leaves; connect again."""


class ListenersFull(Limited, code="listeners_full"):
    """As many connections hear news here as may; try again later."""


@dataclass(frozen=True, slots=True)
class Seen:
    """An offer at some moment. Without a price it is not on sale."""

    product_id: UUID
    price: Money | None
    available: int


@dataclass(frozen=True, slots=True)
class News:
    """`was` is None for what was there when the listening began."""

    offer_id: UUID
    now: Seen
    was: Seen | None


class Listener:
    """What one subscription waits for: products whole, or some of their offers."""

    def __init__(self, wanted: Mapping[UUID, frozenset[UUID] | None], kind: str) -> None:
        self.wanted = wanted  # product → its offers; None: all of them
        self._kind = kind  # "stock" or "price"
        self._news: dict[UUID, News] = {}
        self._some = asyncio.Event()
        self._left = False

    def tell(self, one: News) -> None:
        offers = self.wanted.get(one.now.product_id, frozenset())
        if offers is not None and one.offer_id not in offers:
            return
        waiting = self._news.get(one.offer_id)
        if waiting is not None:
            one = News(one.offer_id, one.now, waiting.was)
        if one.was is not None and self._same(one.now, one.was):
            self._news.pop(one.offer_id, None)
            return
        self._news[one.offer_id] = one
        self._some.set()

    def _same(self, now: Seen, was: Seen) -> bool:
        if self._kind == "price":
            return now.price == was.price
        return now.available == was.available

    def leave(self) -> None:
        self._left = True
        self._some.set()

    async def next(self) -> News:
        """The news that waited longest. Leaving when there will be none here any more."""
        while not self._news:
            if self._left:
                raise Leaving
            self._some.clear()
            await self._some.wait()
        return self._news.pop(next(iter(self._news)))


class Watch:
    """All listeners of this process."""

    def __init__(
        self,
        doors: Mapping[type[Contract], Any],
        context: Callable[[], Context],
        cache: Cache,
        *,
        every_s: float,
    ) -> None:
        self._doors = doors
        self._context = context
        self._every_s = every_s
        self._listeners: dict[UUID, set[Listener]] = {}  # by product
        self._prices: dict[UUID, dict[UUID, Money]] = {}  # product → its offers on sale
        self._seen: dict[UUID, Seen] = {}
        self._changed: set[UUID] = set()
        self._knock = asyncio.Event()
        self._looking = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self.left = asyncio.Event()
        cache.subscribe(CHANGES, self._heard)

    async def open(self, listener: Listener) -> None:
        """From now on it is told; first of everything as it is. Leaving."""
        if self.left.is_set():
            raise Leaving
        for product in listener.wanted:
            self._listeners.setdefault(product, set()).add(listener)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="graphql.watch")
        async with self._looking:
            await self._look(listener.wanted, listener.wanted)
            for offer, seen in list(self._seen.items()):
                if seen.product_id in listener.wanted:
                    listener.tell(News(offer, seen, None))

    def close(self, listener: Listener) -> None:
        """It is told nothing more; what nobody else listens to is forgotten."""
        for product in listener.wanted:
            others = self._listeners.get(product, set())
            others.discard(listener)
            if not others:
                self._listeners.pop(product, None)
                self._prices.pop(product, None)
        if not self._listeners:
            self._seen.clear()

    def leave(self) -> None:
        """This process leaves: whoever listens is to do so elsewhere."""
        self.left.set()
        for listener in {one for some in self._listeners.values() for one in some}:
            listener.leave()

    async def aclose(self) -> None:
        self.leave()
        if self._task is not None:
            await end([self._task])
            self._task = None

    def _heard(self, message: str) -> None:
        """Products that changed; '' when something may have been missed."""
        named = set(self._listeners) if not message else set(_ids(message)) & set(self._listeners)
        if named and len(self._changed) < CHANGED_MAX:
            self._changed |= named
            self._knock.set()

    async def _run(self) -> None:
        turn = 0
        while True:
            try:
                async with asyncio.timeout(self._every_s):
                    await self._knock.wait()
            except TimeoutError:
                turn += 1
            self._knock.clear()
            if not self._listeners:
                continue
            changed, self._changed = self._changed, set()
            async with self._looking:
                try:
                    everything = list(self._listeners)
                    await self._look(everything if turn % ALL_AFTER == 0 else changed, everything)
                except (Problem, OSError) as error:
                    self._changed |= changed
                    log.warning("watch_behind", error=str(error)[:200])

    async def _look(self, changed: Iterable[UUID], among: Collection[UUID]) -> None:
        """Looks at what the catalogue says of `changed` products, and at the stock of `among`."""
        ctx = self._context()
        wanted = [id for id in changed if id in self._listeners]
        for ids in _batches(wanted, PRODUCTS_AT_ONCE):
            found = {one.id: one for one in await self._doors[Catalog].details(ctx, ids=ids)}
            for id in ids:
                if id in self._listeners:
                    variants = found[id].variants if id in found else []
                    self._prices[id] = {o.id: o.price for v in variants for o in v.offers}
        prices = {o: (p, m) for p in among for o, m in self._prices.get(p, {}).items()}
        now: dict[UUID, Seen] = {}
        for ids in _batches(list(prices), OFFERS_AT_ONCE):
            for left in await self._doors[Inventory].available(ctx, offers=ids):
                product, price = prices[left.offer_id]
                now[left.offer_id] = Seen(product, price, left.available)
        self._compare(now, set(among))

    def _compare(self, now: dict[UUID, Seen], among: set[UUID]) -> None:
        kept, gone = {}, {}
        for offer, seen in self._seen.items():
            if seen.product_id not in self._listeners:
                continue
            if seen.product_id not in among:
                kept[offer] = seen
            elif offer not in now:
                gone[offer] = Seen(seen.product_id, None, 0)
        for offer, seen in {**now, **gone}.items():
            was = self._seen.get(offer)
            if was == seen:
                continue
            for listener in self._listeners.get(seen.product_id, ()):
                # An offer that is new where all of a product is listened to is news, too.
                listener.tell(News(offer, seen, was))
        self._seen = {**kept, **gone, **now}


def _ids(message: str) -> Iterable[UUID]:
    for word in message.split():
        try:
            yield UUID(word)
        except ValueError:
            continue  # an address


def _batches(ids: list[UUID], size: int) -> Iterable[list[UUID]]:
    return [ids[n : n + size] for n in range(0, len(ids), size)]
