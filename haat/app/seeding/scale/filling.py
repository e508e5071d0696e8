"""`haat seed scale`: puts goods into a market, window by window, in constant memory."""

import asyncio
import json
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import TypeVar
from uuid import UUID

from haat.app.commands import with_runtime
from haat.app.processes import tied_to_parent
from haat.app.runtime import Runtime
from haat.app.seeding.cast import Crowd, as_system, id_of
from haat.app.seeding.demo import ENVIRONMENT
from haat.app.seeding.scale.goods import BLOCK, Attached, Choice, Piece, pieces
from haat.app.seeding.scale.opening import Doors, category_id, vendor_id
from haat.app.settings import AppSettings
from haat.domains.goods.catalog.api import (
    AttachItem,
    Catalog,
    OfferDraft,
    ProductDraft,
    PutItem,
    PutOutcome,
    VariantDraft,
)
from haat.domains.goods.inventory.api import Inventory, PutCount
from haat.domains.insight.search.api import Search
from haat.kernel.context import Context
from haat.kernel.errors import Unavailable
from haat.kernel.ids import derive
from haat.kernel.money import Money

WINDOW = 40 * BLOCK  # goods that are made and held at once
PUT_AT_ONCE = 500
COUNTS_AT_ONCE = 5000
PUTS, ATTACHES = 3, 3
ATTACH_EVERY = 20  # windows: then other vendors have several offers each to attach
VENDORS_AT_ONCE = 100
PARTS_FROM = 5  # windows

Say = Callable[[str], None]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Scale:
    """How large a market is made."""

    products: int
    vendors: int
    seed: int = 1


@dataclass(slots=True)
class Done:
    """What a run added; `refused`: what the catalogue said no to, by reason."""

    vendors: int = 0
    products: int = 0
    offers: int = 0
    stocked: int = 0
    refused: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, products: int, offers: int, stocked: int, refused: dict[str, int]) -> None:
        """What a part of it was."""
        self.products += products
        self.offers += offers
        self.stocked += stocked
        for reason, count in refused.items():
            self.refused[reason] += count


async def seed(settings: AppSettings, scale: Scale, say: Say) -> Done:
    """Fills the market, beside a running one or alone."""
    for name in ENVIRONMENT.keys() - {"HAAT_TESTCARD_WEBHOOK_URL"}:
        os.environ.setdefault(name, ENVIRONMENT[name])

    async def work(runtime: Runtime) -> Done:
        filling = Filling(runtime, scale, say)
        filling.parts = parts_for(scale, settings)
        return await filling.all()

    return await with_runtime(settings, work, reacts=True)


def parts_for(scale: Scale, settings: AppSettings) -> int:
    """How many processes put goods in; few goods are there before one has started."""
    windows = -(-scale.products // WINDOW)
    return 1 if windows < PARTS_FROM else min(settings.importing, windows)


class Filling:
    """One run."""

    def __init__(self, runtime: Runtime, scale: Scale, say: Say) -> None:
        self._runtime = runtime
        self._scale = scale
        self._say = say
        self._doors = Doors(runtime, scale.seed)
        self._currency = ""
        self._started = monotonic()
        self._told = 0.0
        self.done = Done()
        self.parts = 1  # processes
        self.stepped: Callable[[], None] = lambda: None
        self.looked = 0  # goods that are in, of this run and of those before
        self._waiting: list[tuple[Piece, Attached]] = []

    async def all(self) -> Done:
        settings = await self._doors.market()
        self._currency = settings.currency
        await self._doors.categories()
        for numbers in _chunks(range(self._scale.vendors), VENDORS_AT_ONCE):
            self.done.vendors += await self._doors.vendors(numbers, settings.demo)
            self._progress(numbers[-1] + 1, self._scale.vendors, "vendors")
        async with self._doors.approving():
            if self.parts > 1:
                await self._spread()
            else:
                await self.part(0, 1)
        return self.done

    async def part(self, number: int, of: int) -> None:
        """Every so many windows of goods, and what others ask for the same."""
        size = self._scale
        if not self._currency:
            self._currency = (await self._doors.market()).currency
        for at, first in enumerate(range(number * WINDOW, size.products, of * WINDOW), 1):
            last = min(first + WINDOW, size.products)
            made = await asyncio.to_thread(_made, size, first, last)
            await self._goods(made)
            self._waiting += [(piece, one) for piece in made for one in piece.attached]
            if at % ATTACH_EVERY == 0:
                await self._others()
            self.looked += len(made)
            self._progress(self.looked, size.products, "products")
            self.stepped()
        await self._others()

    async def _spread(self) -> None:
        """The parts in processes of their own: this one goes on telling and indexing them."""
        some = range(self.parts)
        words = [json.dumps({**asdict(self._scale), "part": n, "parts": self.parts}) for n in some]
        name = "haat.app.seeding.scale.part"
        environment = {**os.environ, "HAAT_DATA": str(self._runtime.settings.folder)}
        children = [
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", name, one),
                stdout=asyncio.subprocess.PIPE,
                env=environment,
                preexec_fn=tied_to_parent(),
            )
            for one in words
        ]
        try:
            await asyncio.gather(*(self._listen(child) for child in children))
        finally:
            for child in children:
                if child.returncode is None:
                    child.kill()

    async def _listen(self, child: asyncio.subprocess.Process) -> None:
        assert child.stdout is not None, "it was asked for"
        async for line in child.stdout:
            told = json.loads(line)
            self.looked += told.pop("looked")
            self.done.add(**told)
            self._progress(self.looked, self._scale.products, "products")
        if await child.wait():
            raise Unavailable("A process that puts goods in has ended; run it again to go on.")

    # -- goods ---------------------------------------------------------------------------------

    async def _goods(self, made: list[Piece]) -> None:
        search: Search = self._runtime.inner[Search]
        sold = {self._id(piece): piece.sold for piece in made if piece.sold}
        await search.sold_before(_system("sold"), sold=sold)
        by_vendor: defaultdict[int, list[Piece]] = defaultdict(list)
        for piece in made:
            by_vendor[piece.vendor].append(piece)
        jobs = [
            partial(self._put, vendor, chunk)
            for vendor, own in by_vendor.items()
            for chunk in _chunks(own, PUT_AT_ONCE)
        ]
        await Crowd(PUTS).all(jobs)

    async def _put(self, vendor: int, own: Sequence[Piece]) -> None:
        catalog: Catalog = self._runtime.inner[Catalog]
        items = [PutItem(id=self._id(piece), draft=_draft(piece, self._currency)) for piece in own]
        who = vendor_id(self._scale.seed, vendor)
        told = await catalog.put(_system(f"put:{own[0].number}"), vendor_id=who, items=items)
        counts: list[PutCount] = []
        for piece, outcome in zip(own, told, strict=True):
            if outcome.what == "refused":
                self.done.refused[outcome.code] += 1
            elif outcome.what == "created":
                self.done.products += 1
                counts += _counts(piece, outcome)
        inventory: Inventory = self._runtime.inner[Inventory]
        ctx = _system(f"stock:{own[0].number}")
        for chunk in _chunks(counts, COUNTS_AT_ONCE):
            told_of = await inventory.put_on_hand(ctx, vendor_id=who, counts=list(chunk))
            self.done.stocked += sum(word == "changed" for word in told_of.values())

    # -- others' offers ------------------------------------------------------------------------

    async def _others(self) -> None:
        by_vendor: defaultdict[int, list[tuple[Piece, Attached]]] = defaultdict(list)
        for piece, one in self._waiting:
            by_vendor[one.vendor].append((piece, one))
        self._waiting.clear()
        jobs = [
            partial(self._attach, vendor, some)
            for vendor, own in by_vendor.items()
            for some in _chunks(own, PUT_AT_ONCE)
        ]
        await Crowd(ATTACHES).all(jobs)

    async def _attach(self, vendor: int, some: Sequence[tuple[Piece, Attached]]) -> None:
        catalog: Catalog = self._runtime.inner[Catalog]
        who = vendor_id(self._scale.seed, vendor)
        label = f"{some[0][0].number}:{vendor}"
        items = [self._item(*pair) for pair in some]
        told = await catalog.attach_many(_system(f"attach:{label}"), vendor_id=who, items=items)
        counts: list[PutCount] = []
        for (_, one), item, outcome in zip(some, items, told, strict=True):
            if outcome.what == "refused":
                self.done.refused[outcome.code] += 1
                continue
            self.done.offers += outcome.what == "attached"
            counts.append(
                PutCount(
                    id=derive(item.id, "stock"),
                    offer_id=item.id,
                    product_id=item.product_id,
                    sku=one.sku,
                    on_hand=one.on_hand,
                )
            )
        inventory: Inventory = self._runtime.inner[Inventory]
        await inventory.put_on_hand(_system(f"others:{label}"), vendor_id=who, counts=counts)

    def _item(self, piece: Piece, one: Attached) -> AttachItem:
        product = self._id(piece)
        draft = OfferDraft(
            variant_id=derive(product, f"variant:{piece.choices[one.choice].sku}"),
            sku=one.sku,
            price=Money(minor=one.price, currency=self._currency),
            condition=one.condition,
            handling_days=one.handling_days,
        )
        return AttachItem(id=self._offer_id(piece, one), product_id=product, draft=draft)

    def _offer_id(self, piece: Piece, one: Attached) -> UUID:
        return id_of(f"scale:{self._scale.seed}:offer:{piece.number}:{one.vendor}")

    def _id(self, piece: Piece) -> UUID:
        return id_of(f"scale:{self._scale.seed}:product:{piece.number}")

    def _progress(self, done: int, of: int, what: str) -> None:
        now = monotonic()
        if done == of or now - self._told > 5:
            self._told = now
            self._say(f"{done:,} of {of:,} {what}, {now - self._started:,.0f} s")


def _system(label: str) -> Context:
    return as_system(f"scale:{label}", datetime.now(UTC))


def _chunks(many: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (many[at : at + size] for at in range(0, len(many), size))


def _made(size: Scale, first: int, last: int) -> list[Piece]:
    return list(pieces(size.seed, first, last, size.vendors))


def _draft(piece: Piece, currency: str) -> ProductDraft:
    return ProductDraft(
        title=piece.title,
        description_html=piece.html,
        category_id=category_id(piece.place),
        brand=piece.brand,
        option_names=piece.option_names,
        variants=[_variant(choice, currency) for choice in piece.choices],
        specs=dict(piece.specs),
    )


def _variant(choice: Choice, currency: str) -> VariantDraft:
    reduced = choice.compare_at
    return VariantDraft(
        options=choice.options,
        sku=choice.sku,
        price=Money(minor=choice.price, currency=currency),
        compare_at=Money(minor=reduced, currency=currency) if reduced else None,
        barcode=choice.barcode,
        weight_g=choice.weight_g,
    )


def _counts(piece: Piece, outcome: PutOutcome) -> Iterator[PutCount]:
    for choice in piece.choices:
        offer = outcome.offers.get(choice.sku)
        if offer is not None and choice.on_hand:
            yield PutCount(
                id=derive(offer, "stock"),
                offer_id=offer,
                product_id=outcome.id,
                sku=choice.sku,
                on_hand=choice.on_hand,
            )
